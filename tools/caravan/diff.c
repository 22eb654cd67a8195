/* SPDX-License-Identifier: MIT */
#include "diff.h"

#include <stdio.h>

struct diff_options {
    gboolean json;
    gboolean quiet;
};

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan vmstate diff: %s ('caravan vmstate diff --help' helps)\n", message);
    return DIFF_TROUBLE;
}

static void hash_event(void *opaque, const struct vmstate_event *event)
{
    ram_hashes_event(opaque, event);
}

/* False when the side cannot be read whole, which was said. */
static bool read_side(struct diff_side *side, const char *file, const struct diff_options *options)
{
    char *reason;
    struct input *input = input_open(file, &reason);

    if (!input) {
        fprintf(stderr, "caravan vmstate diff: %s: %s\n", file, reason);
        g_free(reason);
        return false;
    }
    side->hashes = ram_hashes_new();
    side->inspection.all_values = true;
    side->inspection.quiet = options->quiet || options->json;
    side->inspection.each = hash_event;
    side->inspection.each_opaque = side->hashes;
    inspect_read(&side->inspection, input);
    input_close(input);
    if (side->inspection.error.reason[0])
        inspect_report_error(&side->inspection, "diff", file);
    else if (!ram_hashes_ok(side->hashes))
        fprintf(stderr, "caravan vmstate diff: %s: its RAM is too large to be compared\n", file);
    return side->inspection.exit == INSPECT_WHOLE && ram_hashes_ok(side->hashes);
}

static void free_side(struct diff_side *side)
{
    if (side->inspection.sections)
        inspect_free(&side->inspection);
    ram_hashes_free(side->hashes);
}

static void free_diff(struct diff *self)
{
    for (guint i = 0; self->sections && i < self->sections->len; i++) {
        struct diff_section *section = self->sections->pdata[i];

        for (guint k = 0; section->fields && k < section->fields->len; k++)
            diff_field_free(section->fields->pdata[k]);
        if (section->fields)
            g_ptr_array_unref(section->fields);
        g_free(section);
    }
    if (self->sections)
        g_ptr_array_unref(self->sections);
    if (self->blocks)
        g_array_unref(self->blocks);
    free_side(&self->side[0]);
    free_side(&self->side[1]);
}

static int run(const struct diff_options *options, char **files)
{
    struct diff diff = {0};
    int status = DIFF_TROUBLE;

    if (read_side(&diff.side[0], files[0], options) &&
        read_side(&diff.side[1], files[1], options)) {
        diff_compare(&diff);
        if (options->json)
            diff_print_json(&diff);
        else
            diff_print_text(&diff);
        status =
            diff.machine || diff.sections->len || diff.blocks->len ? DIFF_DIFFERENT : DIFF_SAME;
    }
    free_diff(&diff);
    return status;
}

int diff_main(int argc, char **argv)
{
    struct diff_options options = {0};
    const GOptionEntry entries[] = {
        {"json", 'j', 0, G_OPTION_ARG_NONE, &options.json, "write one JSON object", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "show no progress", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("FIRST SECOND");
    GError *error = NULL;
    int status;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context,
                                 "Tells what changed between two saves of a VM: fields one by "
                                 "one, RAM by pages.");
    g_option_context_set_description(context, "Exit: 0 the same, 1 they differ, 2 trouble.\n");
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (argc != 3) {
        status = usage_error("give two files; one may be - for standard input");
    } else {
        status = run(&options, argv + 1);
    }
    g_option_context_free(context);
    return status;
}
