/* SPDX-License-Identifier: MIT */
/*
 * The inputs channel of one client ("spice-protocol enums.h", SPICE_MSGC_INPUTS_*). Events go to
 * the owner in the units of "spice-input.h". Keys a client holds are released when it is gone, so
 * that none hangs in the guest. QEMU's main thread.
 */
#ifndef CARAVAN_CHANNEL_INPUTS_H
#define CARAVAN_CHANNEL_INPUTS_H

#include "channel/conn.h"

struct inputs_link;

/* Buttons: spice-input.h's buttons_state (1 left, 2 right, 4 middle, ...). All required. */
struct inputs_link_ops {
    void (*scan)(void *owner, uint8_t byte);            /* one byte of a PC AT set 1 scan code */
    void (*modifiers)(void *owner, uint16_t modifiers); /* SPICE_KEYBOARD_MODIFIER_FLAGS_* wanted */
    void (*motion)(void *owner, int dx, int dy, int dz, uint32_t buttons);
    void (*position)(void *owner, int x, int y, uint32_t buttons, uint8_t display);
    void (*wheel)(void *owner, int dz, uint32_t buttons);
    void (*buttons)(void *owner, uint32_t buttons);
    /* Asked before each of the above, for keys once a scan code: the guest can't hear it now but
     * will, here or where it moves to. Then it is kept, and so is all that comes after it. */
    bool (*keeps)(void *owner, bool key);
};

/* `target`: linked ahead of a move. */
struct inputs_link *inputs_link_new(const struct inputs_link_ops *ops, void *owner, bool mini,
                                    bool target, uint16_t modifiers);

/* Releases held keys through ops->scan, unless the session moved away. */
void inputs_link_free(struct inputs_link *self);

/* Tells what was kept, as far as it is not to be kept on. What is kept (pointer moves in a row as
 * one) goes along in a move. */
void inputs_link_release(struct inputs_link *self);

struct conn *inputs_link_conn(struct inputs_link *self);

/* What is lit on the guest's keyboard; sent when the link takes it, not while a move is under way.
 */
void inputs_set_modifiers(struct inputs_link *self, uint16_t modifiers);

/* The source's end of a seamless move; MIGRATE_DATA follows the client's mark by itself. */
void inputs_send_migrate(struct inputs_link *self);

#endif
