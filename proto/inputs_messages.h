/* SPDX-License-Identifier: MIT */
/* Client messages of the inputs channel ("spice-protocol enums.h", SPICE_MSGC_INPUTS_*).
 * INPUTS_MSG(name, min body, max body, phases, handler) */
INPUTS_MSG(KEY_DOWN, 4, 64, CONN_RUNNING, on_key_code)
INPUTS_MSG(KEY_UP, 4, 64, CONN_RUNNING, on_key_code)
INPUTS_MSG(KEY_MODIFIERS, 2, 64, CONN_RUNNING, on_key_modifiers)
INPUTS_MSG(KEY_SCANCODE, 1, 512, CONN_RUNNING, on_key_scancode)
INPUTS_MSG(MOUSE_MOTION, 10, 64, CONN_RUNNING, on_mouse_motion)
INPUTS_MSG(MOUSE_POSITION, 11, 64, CONN_RUNNING, on_mouse_position)
INPUTS_MSG(MOUSE_PRESS, 3, 64, CONN_RUNNING, on_mouse_press)
INPUTS_MSG(MOUSE_RELEASE, 3, 64, CONN_RUNNING, on_mouse_release)
