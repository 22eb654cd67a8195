/* SPDX-License-Identifier: MIT */
/*
 * What a channel's migration data says, decoded, and the tables of its layout (version 1, the one
 * every SPICE server speaks). Integers little endian, packed; offsets count from the body's start.
 */
#ifndef CARAVAN_PROTO_SAVED_STATE_H
#define CARAVAN_PROTO_SAVED_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/saved_agent.h"

struct field_table;

#define SAVED_VERSION 1

#define SAVED_MAGIC_MAIN    0x444d4e4du /* "MNMD" */
#define SAVED_MAGIC_DISPLAY 0x444d4344u /* "DCMD" */
#define SAVED_MAGIC_INPUTS  0x444d4349u /* "ICMD" */
#define SAVED_MAGIC_VMC     0x444d5653u /* "SVMD" */
#define SAVED_MAGIC_CARD    0x444d4353u /* "SCMD" */

#define SAVED_MAIN_MAX 26624u /* what the receive buffer of other servers holds */
/* Ours may be larger: with the hub's records of several clients. */
#define SAVED_MAIN_OWN_MAX   (SAVED_MAIN_MAX + 256u * 1024)
#define SAVED_INPUTS_MAX     2048u
#define SAVED_WRITE_MAX      (24u << 20) /* bytes for the guest of a device that are under way */
#define SAVED_VMC_MAX        (SAVED_WRITE_MAX + 65536u)
#define SAVED_NAME_MAX       1024u
#define SAVED_CARD_READ_MAX  65536u     /* bytes of a message of a smart card reader */
#define SAVED_TRAILER_MAX    (4u << 20) /* our records behind a body */
#define SAVED_SURFACES_MAX   1024u
#define SAVED_DISPLAY_MAX    (80u + 4u + SAVED_SURFACES_MAX * 20u + SAVED_TRAILER_MAX)
#define SAVED_AGENT_WINDOW   10u /* tokens a client gets with AGENT_START */
#define SAVED_MESSAGE_HEADER 20u /* VDAgentMessage */
#define SAVED_CHUNK_HEADER   8u  /* VDIChunkHeader */

/* First thing of every body. */
struct saved_header {
    uint32_t magic;
    uint32_t version;
};

/* A character device as one client sees it. */
struct saved_char_device {
    uint32_t version;                 /* 1 */
    bool connected;                   /* the device has this client */
    uint32_t num_client_tokens;       /* messages the client may still send */
    uint32_t num_send_tokens;         /* messages we may still send; ~0: no flow control */
    uint32_t write_size;              /* bytes not yet written to the guest ... */
    uint32_t write_num_client_tokens; /* ... and how many client messages they come from */
    uint8_t *write_data;
};

/* What an agent filter does with the message it is in. */
enum saved_filter {
    SAVED_FILTER_OK,
    SAVED_FILTER_DISCARD,
    SAVED_FILTER_PROTO_ERROR,
    SAVED_FILTER_MONITORS_CONFIG,
};

/* Agent to client: where the parser stands. */
struct saved_agent_read {
    uint32_t chunk_header_size; /* bytes of the chunk header already read */
    uint32_t chunk_port;
    uint32_t chunk_size;     /* with a complete header: bytes of the chunk still to be read */
    bool msg_header_done;    /* the message header was read and forwarded */
    uint32_t msg_header_len; /* else: bytes of it read so far */
    uint8_t *msg_header;
    uint32_t msg_remaining; /* bytes of the message body not yet read */
    uint8_t msg_filter;     /* enum saved_filter */
};

/* Client to agent. */
struct saved_agent_write {
    uint32_t msg_remaining; /* bytes of the client's message not yet received */
    uint8_t msg_filter;
};

/* Record of the trailer: the mouse mode the client was last told. */
struct saved_mouse_mode {
    uint32_t mode; /* SPICE_MOUSE_MODE_* */
};

