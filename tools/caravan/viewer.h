/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_VIEWER_H
#define CARAVAN_VIEWER_H

#include <stdbool.h>
#include <spice-client.h>

#include "image.h"

/*
 * A real SPICE client (spice-client-glib) without a window: session, channels
 * and the bookkeeping of pictures. All functions and callbacks belong to the
 * main thread. Times are CLOCK_MONOTONIC microseconds.
 */
struct viewer;

/* What can happen: X(constant, name). */
#define VIEWER_EVENTS(X)                                                                           \
    X(CHANNEL_NEW, "channel-new")                                                                  \
    X(CHANNEL_OPEN, "channel-open")                                                                \
    X(CHANNEL_SWITCHING, "channel-switching")                                                      \
    X(CHANNEL_MOVED, "channel-moved")                                                              \
    X(CHANNEL_CLOSED, "channel-closed")                                                            \
    X(CHANNEL_ERROR, "channel-error")                                                              \
    X(CHANNEL_DESTROYED, "channel-destroyed")                                                      \
    X(SESSION, "session")                                                                          \
    X(MOUSE_MODE, "mouse-mode")                                                                    \
    X(KEY_MODIFIERS, "key-modifiers")                                                              \
    X(MIGRATION, "migration")                                                                      \
    X(DISCONNECTED, "disconnected")                                                                \
    X(PRIMARY, "primary")                                                                          \
    X(PRIMARY_DESTROYED, "primary-destroyed")                                                      \
    X(MARK, "mark")                                                                                \
    X(CURSOR, "cursor")                                                                            \
    X(MONITORS, "monitors")                                                                        \
    X(PICTURE, "picture")                                                                          \
    X(WHOLE, "whole")

enum viewer_event_kind {
#define VIEWER_EVENT_CONSTANT(constant, name) VIEWER_##constant,
    VIEWER_EVENTS(VIEWER_EVENT_CONSTANT)
#undef VIEWER_EVENT_CONSTANT
        VIEWER_EVENT_KINDS
};

/* One channel object of the session. serial counts the objects from 1 and is never reused. */
struct viewer_channel {
    struct viewer *viewer;
    SpiceChannel *object; /* NULL once destroyed */
    const char *type_name;
    int type;
    int id;
    unsigned serial;
    unsigned opened; /* how many times it came up */
    unsigned resets; /* of those moves: with a time without socket, so its state began anew */
    bool lost_socket;
    unsigned moves; /* how many times its socket was replaced while it stayed open */
    bool open;
    int width, height;  /* display: the primary surface, 0 when there is none */
    unsigned primaries; /* display: how many primary surfaces it was given so far */
    void *missing;      /* display: cairo_region_t not yet drawn since the newest one, or NULL */
    guint64 bytes;      /* read so far, over all its sockets */
    guint64 bytes_seen;
    GSocket *socket; /* compared, never used */
};

/* text and values mean what the row of the kind in probe_output.c says; valid for the call. */
struct viewer_event {
    enum viewer_event_kind kind;
    gint64 time;
    const struct viewer_channel *channel; /* NULL for events of the session */
    const char *text;
    const char *detail;
    int values[4];
    const GArray *heads; /* MONITORS: SpiceDisplayMonitorConfig */
};

typedef void (*viewer_listener)(void *data, const struct viewer_event *event);

enum viewer_status {
    VIEWER_CONNECTING,
    VIEWER_UP,             /* the main channel has been up */
    VIEWER_QUIT,           /* viewer_disconnect was called */
    VIEWER_CONNECT_FAILED, /* never came up */
    VIEWER_AUTH_FAILED,
    VIEWER_LOST, /* came up and ended without being asked */
};

/*
 * Rectangles that follow each other closer than the first belong to one
 * picture, as long as it takes no longer than the second.
 */
#define VIEWER_PICTURE_STEP_US 1000
#define VIEWER_PICTURE_MOST_US 10000

/* Counted since the last viewer_gap_reset, except pictures and last. */
struct viewer_pictures {
    guint64 pictures; /* since connecting */
    gint64 last;      /* time at which the newest picture began, 0 before the first */
    gint64 touched;   /* time of the newest rectangle */
    gint64 gap;       /* longest time between two pictures, microseconds */
    gint64 gap_from, gap_to;
    gint64 last_gap;   /* between the newest two pictures */
    gint64 gap_origin; /* gaps count from here */
};

/*
 * A viewer of uri (as spice-gtk takes it). settings: NULL-terminated
 * "property=value" texts for SpiceSession, or NULL. only: NULL, or the
 * NULL-terminated names of the channels to connect. NULL and error when a
 * setting is unknown. listener gets every event. Owned by the caller.
 */
struct viewer *viewer_new(const char *uri, const char *const *settings, const char *const *only,
                          viewer_listener listener, void *data, GError **error);
void viewer_free(struct viewer *viewer);

/* Starts connecting; what comes of it is told by events and viewer_status. */
void viewer_connect(struct viewer *viewer);

/* Ends the session; the sockets close while the main context runs on. */
void viewer_disconnect(struct viewer *viewer);

enum viewer_status viewer_status(const struct viewer *viewer);

/* Why the status is what it is; NULL when there is nothing to say. */
const char *viewer_reason(const struct viewer *viewer);

SpiceSession *viewer_session(struct viewer *viewer);

/* All channel objects there ever were (struct viewer_channel *), oldest first. */
const GPtrArray *viewer_channels(const struct viewer *viewer);

/* The newest living channel of this type and id; NULL when there is none. */
struct viewer_channel *viewer_channel(struct viewer *viewer, int type, int id);

/* True when the channel is up and may be sent to. */
bool viewer_has(struct viewer *viewer, int type);

/* Remote TCP port of the channel's socket; 0 when unknown or a unix socket. */
int viewer_channel_port(const struct viewer_channel *channel);

/* Looks whether sockets were replaced and bytes came in; CHANNEL_MOVED events come from here. */
void viewer_poll(struct viewer *viewer);

/* Bytes read by all channels so far. */
guint64 viewer_bytes(struct viewer *viewer);

const struct viewer_pictures *viewer_pictures(const struct viewer *viewer);
void viewer_gap_reset(struct viewer *viewer);

/* Copies the primary surface of a display channel. NULL and error when there is none. */
struct image *viewer_grab(struct viewer *viewer, int id, GError **error);

/*
 * True when a display's primary surface still lacks a pixel that is not black
 * in reference (NULL or of another size: any pixel). A new primary is black,
 * so servers may leave out what is black anyway.
 */
bool viewer_lacks(const struct viewer_channel *channel, const struct image *reference);

/* Name of a kind of event. */
const char *viewer_event_name(enum viewer_event_kind kind);

#endif
