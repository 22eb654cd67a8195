/* SPDX-License-Identifier: MIT */
/* Messages between the guest's agent, us, and the clients ("spice-protocol vd_agent.h").
 * AGENT_MSG(NAME, from, min body, max body, head, switch, capability, handler)
 *   from        who may send it to us; what others send is skipped
 *   head        bytes of the body that its handler wants at once: WHOLE, or the front of a body
 *               that is passed on as it comes
 *   switch      what the host can turn off
 *   capability  what the receiver (the guest, but for the clipboard and answers) must have
 * What is too short or too long is skipped. */
AGENT_MSG(MOUSE_STATE, FROM_SERVER, 13, 13, WHOLE, NO_SWITCH, MOUSE_STATE, NULL)
AGENT_MSG(MONITORS_CONFIG, FROM_CLIENT, 8, 2048, WHOLE, NO_SWITCH, MONITORS_CONFIG, on_monitors)
AGENT_MSG(REPLY, FROM_GUEST, 8, 64, WHOLE, NO_SWITCH, REPLY, on_reply)
AGENT_MSG(CLIPBOARD, FROM_BOTH, 4, 1 << 30, 8, CLIPBOARD_SWITCH, CLIPBOARD_BY_DEMAND, on_clipboard)
AGENT_MSG(DISPLAY_CONFIG, FROM_CLIENT, 8, 64, WHOLE, NO_SWITCH, DISPLAY_CONFIG, on_setting)
AGENT_MSG(ANNOUNCE_CAPABILITIES, FROM_BOTH, 4, 256, WHOLE, NO_SWITCH, REPLY, on_announce)
AGENT_MSG(CLIPBOARD_GRAB, FROM_BOTH, 0, 1024, WHOLE, CLIPBOARD_SWITCH, CLIPBOARD_BY_DEMAND, on_grab)
AGENT_MSG(CLIPBOARD_REQUEST, FROM_BOTH, 4, 64, WHOLE, CLIPBOARD_SWITCH, CLIPBOARD_BY_DEMAND,
          on_request)
AGENT_MSG(CLIPBOARD_RELEASE, FROM_BOTH, 0, 64, WHOLE, CLIPBOARD_SWITCH, CLIPBOARD_BY_DEMAND,
          on_release)
AGENT_MSG(FILE_XFER_START, FROM_CLIENT, 4, 64 * 1024, 4, NO_SWITCH, REPLY, on_file_start)
AGENT_MSG(FILE_XFER_STATUS, FROM_BOTH, 8, 256, WHOLE, NO_SWITCH, REPLY, on_file_status)
AGENT_MSG(FILE_XFER_DATA, FROM_CLIENT, 12, 16 << 20, 12, FILE_SWITCH, REPLY, on_file_data)
AGENT_MSG(CLIENT_DISCONNECTED, FROM_SERVER, 0, 0, WHOLE, NO_SWITCH, REPLY, NULL)
AGENT_MSG(MAX_CLIPBOARD, FROM_CLIENT, 4, 64, WHOLE, CLIPBOARD_SWITCH, MAX_CLIPBOARD, on_max)
AGENT_MSG(AUDIO_VOLUME_SYNC, FROM_CLIENT, 3, 1024, WHOLE, NO_SWITCH, AUDIO_VOLUME_SYNC, on_setting)
AGENT_MSG(GRAPHICS_DEVICE_INFO, FROM_SERVER, 4, 4096, WHOLE, NO_SWITCH, GRAPHICS_DEVICE_INFO, NULL)
