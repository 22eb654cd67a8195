/* SPDX-License-Identifier: MIT */
#include "proto/saved_state.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "vmstate/fields.h"

#define FILTER_MAX     SAVED_FILTER_MONITORS_CONFIG
#define GLZ_WINDOW_MAX (1u << 25)  /* pixels: what the format's distances reach */
#define CACHE_MAX      (1ll << 40) /* pixels */
#define SIDE_MAX       (1u << 16)  /* pixels of a surface, one way */
#define ENCODERS_MAX   256u

/* ---- Header ---- */

static const struct field header_rows[] = {
    FIELD_ROW(U32, struct saved_header, magic),
    FIELD_ROW(U32, struct saved_header, version),
};

const struct field_table saved_header_table = {
    .name = "header",
    FIELD_TABLE_OF(struct saved_header, header_rows),
};

/* ---- Character device ---- */

static const struct field char_device_rows[] = {
    FIELD_ROW(U32, struct saved_char_device, version, .min = 1, .max = 1),
    FIELD_ROW(BOOL, struct saved_char_device, connected),
    FIELD_ROW(U32, struct saved_char_device, num_client_tokens),
    FIELD_ROW(U32, struct saved_char_device, num_send_tokens),
    FIELD_ROW(U32, struct saved_char_device, write_size),
    FIELD_ROW(U32, struct saved_char_device, write_num_client_tokens),
    FIELD_LIST(U8, struct saved_char_device, write_data, write_size, SAVED_WRITE_MAX, .far = true),
};

static const struct field_table char_device_table = {
    .name = "char_device",
    FIELD_TABLE_OF(struct saved_char_device, char_device_rows),
};

/* ---- Main ---- */

static const struct field agent_read_rows[] = {
    FIELD_ROW(U32, struct saved_agent_read, chunk_header_size, .max = SAVED_CHUNK_HEADER),
    FIELD_ROW(U32, struct saved_agent_read, chunk_port),
    FIELD_ROW(U32, struct saved_agent_read, chunk_size),
    FIELD_ROW(BOOL, struct saved_agent_read, msg_header_done),
    FIELD_ROW(U32, struct saved_agent_read, msg_header_len),
    FIELD_LIST(U8, struct saved_agent_read, msg_header, msg_header_len, SAVED_MESSAGE_HEADER,
               .far = true),
    FIELD_ROW(U32, struct saved_agent_read, msg_remaining),
    FIELD_ROW(U8, struct saved_agent_read, msg_filter, .max = FILTER_MAX),
};

static const struct field_table agent_read_table = {
    .name = "a2c",
    FIELD_TABLE_OF(struct saved_agent_read, agent_read_rows),
};

static const struct field agent_write_rows[] = {
    FIELD_ROW(U32, struct saved_agent_write, msg_remaining),
    FIELD_ROW(U8, struct saved_agent_write, msg_filter, .max = FILTER_MAX),
};

static const struct field_table agent_write_table = {
    .name = "c2a",
    FIELD_TABLE_OF(struct saved_agent_write, agent_write_rows),
};

static const struct field main_rows[] = {
    FIELD_STRUCT(&char_device_table, struct main_state, agent),
    FIELD_ROW(BOOL, struct main_state, client_agent_started),
    FIELD_STRUCT(&agent_read_table, struct main_state, a2c),
    FIELD_STRUCT(&agent_write_table, struct main_state, c2a),
};

/* The window is the agent's: other character devices count tokens differently or not at all. */
static const char *check_main(const void *object)
{
    const struct saved_char_device *agent = &((const struct main_state *)object)->agent;

    if (!agent->connected && !agent->write_size)
        return NULL;
    if ((uint64_t)agent->num_client_tokens + agent->write_num_client_tokens > SAVED_AGENT_WINDOW)
        return "more tokens than the window";
    return NULL;
}

