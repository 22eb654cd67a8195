/* SPDX-License-Identifier: MIT */
/*
 * Settings of what comes later. They are checked as 0.15.1 checks them and then ignored; asking
 * for something says so in the log, turning it off is silent, as it is off.
 */
#include "abi/later.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

spice_compat_version_t spice_get_current_compat_version(void)
{
    return SPICE_COMPAT_VERSION_CURRENT;
}

int spice_server_set_compat_version(SpiceServer *s, spice_compat_version_t version)
{
    return s && version == SPICE_COMPAT_VERSION_CURRENT ? 0 : -1;
}

int spice_server_set_exit_on_disconnect(SpiceServer *s, int flag)
{
    if (!s) {
        return -1;
    }
    if (flag) {
        later_say(LATER_EXIT_ON_DISCONNECT);
    }
    return 0;
}

static int set_wan_compression(SpiceServer *s, spice_wan_compression_t comp,
                               enum later_feature feature)
{
    switch (comp) {
    case SPICE_WAN_COMPRESSION_ALWAYS:
        later_say(feature);
        return s ? 0 : -1;
    case SPICE_WAN_COMPRESSION_AUTO:
    case SPICE_WAN_COMPRESSION_NEVER:
        return s ? 0 : -1;
    case SPICE_WAN_COMPRESSION_INVALID:
        break;
    }
    log_warn("invalid WAN compression %d", (int)comp);
    return -1;
}

int spice_server_set_jpeg_compression(SpiceServer *s, spice_wan_compression_t comp)
{
    return set_wan_compression(s, comp, LATER_JPEG);
}

int spice_server_set_zlib_glz_compression(SpiceServer *s, spice_wan_compression_t comp)
{
    return set_wan_compression(s, comp, LATER_ZLIB_GLZ);
}

int spice_server_add_renderer(SpiceServer *s, const char *name)
{
    return s && name && strcmp(name, "sw") == 0 ? 0 : -1;
}

int spice_server_set_streaming_video(SpiceServer *s, int value)
{
    if (!s || value < SPICE_STREAM_VIDEO_OFF || value > SPICE_STREAM_VIDEO_FILTER) {
        return -1;
    }
    if (value != SPICE_STREAM_VIDEO_OFF) {
        later_say(LATER_VIDEO);
    }
    return 0;
}

static bool known_codec(const char *pair)
{
    static const char *const encoders[] = {"spice", "gstreamer", NULL};
    static const char *const codecs[] = {"mjpeg", "vp8", "vp9", "h264", NULL};
    g_auto(GStrv) halves = g_strsplit(pair, ":", 2);

    return g_strv_length(halves) == 2 && g_strv_contains(encoders, halves[0]) &&
           g_strv_contains(codecs, halves[1]);
}

int spice_server_set_video_codecs(SpiceServer *s, const char *video_codecs)
{
    if (!s || !video_codecs) {
        return -1;
    }

    bool known = strcmp(video_codecs, "auto") == 0;
    g_auto(GStrv) pairs = g_strsplit(video_codecs, ";", -1);

    for (size_t i = 0; pairs[i]; i++) {
        known = known || known_codec(pairs[i]);
    }
    if (!known) {
        log_warn("no known video codec in '%s'", video_codecs);
        return -1;
    }
    later_say(LATER_VIDEO);
    return 0;
}

const char *spice_server_get_video_codecs(SpiceServer *s)
{
    return g_strdup("");
}

void spice_server_free_video_codecs(SpiceServer *s, const char *video_codecs)
{
    g_free((char *)video_codecs);
}

int spice_server_set_playback_compression(SpiceServer *s, int enable)
{
    return s ? 0 : -1;
}
