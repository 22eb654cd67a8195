/* SPDX-License-Identifier: MIT */
/* Runs a target over kept inputs, without a fuzzer: an ordinary test.
 * Usage: replay-TARGET FILE-OR-FOLDER... */
#include <glib.h>

#include "fuzz/fuzz.h"

static unsigned replay_file(const char *path)
{
    g_autofree char *contents = NULL;
    g_autofree uint8_t *exact = NULL;
    GError *error = NULL;
    gsize len;

    if (!g_file_get_contents(path, &contents, &len, &error)) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
    /* GLib adds a NUL: a copy without it lets sanitizers see a read past the end. */
    exact = g_memdup2(contents, len);
    LLVMFuzzerTestOneInput(exact, len);
    return 1;
}

static unsigned replay_folder(const char *path)
{
    GDir *folder = g_dir_open(path, 0, NULL);
    const char *name;
    unsigned n = 0;

    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        n += replay_file(file);
    }
    if (folder)
        g_dir_close(folder);
    return n;
}

int main(int argc, char **argv)
{
    unsigned n = 0;

    for (int i = 1; i < argc; i++)
        n += g_file_test(argv[i], G_FILE_TEST_IS_DIR) ? replay_folder(argv[i])
                                                      : replay_file(argv[i]);
    printf("%u inputs\n", n);
    return n ? 0 : 1; /* an empty corpus tests nothing */
}