const struct field_table saved_main_table = {
    .name = "main",
    FIELD_TABLE_OF(struct main_state, main_rows),
    .check = check_main,
};

/* ---- Display ---- */

static const struct field surface_rows[] = {
    FIELD_ROW(U32, struct saved_surface, id, .max = SAVED_SURFACES_MAX - 1),
};

static const struct field_table surface_table = {
    .name = "surface",
    FIELD_TABLE_OF(struct saved_surface, surface_rows),
};

static const struct field lossy_surface_rows[] = {
    FIELD_ROW(U32, struct saved_surface, id, .max = SAVED_SURFACES_MAX - 1),
    FIELD_ROW(I32, struct saved_surface, left, .max = SIDE_MAX),
    FIELD_ROW(I32, struct saved_surface, top, .max = SIDE_MAX),
    FIELD_ROW(I32, struct saved_surface, right, .max = SIDE_MAX),
    FIELD_ROW(I32, struct saved_surface, bottom, .max = SIDE_MAX),
};

static const char *check_lossy_surface(const void *object)
{
    const struct saved_surface *s = object;

    return s->left > s->right || s->top > s->bottom ? "inside-out rectangle" : NULL;
}

static const struct field_table lossy_surface_table = {
    .name = "lossy_surface",
    FIELD_TABLE_OF(struct saved_surface, lossy_surface_rows),
    .check = check_lossy_surface,
};

static bool is_lossy(const void *object)
{
    return ((const struct saved_surfaces *)object)->lossy;
}

static bool is_lossless(const void *object)
{
    return !is_lossy(object);
}

static const struct field surfaces_rows[] = {
    FIELD_ROW(U32, struct saved_surfaces, count),
    FIELD_STRUCTS(&surface_table, struct saved_surfaces, list, count, SAVED_SURFACES_MAX,
                  .exists = is_lossless),
    FIELD_STRUCTS(&lossy_surface_table, struct saved_surfaces, list, count, SAVED_SURFACES_MAX,
                  .exists = is_lossy),
};

static const char *check_surfaces(const void *object)
{
    const struct saved_surfaces *s = object;
    bool seen[SAVED_SURFACES_MAX] = {false};

    for (uint32_t i = 0; i < s->count; i++) {
        if (seen[s->list[i].id])
            return "surface listed twice";
        seen[s->list[i].id] = true;
    }
    return NULL;
}

static const struct field_table surfaces_table = {
    .name = "surfaces",
    FIELD_TABLE_OF(struct saved_surfaces, surfaces_rows),
    .check = check_surfaces,
};

static const struct field display_rows[] = {
    FIELD_ROW(U64, struct display_state, message_serial),
    FIELD_ROW(BOOL, struct display_state, low_bandwidth),
    FIELD_ROW(U8, struct display_state, pixmap_cache_id),
    FIELD_ROW(I64, struct display_state, pixmap_cache_size, .min = -1, .max = CACHE_MAX),
    FIELD_ROW(BOOL, struct display_state, pixmap_cache_freezer),
    FIELD_ARRAY(U64, struct display_state, pixmap_cache_serials, SAVED_CACHE_CLIENTS),
    FIELD_ROW(U8, struct display_state, glz_dictionary_id),
    FIELD_ROW(U32, struct display_state, glz_window_size, .max = GLZ_WINDOW_MAX),
    FIELD_ROW(U32, struct display_state, max_encoders, .max = ENCODERS_MAX),
    FIELD_ROW(U64, struct display_state, next_image_id),
    FIELD_STRUCT(&surfaces_table, struct display_state, surfaces, .far = true),
};

const struct field_table saved_display_table = {
    .name = "display",
    FIELD_TABLE_OF(struct display_state, display_rows),
};

/* ---- Inputs ---- */

static const struct field inputs_rows[] = {
    FIELD_ROW(U16, struct inputs_state, motion_count),
};

const struct field_table saved_inputs_table = {
    .name = "inputs",
    FIELD_TABLE_OF(struct inputs_state, inputs_rows),
};

