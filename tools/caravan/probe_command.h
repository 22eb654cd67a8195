/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_PROBE_COMMAND_H
#define CARAVAN_PROBE_COMMAND_H

#include "probe.h"

/*
 * What the files with the probe's commands share. Each handler gets the words
 * after the command, adds to the reply and returns false with error set when
 * it failed.
 */
struct call {
    struct probe *probe;
    char **words;
    int count;
    JsonObject *reply;
};

typedef bool (*command_handler)(struct call *call, GError **error);

/* One wait: the condition is met, or the session is over. met may use all but the first two. */
struct wait {
    struct probe *probe;
    bool (*met)(struct wait *wait);
    int a, b;
    guint64 seen;
    const char *word;
    gint64 since;
    void *data;
};

/* Sets error to the text; always false. */
bool probe_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The number in a word; false with error set when there is none within a million. */
bool probe_parse_int(const char *word, int *value, GError **error);

/*
 * Runs the main loop until wait->met, for `timeout` seconds at most, and adds
 * `waited` to the reply. False with error set when it was not met.
 */
bool probe_wait_for(struct call *call, struct wait *wait, const char *timeout, GError **error);

/* Commands of the guest agent (probe_agent.c). */
bool probe_run_wait_agent(struct call *call, GError **error);
bool probe_run_clipboard_grab(struct call *call, GError **error);
bool probe_run_clipboard_release(struct call *call, GError **error);
bool probe_run_clipboard_hold(struct call *call, GError **error);
bool probe_run_clipboard_get(struct call *call, GError **error);
bool probe_run_wait_clipboard(struct call *call, GError **error);
bool probe_run_send_file(struct call *call, GError **error);
bool probe_run_resize(struct call *call, GError **error);

#endif
