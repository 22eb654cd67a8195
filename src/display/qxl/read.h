/* SPDX-License-Identifier: MIT */
/*
 * Guest memory to host structs. Each guest struct is copied once, then the copy is checked, so a
 * guest that writes meanwhile changes nothing that was checked. Lists are bounded.
 *
 * Every reader returns QXL_READ_OK and fills *out, or another status with *out zeroed (owning
 * nothing) and *reason a static text for the log. The caller releases the command in both cases.
 * `group`, `addr` and `cmd_flags` are those of the QXLCommandExt. Any thread that owns `slots`.
 */
#ifndef CARAVAN_DISPLAY_QXL_READ_H
#define CARAVAN_DISPLAY_QXL_READ_H

#include "display/qxl/draw.h"
#include "display/qxl/memslots.h"

enum qxl_read_status {
    QXL_READ_OK,
    QXL_READ_BAD_ADDRESS, /* not inside a memory slot */
    QXL_READ_BAD_VALUE,   /* contradicts itself or the protocol */
    QXL_READ_TOO_LARGE,   /* beyond one of the bounds below */
    QXL_READ_UNSUPPORTED, /* well formed, but this server cannot use it yet */
};

#define QXL_MAX_IMAGE_BYTES  (256u << 20)
#define QXL_MAX_CHUNKS       65536u
#define QXL_MAX_CLIP_RECTS   4096u /* crossing ones make a region of their number squared */
#define QXL_MAX_STRING_BYTES (4u << 20)
#define QXL_MAX_PATH_BYTES   (4u << 20)
#define QXL_MAX_CURSOR_SIDE  512u /* pixels */
#define QXL_MAX_HEADS        256u

/* DRAW. cmd_flags: QXL_COMMAND_FLAG_COMPAT is the layout before surfaces (surface 0),
 * QXL_COMMAND_FLAG_COMPAT_16BPP says colours are x555. Free with draw_clear(). */
enum qxl_read_status qxl_read_draw(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr,
                                   uint32_t cmd_flags, struct draw *out, const char **reason);

/* A pointer shape; data as on the wire (header not included). */
struct cursor {
    uint64_t unique;        /* 0: not to be cached */
    uint8_t type;           /* SPICE_CURSOR_TYPE_* */
    uint16_t width, height; /* 1..QXL_MAX_CURSOR_SIDE */
    uint16_t hot_x, hot_y;
    size_t size;   /* bytes, exactly what type, width and height ask for */
    uint8_t *data; /* owned */
};

struct qxl_cursor_cmd {
    uint8_t type;                           /* QXL_CURSOR_* */
    int16_t x, y;                           /* SET, MOVE */
    bool visible;                           /* SET */
    uint16_t trail_length, trail_frequency; /* TRAIL */
    struct cursor *shape; /* SET; owned, free with cursor_free() or take and set NULL */
};

void cursor_free(struct cursor *self);

/* Bytes of a shape's data; 0 for an unknown type. */
size_t cursor_data_size(uint8_t type, uint32_t width, uint32_t height);

/* CURSOR, from either ring. */
enum qxl_read_status qxl_read_cursor(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr,
                                     struct qxl_cursor_cmd *out, const char **reason);

struct qxl_surface_cmd {
    uint32_t surface_id; /* != 0; the caller checks it against n_surfaces */
    uint8_t type;        /* QXL_SURFACE_CMD_CREATE, _DESTROY */
    uint32_t flags;      /* QXL_SURF_FLAG_KEEP_DATA */
    /* CREATE only, ready for surfaces_create(): */
    uint32_t format; /* SPICE_SURFACE_FMT_* */
    uint32_t width, height;
    int32_t stride;
    void *mem; /* guest memory, lowest address */
    size_t mem_size;
};

enum qxl_read_status qxl_read_surface(const struct memslots *slots, uint32_t group,
                                      QXLPHYSICAL addr, struct qxl_surface_cmd *out,
                                      const char **reason);

struct qxl_update_cmd {
    pixman_box32_t area;
    uint32_t update_id; /* for notify_update */
    uint32_t surface_id;
};

enum qxl_read_status qxl_read_update(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr,
                                     uint32_t cmd_flags, struct qxl_update_cmd *out,
                                     const char **reason);

struct qxl_monitors {
    uint16_t max_allowed; /* 0: the driver sets no limit */
    uint16_t count;       /* 1..QXL_MAX_HEADS */
    QXLHead heads[QXL_MAX_HEADS];
};

/* The argument of monitors_config_async. Heads are passed as they are, empty ones included. */
enum qxl_read_status qxl_read_monitors(const struct memslots *slots, uint32_t group,
                                       QXLPHYSICAL addr, struct qxl_monitors *out,
                                       const char **reason);

/* Where the release info of the command at addr lies (it begins every kind of command): what
 * release_resource() takes. NULL when not in a slot: then there is nothing to release. */
QXLReleaseInfo *qxl_release_info_of(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr);

#endif
