/* SPDX-License-Identifier: MIT */
/*
 * Keyboard, mouse and tablet: the server calls these when a client acts. All in the thread of
 * the event loop. buttons_state is a mask of SPICE_MOUSE_BUTTON_MASK_* (spice/enums.h).
 */
#ifndef SPICE_INPUT_H_
#define SPICE_INPUT_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include "spice-core.h"

SPICE_BEGIN_DECLS

/* ---- keyboard ---- */

#define SPICE_INTERFACE_KEYBOARD       "keyboard"
#define SPICE_INTERFACE_KEYBOARD_MAJOR 1
#define SPICE_INTERFACE_KEYBOARD_MINOR 1
typedef struct SpiceKbdInterface SpiceKbdInterface;
typedef struct SpiceKbdInstance SpiceKbdInstance;
typedef struct SpiceKbdState SpiceKbdState; /* the server's */

struct SpiceKbdInterface {
    SpiceBaseInterface base;

    /* One byte of a PC AT scan code (set 1); longer codes come byte by byte. */
    void (*push_scan_freg)(SpiceKbdInstance *sin, uint8_t frag);
    /* Returns the lights that the guest has on: SPICE_KEYBOARD_MODIFIER_FLAGS_*. */
    uint8_t (*get_leds)(SpiceKbdInstance *sin);
};

struct SpiceKbdInstance {
    SpiceBaseInstance base;
    SpiceKbdState *st;
};

/* Tells that the guest changed its lights; leds is a mask as of get_leds. Returns 0. */
int spice_server_kbd_leds(SpiceKbdInstance *sin, int leds);

/* ---- mouse: relative ---- */

#define SPICE_INTERFACE_MOUSE       "mouse"
#define SPICE_INTERFACE_MOUSE_MAJOR 1
#define SPICE_INTERFACE_MOUSE_MINOR 1
typedef struct SpiceMouseInterface SpiceMouseInterface;
typedef struct SpiceMouseInstance SpiceMouseInstance;
typedef struct SpiceMouseState SpiceMouseState; /* the server's */

struct SpiceMouseInterface {
    SpiceBaseInterface base;

    /* Moves by dx, dy pixels and turns the wheel by dz clicks (up is negative). */
    void (*motion)(SpiceMouseInstance *sin, int dx, int dy, int dz, uint32_t buttons_state);
    void (*buttons)(SpiceMouseInstance *sin, uint32_t buttons_state);
};

struct SpiceMouseInstance {
    SpiceBaseInstance base;
    SpiceMouseState *st;
};

/* ---- tablet: absolute; its presence is what makes client mouse mode possible ---- */

#define SPICE_INTERFACE_TABLET       "tablet"
#define SPICE_INTERFACE_TABLET_MAJOR 1
#define SPICE_INTERFACE_TABLET_MINOR 1
typedef struct SpiceTabletInterface SpiceTabletInterface;
typedef struct SpiceTabletInstance SpiceTabletInstance;
typedef struct SpiceTabletState SpiceTabletState; /* the server's */

struct SpiceTabletInterface {
    SpiceBaseInterface base;

    /* Says how large the area is in which positions lie, in pixels. Comes before positions. */
    void (*set_logical_size)(SpiceTabletInstance *tablet, int width, int height);
    void (*position)(SpiceTabletInstance *tablet, int x, int y, uint32_t buttons_state);
    /* Turns the wheel by one click: negative is up. */
    void (*wheel)(SpiceTabletInstance *tablet, int wheel_moution, uint32_t buttons_state);
    void (*buttons)(SpiceTabletInstance *tablet, uint32_t buttons_state);
};

struct SpiceTabletInstance {
    SpiceBaseInstance base;
    SpiceTabletState *st;
};

SPICE_END_DECLS

#endif /* SPICE_INPUT_H_ */
