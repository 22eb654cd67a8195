/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display_rig.h"
#include "lz_decode.h"

/* Two ends of a TCP connection on the loopback. */
static void tcp_pair(int fds[2])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&addr, len) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        g_error("no loopback");
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fds[0], (struct sockaddr *)&addr, len) < 0)
        g_error("no connection");
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void image_free(void *opaque)
{
    struct rig_image *image = opaque;

    g_free(image->pixels);
    g_free(image);
}

struct rig_client *rig_client_new(struct rig *rig, enum display_channel channel, enum rig_link link)
{
    struct rig_client *client = g_new0(struct rig_client, 1);
    struct display_link end = {.mini = true, .target = link == RIG_TARGET, .token = client};
    int fds[2];

    tcp_pair(fds);
    client->fd = fds[0];
    client->cache = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, image_free);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    end.stream = stream_from_fd(fds[1]);
    link_caps_set(&end.caps, SPICE_DISPLAY_CAP_MONITORS_CONFIG);
    display_attach(rig->display, channel, &end);
    if (channel == DISPLAY_CHANNEL_DISPLAY && link == RIG_FRESH) {
        const uint8_t init[14] = {1, 0, 0, RIG_CACHE_PIXELS >> 16, 0, 0, 0, 0, 0, 7, 0, 0x20, 0, 0};

        rig_client_send(client, SPICE_MSGC_DISPLAY_INIT, init, sizeof(init));
    }
    return client;
}

void rig_client_free(struct rig_client *client)
{
    close(client->fd);
    buf_free(&client->in);
    for (unsigned i = 0; i < G_N_ELEMENTS(client->last); i++)
        buf_free(&client->last[i]);
    g_clear_pointer(&client->cache, g_hash_table_destroy);
    g_free(client->picture);
    g_free(client);
}

void rig_client_send(struct rig_client *client, uint16_t type, const void *body, uint32_t len)
{
    struct buf out = BUF_INIT;
    size_t done = 0;

    buf_u16(&out, type);
    buf_u32(&out, len);
    if (len)
        buf_append(&out, body, len);
    while (done < out.len) {
        struct pollfd ready = {.fd = client->fd, .events = POLLOUT};
        ssize_t n = send(client->fd, out.data + done, out.len - done, MSG_NOSIGNAL);

        if (n > 0)
            done += (size_t)n;
        else if (poll(&ready, 1, RIG_WAIT_MS) <= 0)
            break;
        else if (n < 0 && errno != EAGAIN)
            break;
    }
    buf_free(&out);
}

/* Messages ------------------------------------------------------------------------------------ */

static void fault(struct rig_client *client, const char *what)
{
    g_printerr("client: %s\n", what);
    client->faults++;
}

static pixman_box32_t read_box(struct reader *r)
{
    pixman_box32_t box;

    box.y1 = reader_i32(r);
    box.x1 = reader_i32(r);
    box.y2 = reader_i32(r);
    box.x2 = reader_i32(r);
    return box;
}

/* DisplayBase; false when it is nothing that can be drawn. */
static bool read_base(struct rig_client *client, struct reader *r, pixman_box32_t *box)
{
    uint32_t surface = reader_u32(r);

    *box = read_box(r);
    if (surface == 0 && client->has_surface && reader_u8(r) == SPICE_CLIP_TYPE_NONE &&
        reader_ok(r) && box->x1 >= 0 && box->y1 >= 0 && box->x1 < box->x2 && box->y1 < box->y2 &&
        box->x2 <= (int32_t)client->width && box->y2 <= (int32_t)client->height) {
        client->drawn_pixels += (uint64_t)(box->x2 - box->x1) * (uint64_t)(box->y2 - box->y1);
        return true;
    }
    fault(client, "draws where nothing is");
    return false;
}

static void put(struct rig_client *client, int32_t x, int32_t y, uint32_t value)
{
    client->picture[(size_t)y * client->width + (size_t)x] = value & 0x00ffffff;
}

static void on_fill(struct rig_client *client, struct reader *r)
{
    pixman_box32_t box;
    uint32_t color;

    if (!read_base(client, r, &box))
        return;
    if (reader_u8(r) != SPICE_BRUSH_TYPE_SOLID)
        fault(client, "fills with no colour");
    color = reader_u32(r);
    if (reader_u16(r) != SPICE_ROPD_OP_PUT)
        fault(client, "fills with a rop");
    for (int32_t y = box.y1; y < box.y2; y++) {
        for (int32_t x = box.x1; x < box.x2; x++)
            put(client, x, y, color);
    }
}

