/* SPDX-License-Identifier: MIT */
/* The program: its command line and its words. */
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "options.h"

enum {
    EXIT_USAGE = 1,
};

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                  gpointer opaque)
{
    const struct options *options = opaque;
    GLogLevelFlags least = options->verbose ? G_LOG_LEVEL_INFO
                           : options->quiet ? G_LOG_LEVEL_WARNING
                                            : G_LOG_LEVEL_MESSAGE;

    if ((level & G_LOG_LEVEL_MASK) > least)
        return G_LOG_WRITER_HANDLED;
    for (gsize i = 0; i < n_fields; i++) {
        if (!strcmp(fields[i].key, "MESSAGE"))
            fprintf(stderr, "caravan agent: %s\n", (const char *)fields[i].value);
    }
    return G_LOG_WRITER_HANDLED;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int status = EXIT_USAGE;

    setlocale(LC_ALL, "");
    g_set_prgname("caravan agent");
    g_log_set_writer_func(write_log, &options, NULL);
    /* `caravan agent` starts this with the subcommand as first argument. */
    if (argc > 1 && !strcmp(argv[1], "agent")) {
        argv++;
        argc--;
    }
    if (options_parse(&options, argc, argv) == OPTIONS_RUN)
        status = agent_run(&options);
    options_clear(&options);
    return status;
}
