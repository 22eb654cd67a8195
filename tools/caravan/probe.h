/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_PROBE_H
#define CARAVAN_PROBE_H

#include <stdbool.h>
#include <json-glib/json-glib.h>

#include "loop.h"
#include "viewer.h"

/* Parts of `caravan probe` that its files share. */

enum probe_exit {
    PROBE_OK = 0,
    PROBE_USAGE = 1,
    PROBE_NO_CONNECTION = 2,
    PROBE_NO_AUTH = 3,
    PROBE_LOST = 4,
    PROBE_COMMAND_FAILED = 5,
};

/* The lines that come in, read by a thread of its own so that a pause can end. */
struct probe_input {
    GAsyncQueue *lines; /* char *, owned; the text PROBE_INPUT_END comes last */
    GQueue kept;        /* lines that came during a pause */
};

extern const char probe_input_end[];

struct follow_step;
struct probe_agent;

struct probe {
    struct loop *loop;
    struct viewer *viewer;
    struct probe_input input;
    bool text;     /* people read the output */
    bool pictures; /* tell every picture */
    bool quit;
    unsigned failed; /* commands that failed */
    char *session;   /* the session as it was told last */
    struct probe_agent *agent;
    struct follow *follow; /* tell of moves only; NULL: of everything */
    guint64 counts[VIEWER_EVENT_KINDS];
    /* for `rate` and `stats`: what was counted when they were told last */
    guint64 rate_pictures, rate_bytes;
    gint64 rate_gap; /* longest gap within this second */
    gint64 stats_gap;
};

/* Prints one object as a line; takes the object. */
void probe_print(const struct probe *probe, JsonObject *object);

/* A new object with "t" and "event" set. */
JsonObject *probe_object(gint64 time, const char *event);

/* Listener of the viewer: counts the event and prints it. data is the struct probe. */
void probe_on_event(void *data, const struct viewer_event *event);

/* Listener of a follow: prints the step. data is the struct probe. */
void probe_on_step(void *data, const struct follow_step *step);

/* Prints the `rate` line of the second that just ended. */
void probe_print_rate(struct probe *probe);

/* A channel as the `channels` and `stats` commands show it. */
JsonObject *probe_channel_object(const struct viewer_channel *channel);

/* Runs one line and prints its reply. False when the command failed. */
bool probe_run_line(struct probe *probe, const char *line);

/* The books of the guest agent's clipboards; freed by the caller. */
struct probe_agent *probe_agent_new(struct probe *probe);
void probe_agent_free(struct probe_agent *agent);

/* Listens to a new main channel. Its end must be told: the reference kept holds up the session's.
 */
void probe_agent_attach(struct probe_agent *agent, SpiceChannel *channel);
void probe_agent_detach(struct probe_agent *agent, const SpiceChannel *channel);

/* Prints the table of commands to stdout. */
void probe_print_commands(void);

#endif
