/* SPDX-License-Identifier: MIT */
/*
 * Log lines through GLib's domain "Spice", so that its users' switches (G_MESSAGES_DEBUG) work.
 * None of these ever ends the process unless the user asked GLib for that (G_DEBUG).
 * Any thread. printf-like; no newline at the end.
 */
#ifndef CARAVAN_BASE_LOG_H
#define CARAVAN_BASE_LOG_H

#include <glib.h>

#define CARAVAN_LOG_DOMAIN "Spice"

#define log_warn(...)  g_log(CARAVAN_LOG_DOMAIN, G_LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_note(...)  g_log(CARAVAN_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, __VA_ARGS__)
#define log_info(...)  g_log(CARAVAN_LOG_DOMAIN, G_LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) g_log(CARAVAN_LOG_DOMAIN, G_LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