/* ---- USB redirection, ports, webdav ---- */

static const struct field vmc_rows[] = {
    FIELD_STRUCT(&char_device_table, struct vmc_state, device),
};

const struct field_table saved_vmc_table = {
    .name = "vmc",
    FIELD_TABLE_OF(struct vmc_state, vmc_rows),
};

/* ---- Smart cards ---- */

static const struct field card_rows[] = {
    FIELD_STRUCT(&char_device_table, struct vmc_state, device),
    FIELD_ROW(BOOL, struct vmc_state, reader_added),
    FIELD_ROW(U32, struct vmc_state, read_size),
    FIELD_LIST(U8, struct vmc_state, read_data, read_size, SAVED_CARD_READ_MAX, .far = true),
};

const struct field_table saved_card_table = {
    .name = "smartcard",
    FIELD_TABLE_OF(struct vmc_state, card_rows),
};

/* ---- Trailer ---- */

static const struct field trailer_head_rows[] = {
    FIELD_ROW(U32, struct saved_trailer_head, magic),
    FIELD_ROW(U32, struct saved_trailer_head, version, .min = 1, .max = SAVED_TRAILER_VERSION),
    FIELD_ROW(U32, struct saved_trailer_head, size, .max = SAVED_TRAILER_MAX),
};

const struct field_table saved_trailer_head_table = {
    .name = "trailer",
    FIELD_TABLE_OF(struct saved_trailer_head, trailer_head_rows),
};

static const struct field record_head_rows[] = {
    FIELD_ROW(U32, struct saved_record_head, tag),
    FIELD_ROW(U32, struct saved_record_head, size, .max = SAVED_TRAILER_MAX),
};

const struct field_table saved_record_head_table = {
    .name = "record",
    FIELD_TABLE_OF(struct saved_record_head, record_head_rows),
};

static const struct field mouse_mode_rows[] = {
    FIELD_ROW(U32, struct saved_mouse_mode, mode, .min = SPICE_MOUSE_MODE_SERVER,
              .max = SPICE_MOUSE_MODE_CLIENT),
};

const struct field_table saved_mouse_mode_table = {
    .name = "mouse_mode",
    FIELD_TABLE_OF(struct saved_mouse_mode, mouse_mode_rows),
};

static const struct field tiles_rows[] = {
    FIELD_ROW(U32, struct saved_tiles, surface_id, .max = SAVED_SURFACES_MAX - 1),
    FIELD_ROW(U32, struct saved_tiles, width, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_tiles, height, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_tiles, tile_size, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_tiles, count),
    FIELD_LIST(U64, struct saved_tiles, hashes, count, SAVED_TRAILER_MAX / 8),
};

static const char *check_tiles(const void *object)
{
    const struct saved_tiles *t = object;
    uint64_t columns = ((uint64_t)t->width + t->tile_size - 1) / t->tile_size;
    uint64_t rows = ((uint64_t)t->height + t->tile_size - 1) / t->tile_size;

    return columns * rows != t->count ? "not one hash a tile" : NULL;
}

const struct field_table saved_tiles_table = {
    .name = "tiles",
    FIELD_TABLE_OF(struct saved_tiles, tiles_rows),
    .check = check_tiles,
};

static const struct field image_rows[] = {
    FIELD_ROW(U64, struct saved_image, id),
    FIELD_ROW(U32, struct saved_image, width, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_image, height, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_image, count),
    FIELD_LIST(U64, struct saved_image, blocks, count, SAVED_IMAGE_BLOCKS_MAX),
};

static const struct field_table image_table = {
    .name = "image",
    FIELD_TABLE_OF(struct saved_image, image_rows),
};

static const struct field images_rows[] = {
    FIELD_ROW(U64, struct saved_images, newest),
    FIELD_ROW(U32, struct saved_images, tile_size, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_images, block_size, .min = 1, .max = SIDE_MAX),
    FIELD_ROW(U32, struct saved_images, count),
    FIELD_STRUCTS(&image_table, struct saved_images, list, count, SAVED_IMAGES_MAX),
};

