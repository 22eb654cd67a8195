/* SPDX-License-Identifier: MIT */
/* The kinds of desktops, by name. */
#include <glib.h>
#include <string.h>

#include "desk.h"
#include "wayland.h"
#include "x11.h"

enum {
    RETRY_MS = 1000,
};

#ifdef CARAVAN_AGENT_X11
static void *connect_x11(const char *where, const struct host_clip_news *news, void *opaque)
{
    return desk_new(&x11_link_ops, where, news, opaque);
}

static const struct host_clip_ops x11_ops = {
    .who = "the X11 desktop",
    .place = "the X11 display",
    .retry_ms = RETRY_MS,
    .connect = connect_x11,
    .free = desk_free,
    .offer = desk_offer,
    .ask = desk_ask,
    .provide = desk_provide,
};
#define X11_ROW &x11_ops
#else
#define X11_ROW NULL
#endif

#ifdef CARAVAN_AGENT_WAYLAND
static void *connect_wayland(const char *where, const struct host_clip_news *news, void *opaque)
{
    return desk_new(&wayland_link_ops, where, news, opaque);
}

static const struct host_clip_ops wayland_ops = {
    .who = "the Wayland desktop",
    .place = "the Wayland display",
    .retry_ms = RETRY_MS,
    .connect = connect_wayland,
    .free = desk_free,
    .offer = desk_offer,
    .ask = desk_ask,
    .provide = desk_provide,
};
#define WAYLAND_ROW &wayland_ops
#else
#define WAYLAND_ROW NULL
#endif

/* "auto" takes the first one whose variable is set. */
static const struct kind {
    const char *name;
    const char *variable; /* names the display */
    const struct host_clip_ops *ops;
    const char *no_display, *not_built;
} kinds[] = {
    {"wayland", "WAYLAND_DISPLAY", WAYLAND_ROW,
     "--host-clipboard=wayland: no display is named: set WAYLAND_DISPLAY, or say wayland:DISPLAY",
     "--host-clipboard=wayland: this program was built without it (meson option wayland)"},
    {"x11", "DISPLAY", X11_ROW,
     "--host-clipboard=x11: no display is named: set DISPLAY, or say x11:DISPLAY",
     "--host-clipboard=x11: this program was built without it (meson option x11)"},
};

static const char *display_of(const struct kind *kind)
{
    const char *display = g_getenv(kind->variable);

    return display && *display ? display : NULL;
}

static const struct kind *find_kind(const char *name, const char **display, const char **why)
{
    bool automatic = !strcmp(name, "auto");

    *why = automatic ? "--host-clipboard=auto: neither WAYLAND_DISPLAY nor DISPLAY is set"
                     : "--host-clipboard takes auto, x11[:DISPLAY] or wayland[:DISPLAY]";
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        size_t len = strlen(kinds[i].name);

        *display = display_of(&kinds[i]);
        if (automatic && *display && kinds[i].ops)
            return &kinds[i];
        if (strncmp(name, kinds[i].name, len) || (name[len] && name[len] != ':'))
            continue;
        if (name[len] && name[len + 1])
            *display = name + len + 1;
        return &kinds[i];
    }
    return NULL;
}

/* "0" is short for ":0". */
static char *x11_name(const char *display)
{
    return g_strconcat(strchr(display, ':') ? "" : ":", display, NULL);
}

const struct host_clip_ops *desk_find(const char *name, char **where, const char **why)
{
    const char *display;
    const struct kind *kind = find_kind(name, &display, why);

    if (!kind)
        return NULL;
    if (!kind->ops || !display) {
        *why = kind->ops ? kind->no_display : kind->not_built;
        return NULL;
    }
    *where = strcmp(kind->name, "x11") ? g_strdup(display) : x11_name(display);
    return kind->ops;
}
