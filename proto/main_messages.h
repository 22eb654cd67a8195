/* SPDX-License-Identifier: MIT */
/* Client messages of the main channel ("spice-protocol enums.h", SPICE_MSGC_MAIN_*).
 * MAIN_MSG(name, min body, max body, phases, handler) */
MAIN_MSG(CLIENT_INFO, 8, 64, CONN_RUNNING, on_ignored)
MAIN_MSG(MIGRATE_CONNECTED, 0, 64, CONN_RUNNING, on_migrate_connected)
MAIN_MSG(MIGRATE_CONNECT_ERROR, 0, 64, CONN_RUNNING, on_migrate_connect_error)
MAIN_MSG(ATTACH_CHANNELS, 0, 64, CONN_RUNNING, on_attach_channels)
MAIN_MSG(MOUSE_MODE_REQUEST, 2, 64, CONN_RUNNING, on_mouse_mode_request)
MAIN_MSG(AGENT_START, 4, 64, CONN_RUNNING, on_agent_start)
MAIN_MSG(AGENT_DATA, 0, 2048, CONN_RUNNING, on_agent_data)
MAIN_MSG(AGENT_TOKEN, 4, 64, CONN_RUNNING, on_agent_token)
MAIN_MSG(MIGRATE_END, 0, 64, CONN_TARGET, on_migrate_end)
MAIN_MSG(MIGRATE_DST_DO_SEAMLESS, 4, 64, CONN_TARGET, on_dst_do_seamless)
MAIN_MSG(MIGRATE_CONNECTED_SEAMLESS, 0, 64, CONN_RUNNING, on_migrate_connected_seamless)
MAIN_MSG(QUALITY_INDICATOR, 0, 1024, CONN_RUNNING, on_ignored)
