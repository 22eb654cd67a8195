/* SPDX-License-Identifier: MIT */
/*
 * For tests of a display: a device that draws, and a client that keeps the picture it is sent.
 * Device calls come from the display's thread; everything else is for the test's thread.
 */
#ifndef CARAVAN_TESTS_DISPLAY_RIG_H
#define CARAVAN_TESTS_DISPLAY_RIG_H

#include <glib.h>
#include <pixman.h>
#include <spice.h>

#include "base/buf.h"
#include "base/reader.h"
#include "display/display.h"

#define RIG_WAIT_MS    10000 /* bound of every wait; a test that works waits much less */
#define RIG_GUEST_SIZE (8u << 20)

struct rig {
    QXLInstance qxl;
    QXLInterface device;
    struct loop *main_loop;
    struct display *display;

    GMutex lock; /* guards what follows */
    GCond changed;
    GQueue draws, cursors; /* QXLCommandExt */
    unsigned pushed, released;
    GArray *completed;  /* uint64_t cookies */
    GArray *closed;     /* void * tokens */
    unsigned primaries; /* events */
    uint32_t primary_width;
    unsigned area_rects; /* of the last update_area_complete */
    bool running;
    unsigned calls_while_stopped; /* that raise an interrupt */
    int client_present;

    uint32_t *mem; /* of the primary */
    uint32_t width, height;
    uint8_t *guest; /* group 1, slot 1 */
};

/* A started display with an empty device. */
struct rig *rig_new(void);
void rig_free(struct rig *rig);

void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* Replaces the primary. keep: its memory, filled by the caller with rig->mem, is kept. */
void rig_primary(struct rig *rig, uint32_t width, uint32_t height);
void rig_primary_keep(struct rig *rig, uint32_t width, uint32_t height, const uint32_t *pixels);
void rig_destroy_primary(struct rig *rig);

/* Pushes a copy of a picture made from the seed to the box, and wakes the display. */
void rig_draw(struct rig *rig, const pixman_box32_t *box, uint32_t seed);
void rig_draw_random(struct rig *rig, GRand *rand, unsigned n);
/* A whole screen, so that nothing is blank. */
void rig_draw_all(struct rig *rig, uint32_t seed);
/* A command of any kind at a guest's address. */
void rig_push(struct rig *rig, uint32_t type, uint32_t group, uint64_t addr);
uint64_t rig_guest_addr(uint32_t offset);
/* A cursor of 16x16, all bytes `value`, from guest memory at `offset`. */
void rig_set_cursor(struct rig *rig, uint32_t offset, uint8_t value);
QXLCommandExt rig_cursor_command(struct rig *rig, uint32_t offset, uint8_t value);

/* All that was pushed is drawn. */
void rig_settle(struct rig *rig);
void rig_wait_released(struct rig *rig, unsigned n);
/* What the device was told last; -1: nothing. */
int rig_client_present(struct rig *rig);
bool rig_completed(struct rig *rig, uint64_t cookie);
void rig_wait_completed(struct rig *rig, uint64_t cookie);
void rig_wait_closed(struct rig *rig, const void *token);

/* The client ----------------------------------------------------------------------------------- */

struct rig_client {
    int fd;
    struct buf in;
    uint32_t window, unacked; /* acknowledging */
    unsigned seen[512];       /* messages, by type */
    unsigned images[256];     /* by SPICE_IMAGE_TYPE_* */
    uint64_t drawn_pixels;

    /* Images kept, as a client keeps them; a message about one that is not there, or there
     * already, or too many pixels are faults. */
    GHashTable *cache; /* struct rig_image by its id */
    uint64_t cache_pixels;

    bool has_surface;
    uint32_t width, height;
    uint32_t *picture;
    unsigned faults;      /* what a client could not do */
    struct buf last[512]; /* the last body of each type */
    bool eof;
};

#define RIG_CACHE_PIXELS (256 * 1024) /* what a client says its cache takes */

struct rig_image {
    uint64_t id;
    uint32_t width, height;
    uint32_t *pixels;
};

enum rig_link {
    RIG_FRESH,
    RIG_TARGET,
};

/* Links a client and says INIT unless it is a target. Over TCP, so that images are compressed if
 * the display is set so. The client is its link's token. */
struct rig_client *rig_client_new(struct rig *rig, enum display_channel channel,
                                  enum rig_link link);
void rig_client_free(struct rig_client *client);
void rig_client_send(struct rig_client *client, uint16_t type, const void *body, uint32_t len);
/* Takes what comes within ms; false when nothing did. */
bool rig_client_read(struct rig_client *client, int ms);
/* Reads until the n-th message of the type was seen; false when it does not come. */
bool rig_client_await(struct rig_client *client, uint16_t type, unsigned n);
/* Reads until the picture equals the display's; false when it never does. */
bool rig_client_await_picture(struct rig_client *client, struct rig *rig);
/* Moves the client's picture and place to a link at another display: returns the new client; the
 * old link is closed. */
struct rig_client *rig_client_move(struct rig_client *client, struct rig *from, struct rig *to);

#endif