/* B G R X bytes to the pixels of an image. */
static void take_pixels(struct rig_image *image, const uint8_t *pixels)
{
    for (size_t i = 0; i < (size_t)image->width * image->height; i++, pixels += 4)
        image->pixels[i] = pixels[0] | (uint32_t)pixels[1] << 8 | (uint32_t)pixels[2] << 16;
}

static void on_bitmap(struct rig_client *client, struct reader *r, struct rig_image *image)
{
    uint8_t format = reader_u8(r), flags = reader_u8(r);
    uint32_t x = reader_u32(r), y = reader_u32(r), stride = reader_u32(r);
    const uint8_t *pixels;

    reader_u32(r); /* palette */
    pixels = reader_bytes(r, (size_t)stride * image->height);
    if (format != SPICE_BITMAP_FMT_32BIT || !(flags & SPICE_BITMAP_FLAGS_TOP_DOWN) ||
        x != image->width || y != image->height || stride != image->width * 4 || !pixels)
        fault(client, "a bitmap that is none");
    else
        take_pixels(image, pixels);
}

static void on_lz(struct rig_client *client, struct reader *r, struct rig_image *image)
{
    struct lz_picture picture;
    size_t n = reader_left(r);

    if (!lz_decode(reader_bytes(r, n), n, &picture) || picture.width != image->width ||
        picture.height != image->height) {
        fault(client, "an LZ image that is none");
        return;
    }
    take_pixels(image, picture.pixels);
    free(picture.pixels);
}

static struct rig_image *decode(struct rig_client *client, struct reader *r, uint64_t id,
                                uint8_t type)
{
    struct rig_image *image = g_new0(struct rig_image, 1);

    image->id = id;
    image->width = reader_u32(r);
    image->height = reader_u32(r);
    if ((uint64_t)image->width * image->height > client->width * client->height) {
        fault(client, "an image of another size");
        image->width = 0;
    }
    image->pixels = g_new0(uint32_t, (size_t)image->width * image->height + 1);
    if (type == SPICE_IMAGE_TYPE_BITMAP)
        on_bitmap(client, r, image);
    else if (type == SPICE_IMAGE_TYPE_LZ_RGB)
        on_lz(client, r, image);
    else
        fault(client, "an image of unknown type");
    return image;
}

static void keep_image(struct rig_client *client, struct rig_image *image)
{
    if (image->id == 0 || g_hash_table_contains(client->cache, &image->id))
        fault(client, "an image that is kept already");
    client->cache_pixels += (uint64_t)image->width * image->height;
    if (client->cache_pixels > RIG_CACHE_PIXELS)
        fault(client, "more images than the cache takes");
    g_hash_table_replace(client->cache, &image->id, image);
}

static void on_inval_list(struct rig_client *client, struct reader *r)
{
    uint16_t n = reader_u16(r);

    for (uint16_t i = 0; i < n; i++) {
        uint8_t type = reader_u8(r);
        uint64_t id = reader_u64(r);
        const struct rig_image *image = g_hash_table_lookup(client->cache, &id);

        if (type != SPICE_RES_TYPE_PIXMAP || !image) {
            fault(client, "drops an image that is not kept");
            continue;
        }
        client->cache_pixels -= (uint64_t)image->width * image->height;
        g_hash_table_remove(client->cache, &id);
    }
}

/* The part at `src` of the image to the box. */
static void put_image(struct rig_client *client, const pixman_box32_t *box,
                      const pixman_box32_t *src, const struct rig_image *image)
{
    if (src->x1 < 0 || src->y1 < 0 || src->x2 > (int32_t)image->width ||
        src->y2 > (int32_t)image->height || src->x2 - src->x1 != box->x2 - box->x1 ||
        src->y2 - src->y1 != box->y2 - box->y1) {
        fault(client, "copies from outside an image, or scales");
        return;
    }
    for (int32_t y = box->y1; y < box->y2; y++) {
        for (int32_t x = box->x1; x < box->x2; x++)
            put(client, x, y,
                image->pixels[(size_t)(src->y1 + y - box->y1) * image->width +
                              (size_t)(src->x1 + x - box->x1)]);
    }
}