struct main_state {
    struct saved_char_device agent;
    bool client_agent_started; /* the client sent AGENT_START */
    struct saved_agent_read a2c;
    struct saved_agent_write c2a;
    /* Trailer. */
    bool has_mouse_mode;
    struct saved_mouse_mode mouse_mode;
    bool has_hub; /* with it agent's bytes and tokens count even if it is not connected */
    struct saved_hub hub;
};

/* A surface the client has; the rectangle is where its pixels are lossy (lossy layout only). */
struct saved_surface {
    uint32_t id;
    int32_t left, top, right, bottom;
};

struct saved_surfaces {
    bool lossy; /* the layout: not in the bytes, both sides know it from their settings */
    uint32_t count;
    struct saved_surface *list;
};

/* Record of the trailer: what the client shows on a surface, one hash a square, row by row. */
struct saved_tiles {
    uint32_t surface_id;
    uint32_t width, height; /* pixels */
    uint32_t tile_size;     /* pixels, of a square, both ways */
    uint32_t count;         /* columns * rows */
    uint64_t *hashes;
};

#define SAVED_IMAGES_MAX 1024u
#define SAVED_IMAGE_BLOCKS_MAX                                                                     \
    16384u /* of all images together: 128 KiB, "display/view_state.c" sends less */

/* An image that the client keeps: the contents of its blocks, row after row. */
struct saved_image {
    uint64_t id;
    uint32_t width, height; /* pixels */
    uint32_t count;         /* blocks */
    uint64_t *blocks;       /* hashes */
};

/* Record of the trailer: what this channel has put into the client's image cache, the image used
 * last first. The cache is the client's, but each channel has images of its own there: so each of
 * them travels once, with the channel that uses it. */
struct saved_images {
    uint64_t newest;     /* the id given last: ids go on after it */
    uint32_t tile_size;  /* pixels, of the tiles whose hashes make a block's */
    uint32_t block_size; /* pixels, both ways */
    uint32_t count;
    struct saved_image *list;
};

/* Record of the trailer: what the source knows of the link's speed, and what the client wished. */
struct saved_speed {
    uint32_t round_trip_us; /* 0: not known */
    uint64_t rate;          /* bytes a second; 0: not known */
    uint8_t compression;    /* SPICE_IMAGE_COMPRESSION_* that the client prefers; 0: no wish */
};

#define SAVED_CACHE_CLIENTS 4

struct display_state {
    uint64_t message_serial; /* of the message that carries this */
    bool low_bandwidth;
    uint8_t pixmap_cache_id;
    int64_t pixmap_cache_size; /* pixels; -1: not set up at the sender */
    bool pixmap_cache_freezer; /* this channel instance speaks for the shared cache */
    uint64_t pixmap_cache_serials[SAVED_CACHE_CLIENTS];
    uint8_t glz_dictionary_id;
    uint32_t glz_window_size; /* pixels */
    uint32_t max_encoders;
    uint64_t next_image_id;
    struct saved_surfaces surfaces;
    /* Trailer: at most one for each surface. */
    uint32_t tiles_count;
    struct saved_tiles *tiles;
    bool has_images;
    struct saved_images images;
    bool has_speed;
    struct saved_speed speed;
};

/* What a client did while the VM stood still, for the guest to hear of at the target. */
enum saved_input_kind {
    SAVED_INPUT_SCAN,      /* x: a byte of a scan code */
    SAVED_INPUT_MODIFIERS, /* x: SPICE_KEYBOARD_MODIFIER_FLAGS_* wanted */
    SAVED_INPUT_MOTION,    /* x, y: by how much */
    SAVED_INPUT_POSITION,  /* x, y: where */
    SAVED_INPUT_WHEEL,     /* x: -1 up, 1 down */
    SAVED_INPUT_BUTTONS,
};

#define SAVED_INPUTS_HELD 96

