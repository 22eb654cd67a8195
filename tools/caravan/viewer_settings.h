/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_VIEWER_SETTINGS_H
#define CARAVAN_VIEWER_SETTINGS_H

#include <stdbool.h>
#include <spice-client.h>

/*
 * Sets a writable property from text "name=value": text, number, true or
 * false, or a list with commas. False and error when there is no such
 * property or the value does not fit.
 */
bool viewer_settings_apply(SpiceSession *session, const char *setting, GError **error);

#endif
