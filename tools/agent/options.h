/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_AGENT_OPTIONS_H
#define CARAVAN_AGENT_OPTIONS_H

#include <stdbool.h>

struct host_clip_ops;

struct options {
    char *port; /* never NULL */
    char *vnc;  /* the others may be NULL */
    char *bus;
    char *qmp;
    char *host_clipboard;
    const struct host_clip_ops *desk; /* that host_clipboard names; NULL: none */
    char *desk_where;
    char *id; /* never NULL */
    bool incoming;
    bool once;
    bool quiet;
    bool verbose;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_WRONG, /* said why on stderr */
};

/* --help ends the process, as GLib's parser does. */
enum options_result options_parse(struct options *self, int argc, char **argv);
void options_clear(struct options *self);

#endif