static void on_cached(struct rig_client *client, struct reader *r, uint64_t id,
                      const pixman_box32_t *box, const pixman_box32_t *src)
{
    const struct rig_image *image = g_hash_table_lookup(client->cache, &id);

    if (!image || image->width != reader_u32(r) || image->height != reader_u32(r))
        fault(client, "an image that is not kept");
    else
        put_image(client, box, src, image);
}

static void on_image(struct rig_client *client, struct reader *r, const pixman_box32_t *box,
                     const pixman_box32_t *src)
{
    uint64_t id = reader_u64(r);
    uint8_t type = reader_u8(r), flags = reader_u8(r);
    struct rig_image *image;

    client->images[type]++;
    if (type == SPICE_IMAGE_TYPE_FROM_CACHE) {
        on_cached(client, r, id, box, src);
        return;
    }
    image = decode(client, r, id, type);
    put_image(client, box, src, image);
    if (flags == SPICE_IMAGE_FLAGS_CACHE_ME) {
        keep_image(client, image);
        return;
    }
    if (flags)
        fault(client, "an image with flags");
    image_free(image);
}

static void on_copy(struct rig_client *client, struct reader *r)
{
    pixman_box32_t box, src;
    uint32_t image_at;

    if (!read_base(client, r, &box))
        return;
    image_at = reader_u32(r);
    src = read_box(r);
    if (reader_u16(r) != SPICE_ROPD_OP_PUT)
        fault(client, "copies with a rop");
    reader_u8(r);
    if (reader_u8(r) || reader_i32(r) || reader_i32(r) || reader_u32(r))
        fault(client, "copies with a mask");
    reader_seek(r, image_at);
    on_image(client, r, &box, &src);
}

static void on_copy_bits(struct rig_client *client, struct reader *r)
{
    pixman_box32_t box;
    int32_t x, y, width, height;
    uint32_t *from;

    if (!read_base(client, r, &box))
        return;
    x = reader_i32(r);
    y = reader_i32(r);
    width = box.x2 - box.x1;
    height = box.y2 - box.y1;
    if (!reader_ok(r) || x < 0 || y < 0 || x + width > (int32_t)client->width ||
        y + height > (int32_t)client->height) {
        fault(client, "copies from where nothing is");
        return;
    }
    from = g_memdup2(client->picture, (size_t)client->width * client->height * sizeof(*from));
    for (int32_t dy = 0; dy < height; dy++) {
        for (int32_t dx = 0; dx < width; dx++)
            put(client, box.x1 + dx, box.y1 + dy,
                from[(size_t)(y + dy) * client->width + (size_t)(x + dx)]);
    }
    g_free(from);
}

static void on_surface_create(struct rig_client *client, struct reader *r)
{
    uint32_t id = reader_u32(r);

    if (client->has_surface || id != 0)
        fault(client, "a surface that is there");
    client->has_surface = true;
    client->width = reader_u32(r);
    client->height = reader_u32(r);
    if (reader_u32(r) != SPICE_SURFACE_FMT_32_xRGB || reader_u32(r) != SPICE_SURFACE_FLAGS_PRIMARY)
        fault(client, "a surface of another kind");
    g_free(client->picture);
    client->picture = g_new(uint32_t, (size_t)client->width * client->height);
    memset(client->picture, 0x77, (size_t)client->width * client->height * 4);
}

static void on_set_ack(struct rig_client *client, struct reader *r)
{
    uint8_t generation[4];

    memcpy(generation, reader_bytes(r, 4), 4);
    client->window = reader_u32(r);
    client->unacked = 0;
    rig_client_send(client, SPICE_MSGC_ACK_SYNC, generation, 4);
}

static void on_ping(struct rig_client *client, struct reader *r)
{
    const uint8_t *id_and_time = reader_bytes(r, 12);

    if (id_and_time)
        rig_client_send(client, SPICE_MSGC_PONG, id_and_time, 12);
}

