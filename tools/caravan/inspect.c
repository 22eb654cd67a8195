/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_MOST (1u << 20)

struct inspect_options {
    char *section;
    char *screenshot;
    gboolean fields;
    gboolean json;
    gboolean quiet;
    char *window[3]; /* BLOCK OFFSET LEN, borrowed */
};

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan vmstate inspect: %s ('caravan vmstate inspect --help' helps)\n",
            message);
    return INSPECT_USAGE;
}

/* Takes --ram and its three words out of the command line; false when there are fewer. */
static bool take_window(int *argc, char **argv, struct inspect_options *options)
{
    for (int i = 1; i < *argc; i++) {
        if (!strcmp(argv[i], "--"))
            return true;
        if (strcmp(argv[i], "--ram"))
            continue;
        if (*argc - i < 4)
            return false;
        for (int k = 0; k < 3; k++)
            options->window[k] = argv[i + 1 + k];
        for (int k = i; k + 4 <= *argc; k++)
            argv[k] = argv[k + 4];
        *argc -= 4;
        return true;
    }
    return true;
}

static bool parse_window(const struct inspect_options *options, struct ram_window *window)
{
    guint64 offset, len;
    char *end[2];

    if (!options->window[0])
        return true;
    errno = 0;
    offset = g_ascii_strtoull(options->window[1], &end[0], 0);
    len = g_ascii_strtoull(options->window[2], &end[1], 0);
    if (errno || *end[0] || *end[1] || end[0] == options->window[1] || len == 0 ||
        len > WINDOW_MOST || offset > UINT64_MAX - len || strpbrk(options->window[1], "-") ||
        strpbrk(options->window[2], "-"))
        return false;
    window->block = options->window[0];
    window->offset = offset;
    window->len = (uint32_t)len;
    window->bytes = g_malloc0(len);
    window->known = g_malloc0(len);
    return true;
}

void inspect_report_error(const struct inspection *self, const char *action, const char *file)
{
    const struct vmstate_error *error = &self->error;
    char *section = g_strescape(error->section, NULL);

    fflush(stdout);
    fprintf(stderr, "caravan vmstate %s: %s: ", action, file);
    if (error->field) {
        fprintf(stderr, "%s at byte %" PRIu64 ", ",
                self->exit == INSPECT_STOPPED ? "stopped" : "broken", error->offset);
        if (*section)
            fprintf(stderr, "section '%s', ", section);
        fprintf(stderr, "%s: ", error->field);
    }
    fprintf(stderr, "%s\n", error->reason);
    if (self->remedy)
        fprintf(stderr, "%s\n", self->remedy);
    g_free(section);
}

/* What is there of the section that was asked for: 0 nothing, 1 no fields, 2 fields. */
static int wanted_section(const struct inspection *self)
{
    int there = 0;

    for (guint i = 0; i < self->sections->len; i++) {
        const struct inspect_section *seen = self->sections->pdata[i];

        if (inspect_wants(self, &seen->section))
            there = MAX(there, seen->tree ? 2 : 1);
    }
    return there;
}

static bool window_exists(const struct inspection *self)
{
    for (size_t i = 0; i < ram_map_blocks(self->ram); i++)
        if (!strcmp(ram_map_block(self->ram, i)->name, self->window.block))
            return true;
    return false;
}

/* Names what was asked for but is not there; 0 when all is. */
static int report_absent(const struct inspection *self)
{
    int section = self->wanted ? wanted_section(self) : 2;
    bool block = !self->window.block || window_exists(self);

    if (section < 2)
        fprintf(stderr, "caravan vmstate inspect: %s '%s'; without --section all are listed\n",
                section ? "no fields are known of section" : "there is no section", self->wanted);
    if (!block)
        fprintf(
            stderr,
            "caravan vmstate inspect: there is no RAM block '%s'; without --ram all are listed\n",
            self->window.block);
    return section == 2 && block ? 0 : INSPECT_ABSENT;
}

static int run(const struct inspect_options *options, const char *file)
{
    struct inspection inspection = {.wanted = options->section, .all_values = options->fields};
    struct input *input;
    char *reason;
    bool shot;
    int status;

    if (!parse_window(options, &inspection.window)) {
        return usage_error("--ram takes BLOCK OFFSET LEN, with numbers as in C and LEN from 1 to "
                           "1048576");
    }
    input = input_open(file, &reason);
    if (!input) {
        fprintf(stderr, "caravan vmstate inspect: %s: %s\n", file, reason);
        g_free(reason);
        return INSPECT_BROKEN;
    }
    inspection.quiet = options->quiet || options->json;
    inspection.shot.path = options->screenshot;
    inspection.aside = options->screenshot ? ram_aside_new() : NULL;
    if (options->screenshot && !inspection.aside) {
        fprintf(stderr, "caravan vmstate inspect: no temporary file: %s\n", g_strerror(errno));
        input_close(input);
        return INSPECT_BROKEN;
    }
    inspect_read(&inspection, input);
    shot = !inspection.aside || inspect_screenshot(&inspection);
    if (options->json)
        inspect_print_json(&inspection);
    else
        inspect_print_text(&inspection);
    if (inspection.error.reason[0])
        inspect_report_error(&inspection, "inspect", file);
    status = inspection.exit;
    if (status == INSPECT_WHOLE || status == INSPECT_STOPPED) {
        int absent = shot ? report_absent(&inspection) : INSPECT_ABSENT;

        if (status == INSPECT_WHOLE)
            status = absent;
    }
    inspect_free(&inspection);
    input_close(input);
    return status;
}

static GOptionContext *option_context(struct inspect_options *o)
{
    const GOptionEntry entries[] = {
        {"json", 'j', 0, G_OPTION_ARG_NONE, &o->json, "write one JSON object", NULL},
        {"section", 's', 0, G_OPTION_ARG_STRING, &o->section,
         "print the fields of the sections of this name (or what stands behind its slash)",
         "NAME[:INSTANCE]"},
        {"fields", 'f', 0, G_OPTION_ARG_NONE, &o->fields, "print the fields of every section",
         NULL},
        {"screenshot", 0, 0, G_OPTION_ARG_FILENAME, &o->screenshot,
         "draw the VM's screen (of the video device that --section names, else the first)",
         "OUT.png|.ppm"},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "show no progress", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("[--ram BLOCK OFFSET LEN] FILE|-");

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context,
        "Reads a migration stream of QEMU (what 'migrate exec:cat>FILE' writes) and tells\n"
        "its sections, their versions and sizes, and how much of the RAM is zero.");
    g_option_context_set_description(
        context, "  --ram BLOCK OFFSET LEN  hexdump of RAM: -- not sent, ?? sent encoded\n\n"
                 "Exit: 0 read to its end, 1 usage, 2 broken or unreadable, 3 stopped before a\n"
                 "      section whose layout is not known, 4 no such section or block,\n"
                 "      or nothing that can be drawn.\n");
    return context;
}

int inspect_main(int argc, char **argv)
{
    struct inspect_options options = {0};
    GOptionContext *context = option_context(&options);
    GError *error = NULL;
    int status;

    if (!take_window(&argc, argv, &options)) {
        status = usage_error("--ram takes BLOCK OFFSET LEN");
    } else if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (argc != 2) {
        status = usage_error("give one FILE, or - for standard input");
    } else {
        status = run(&options, argv[1]);
    }
    g_option_context_free(context);
    g_free(options.section);
    g_free(options.screenshot);
    return status;
}