static const char *check_images(const void *object)
{
    const struct saved_images *images = object;
    uint64_t blocks = 0;

    for (uint32_t i = 0; i < images->count; i++) {
        const struct saved_image *image = &images->list[i];
        uint64_t columns = ((uint64_t)image->width + images->block_size - 1) / images->block_size;
        uint64_t rows = ((uint64_t)image->height + images->block_size - 1) / images->block_size;

        blocks += image->count;
        if (columns * rows != image->count)
            return "not one hash a block";
        if (image->id >> 32 != images->newest >> 32 || image->id > images->newest)
            return "an id that was not given yet";
    }
    return blocks > SAVED_IMAGE_BLOCKS_MAX ? "too many blocks" : NULL;
}

const struct field_table saved_images_table = {
    .name = "images",
    FIELD_TABLE_OF(struct saved_images, images_rows),
    .check = check_images,
};

static const struct field speed_rows[] = {
    FIELD_ROW(U32, struct saved_speed, round_trip_us),
    FIELD_ROW(U64, struct saved_speed, rate),
    FIELD_ROW(U8, struct saved_speed, compression, .max = SPICE_IMAGE_COMPRESSION_ENUM_END - 1),
};

const struct field_table saved_speed_table = {
    .name = "speed",
    FIELD_TABLE_OF(struct saved_speed, speed_rows),
};

static const struct field input_rows[] = {
    FIELD_ROW(U8, struct saved_input, kind, .max = SAVED_INPUT_BUTTONS),
    FIELD_ROW(I32, struct saved_input, x, .min = INT16_MIN, .max = INT16_MAX),
    FIELD_ROW(I32, struct saved_input, y, .min = INT16_MIN, .max = INT16_MAX),
    FIELD_ROW(U32, struct saved_input, buttons),
};

static const char *check_input(const void *object)
{
    const struct saved_input *input = object;
    uint32_t display = input->kind == SAVED_INPUT_POSITION ? 0xff000000u : 0;

    return input->buttons & ~display & ~0xffu ? "buttons that there are not" : NULL;
}

static const struct field_table input_table = {
    .name = "input",
    FIELD_TABLE_OF(struct saved_input, input_rows),
    .check = check_input,
};

static const struct field inputs_held_rows[] = {
    FIELD_ROW(U32, struct saved_inputs_held, count),
    FIELD_STRUCTS(&input_table, struct saved_inputs_held, list, count, SAVED_INPUTS_HELD),
};

const struct field_table saved_inputs_held_table = {
    .name = "held",
    FIELD_TABLE_OF(struct saved_inputs_held, inputs_held_rows),
};

static const struct field keys_rows[] = {
    FIELD_ROW(U32, struct saved_keys, count),
    FIELD_LIST(U8, struct saved_keys, codes, count, SAVED_KEYS_MAX),
};

const struct field_table saved_keys_table = {
    .name = "keys",
    FIELD_TABLE_OF(struct saved_keys, keys_rows),
};

static const struct field device_rows[] = {
    FIELD_ROW(U8, struct saved_device, channel_type),
    FIELD_ROW(U8, struct saved_device, channel_id),
    FIELD_ROW(BOOL, struct saved_device, opened),
    FIELD_ROW(U32, struct saved_device, name_len),
    FIELD_LIST(U8, struct saved_device, name, name_len, SAVED_NAME_MAX),
};

static const char *check_device(const void *object)
{
    const struct saved_device *d = object;

    return d->name_len && memchr(d->name, 0, d->name_len) ? "a NUL in the name" : NULL;
}

const struct field_table saved_device_table = {
    .name = "device",
    FIELD_TABLE_OF(struct saved_device, device_rows),
    .check = check_device,
};
