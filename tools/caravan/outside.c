/* SPDX-License-Identifier: MIT */
/* Subcommands that live in programs of their own, so that this one stays small: a client of
 * spice-gtk takes more memory than reading a stream may. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <glib.h>

/* Seen from the folder of this program: the build tree and most installations. */
static const char *const places[] = {"../libexec", CARAVAN_LIBEXECDIR};

int cli_run_outside(const char *program, char **argv)
{
    char *self = g_file_read_link("/proc/self/exe", NULL);
    char *folder = g_path_get_dirname(self ? self : ".");
    int error = ENOENT;

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        char *path = g_path_is_absolute(places[i])
                         ? g_build_filename(places[i], program, NULL)
                         : g_build_filename(folder, places[i], program, NULL);

        execv(path, argv);
        if (errno != ENOENT && errno != ENOTDIR)
            error = errno;
        g_free(path);
    }
    fprintf(stderr, "caravan: %s cannot be started (%s): it should lie in %s/%s or %s\n", program,
            g_strerror(error), folder, places[0], places[1]);
    g_free(folder);
    g_free(self);
    return CLI_NOT_RUN;
}
