/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

#define DEFAULT_ID "caravan-agent"

static const char summary[] =
    "Shares the clipboard of a guest that runs spice-vdagent with the users of QEMU's VNC server\n"
    "and with the host's own desktop, and keeps it through live migration, savevm and migration to "
    "a file.";

static const char description[] =
    "QEMU is started with (SOCKETS: a folder):\n"
    "  -device virtio-serial -chardev socket,id=agent,path=SOCKETS/port,server=on,wait=off\n"
    "  -device virtserialport,chardev=agent,name=com.redhat.spice.0\n"
    "  -vnc unix:SOCKETS/vnc,id=agent -qmp unix:SOCKETS/qmp,server=on,wait=off\n"
    "  -object dbus-vmstate,id=agent,addr=unix:path=SOCKETS/bus,id-list=caravan-agent\n"
    "after\n"
    "  caravan agent --port SOCKETS/port --vnc SOCKETS/vnc --bus SOCKETS/bus \\\n"
    "    --qmp SOCKETS/qmp\n"
    "which waits for the sockets that QEMU makes. Set the migration capability return-path at "
    "both\n"
    "ends: without it a target that fails takes the VM along.\n\n"
    "Exit: 0 ended by a signal (or, with --once, by QEMU), 1 usage, 2 could not start.\n";

static const char *wrong(struct options *self)
{
    const char *why;

    if (!self->port)
        return "--port is needed: the unix socket of the guest's port";
    if (!*self->id || strlen(self->id) > 255)
        return "--id takes 1 to 255 bytes";
    if (strchr(self->id, ','))
        return "--id takes no comma: QEMU's id-list is separated by them";
    if (self->host_clipboard) {
        self->desk = desk_find(self->host_clipboard, &self->desk_where, &why);
        if (!self->desk)
            return why;
    }
    if (self->incoming && !self->bus)
        return "--incoming needs --bus: that is where the state comes from";
    return NULL;
}

enum options_result options_parse(struct options *self, int argc, char **argv)
{
    gboolean incoming = FALSE, once = FALSE, quiet = FALSE, verbose = FALSE;
    const GOptionEntry entries[] = {
        {"port", 'p', 0, G_OPTION_ARG_FILENAME, &self->port,
         "QEMU's socket of the guest's port com.redhat.spice.0", "PATH"},
        {"vnc", 0, 0, G_OPTION_ARG_FILENAME, &self->vnc,
         "QEMU's VNC socket, a display without a password (QEMU 6.1 and later)", "PATH"},
        {"host-clipboard", 'c', 0, G_OPTION_ARG_STRING, &self->host_clipboard,
         "the host's own desktop: auto, x11[:DISPLAY] or wayland[:DISPLAY]", "DESKTOP"},
        {"bus", 'b', 0, G_OPTION_ARG_FILENAME, &self->bus,
         "the socket to make for QEMU's dbus-vmstate object", "PATH"},
        {"id", 0, 0, G_OPTION_ARG_STRING, &self->id,
         "the name in dbus-vmstate's id-list (" DEFAULT_ID ")", "ID"},
        {"qmp", 0, 0, G_OPTION_ARG_FILENAME, &self->qmp,
         "a QMP socket of the agent's own: checks that migration is set up well", "PATH"},
        {"incoming", 'i', 0, G_OPTION_ARG_NONE, &incoming,
         "QEMU waits for a migration: say nothing to the guest before its state is here", NULL},
        {"once", '1', 0, G_OPTION_ARG_NONE, &once, "end when QEMU ends", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "warnings only", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "every step", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    const char *why = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, description);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        why = error->message;
    else if (argc > 1)
        why = "it takes options only";
    if (!self->id)
        self->id = g_strdup(DEFAULT_ID);
    if (!why)
        why = wrong(self);
    self->incoming = incoming;
    self->once = once;
    self->quiet = quiet;
    self->verbose = verbose;
    g_option_context_free(context);
    if (!why)
        return OPTIONS_RUN;
    fprintf(stderr, "caravan agent: %s ('caravan agent --help' tells more)\n", why);
    return OPTIONS_WRONG;
}

void options_clear(struct options *self)
{
    g_free(self->port);
    g_free(self->vnc);
    g_free(self->bus);
    g_free(self->qmp);
    g_free(self->id);
    g_free(self->host_clipboard);
    g_free(self->desk_where);
}
