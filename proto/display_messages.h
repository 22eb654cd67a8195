/* SPDX-License-Identifier: MIT */
/* What a client says on a display channel ("spice-protocol enums.h", SPICE_MSGC_DISPLAY_*).
 * DISPLAY_MSG(NAME, min body, max body, phases, handler) */
DISPLAY_MSG(INIT, 14, 64, CONN_RUNNING, on_init)
DISPLAY_MSG(STREAM_REPORT, 32, 64, CONN_RUNNING, on_nothing)
DISPLAY_MSG(PREFERRED_COMPRESSION, 1, 64, CONN_RUNNING, on_preferred_compression)
DISPLAY_MSG(GL_DRAW_DONE, 0, 64, CONN_RUNNING, on_nothing)
DISPLAY_MSG(PREFERRED_VIDEO_CODEC_TYPE, 1, 512, CONN_RUNNING, on_nothing)