static void on_message(struct rig_client *client, uint16_t type, struct reader body)
{
    if (type >= G_N_ELEMENTS(client->seen)) {
        fault(client, "a message of unknown type");
        return;
    }
    client->seen[type]++;
    buf_reset(&client->last[type]);
    buf_append(&client->last[type], body.base, body.len);
    if (type == SPICE_MSG_SET_ACK)
        on_set_ack(client, &body);
    else if (type == SPICE_MSG_PING)
        on_ping(client, &body);
    else if (type == SPICE_MSG_DISPLAY_SURFACE_CREATE)
        on_surface_create(client, &body);
    else if (type == SPICE_MSG_DISPLAY_SURFACE_DESTROY)
        client->has_surface = false;
    else if (type == SPICE_MSG_DISPLAY_DRAW_COPY)
        on_copy(client, &body);
    else if (type == SPICE_MSG_DISPLAY_COPY_BITS)
        on_copy_bits(client, &body);
    else if (type == SPICE_MSG_DISPLAY_DRAW_FILL)
        on_fill(client, &body);
    else if (type == SPICE_MSG_DISPLAY_INVAL_LIST)
        on_inval_list(client, &body);
    else if (type == SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS)
        fault(client, "drops the images of all channels");
    if (!reader_ok(&body))
        fault(client, "a message that is too short");
    if (client->window && ++client->unacked >= client->window) {
        client->unacked = 0;
        rig_client_send(client, SPICE_MSGC_ACK, NULL, 0);
    }
}

static void take_messages(struct rig_client *client)
{
    size_t done = 0;

    for (;;) {
        struct reader in = reader_make(client->in.data + done, client->in.len - done);
        uint16_t type = reader_u16(&in);
        uint32_t size = reader_u32(&in);

        if (!reader_ok(&in) || reader_left(&in) < size)
            break;
        on_message(client, type, reader_make(in.base + in.pos, size));
        done += in.pos + size;
    }
    buf_consume(&client->in, done);
}

bool rig_client_read(struct rig_client *client, int ms)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    static uint8_t bytes[256 * 1024];
    ssize_t n;

    if (client->eof || poll(&ready, 1, ms) <= 0)
        return false;
    n = recv(client->fd, bytes, sizeof(bytes), 0);
    if (n <= 0) {
        client->eof = n == 0 || errno != EAGAIN;
        return false;
    }
    buf_append(&client->in, bytes, (size_t)n);
    take_messages(client);
    return true;
}

bool rig_client_await(struct rig_client *client, uint16_t type, unsigned n)
{
    int64_t until = g_get_monotonic_time() + RIG_WAIT_MS * 1000;

    while (client->seen[type] < n) {
        if (client->eof || g_get_monotonic_time() > until)
            return false;
        rig_client_read(client, 100);
    }
    return true;
}

static bool same_picture(const struct rig_client *client, const struct rig *rig)
{
    if (!client->has_surface || client->width != rig->width || client->height != rig->height)
        return false;
    for (uint32_t y = 0; y < rig->height; y++) {
        const uint32_t *theirs = rig->mem + (size_t)(rig->height - 1 - y) * rig->width;
        const uint32_t *ours = client->picture + (size_t)y * rig->width;

        for (uint32_t x = 0; x < rig->width; x++) {
            if ((theirs[x] & 0x00ffffff) != ours[x])
                return false;
        }
    }
    return true;
}

bool rig_client_await_picture(struct rig_client *client, struct rig *rig)
{
    int64_t until = g_get_monotonic_time() + RIG_WAIT_MS * 1000;

    rig_settle(rig);
    while (!same_picture(client, rig)) {
        if (client->eof || g_get_monotonic_time() > until)
            return false;
        rig_client_read(client, 100);
    }
    return true;
}

struct rig_client *rig_client_move(struct rig_client *client, struct rig *from, struct rig *to)
{
    struct rig_client *moved = rig_client_new(to, DISPLAY_CHANNEL_DISPLAY, RIG_TARGET);
    struct buf *data = &client->last[SPICE_MSG_MIGRATE_DATA];

    display_migrate(from->display, client, true);
    if (!rig_client_await(client, SPICE_MSG_MIGRATE, 1))
        g_error("no MIGRATE");
    rig_client_send(client, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    if (!rig_client_await(client, SPICE_MSG_MIGRATE_DATA, 1))
        g_error("no MIGRATE_DATA");
    rig_client_send(moved, SPICE_MSGC_MIGRATE_DATA, data->data, (uint32_t)data->len);
    moved->has_surface = client->has_surface;
    moved->width = client->width;
    moved->height = client->height;
    moved->picture = g_steal_pointer(&client->picture);
    g_hash_table_destroy(moved->cache);
    moved->cache = g_steal_pointer(&client->cache);
    moved->cache_pixels = client->cache_pixels;
    display_detach(from->display, client);
    rig_wait_closed(from, client);
    rig_client_free(client);
    return moved;
}