struct saved_input {
    uint8_t kind; /* enum saved_input_kind */
    int32_t x, y;
    uint32_t buttons; /* spice-input.h's buttons_state; of a position, bits 24..31: the display */
};

struct saved_inputs_held {
    uint32_t count;
    struct saved_input *list;
};

/* Record of the trailer: keys that the client holds down, after what it did above. */
struct saved_keys {
    uint32_t count;
    uint8_t *codes; /* scan code of the press; SAVED_KEY_EXTENDED: behind an e0 */
};

#define SAVED_KEY_EXTENDED 0x80u
#define SAVED_KEYS_MAX     256u

struct inputs_state {
    uint16_t motion_count; /* motions since the last MOTION_ACK; the sender's word, any value */
    /* Trailer. */
    struct saved_inputs_held held;
    struct saved_keys keys;
};

/* Record of the trailer: which device it is, and what its client knows of it. */
struct saved_device {
    uint8_t channel_type; /* SPICE_CHANNEL_* */
    uint8_t channel_id;   /* at the sender */
    bool opened;          /* a port: the client was told that the guest has it open; a card reader:
                           * the device was told that the client has one, before the rest is written */
    uint32_t name_len;    /* a port's name, else the name of the chardev; no NUL */
    uint8_t *name;
};

/* USB redirection, ports, webdav; smart cards, with a layout of their own. Nobody counts tokens
 * there. */
struct vmc_state {
    bool is_card; /* the layout: of smart cards. The magic tells it */
    struct saved_char_device device;
    /* Smart cards: */
    bool reader_added;  /* the device was told that the client has a reader, when all is written */
    uint32_t read_size; /* bytes of a message of the device whose rest is to come */
    uint8_t *read_data; /* as the device wrote them: VSCMsgHeader, big endian */
    /* Trailer. */
    bool has_identity;
    struct saved_device identity;
};

extern const struct field_table saved_header_table;
extern const struct field_table saved_main_table;    /* struct main_state, without the trailer */
extern const struct field_table saved_display_table; /* struct display_state, without the trailer */
extern const struct field_table saved_inputs_table;
extern const struct field_table saved_vmc_table;  /* struct vmc_state, without the trailer */
extern const struct field_table saved_card_table; /* the same of smart cards */

/* The trailer: after the last pointed byte, where other servers do not look. A head, then records
 * {u32 tag, u32 len, len bytes}; unknown tags are skipped. */
#define SAVED_TRAILER_MAGIC   0x52545643u /* "CVTR" */
#define SAVED_TRAILER_VERSION 1

struct saved_trailer_head {
    uint32_t magic;
    uint32_t version;
    uint32_t size; /* bytes of all records */
};

struct saved_record_head {
    uint32_t tag;
    uint32_t size;
};

enum saved_tag {
    SAVED_TAG_MOUSE_MODE = 0x4d4d5643u,  /* "CVMM", main */
    SAVED_TAG_HUB = 0x48415643u,         /* "CVAH", main */
    SAVED_TAG_TILE_HASHES = 0x48545643u, /* "CVTH", display */
    SAVED_TAG_INPUTS_HELD = 0x49545643u, /* "CVTI", inputs */
    SAVED_TAG_INPUTS_KEYS = 0x4b545643u, /* "CVTK", inputs */
    SAVED_TAG_IMAGES = 0x43495643u,      /* "CVIC", display */
    SAVED_TAG_SPEED = 0x53565643u,       /* "CVVS", display */
    SAVED_TAG_DEVICE = 0x44545643u,      /* "CVTD", character devices */
};

extern const struct field_table saved_trailer_head_table;
extern const struct field_table saved_record_head_table;
extern const struct field_table saved_mouse_mode_table;
extern const struct field_table saved_tiles_table;
extern const struct field_table saved_images_table;
extern const struct field_table saved_speed_table;
extern const struct field_table saved_inputs_held_table;
extern const struct field_table saved_keys_table;
extern const struct field_table saved_device_table;

#endif
