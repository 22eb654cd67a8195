/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check_convert.h"
#include "check_qemu.h"
#include "check_rules.h"
#include "input.h"

#define TIMEOUT_S 60.0

struct check_options_given {
    char *target;
    char *source;
    char *schema;
    char *rehearse;
    double timeout_s;
    gboolean json;
    gboolean quiet;
};

struct checking {
    const struct check_options_given *options;
    const char *file;
    struct check_target *target;
    struct check_target *source;
    struct check_schema *schema;
    struct check_view *read; /* of the file */
    struct check_report *report;
};

static int fail(enum check_exit status, const char *what, char *reason)
{
    fflush(stdout);
    fprintf(stderr, "caravan vmstate check: %s: %s\n", what, reason);
    g_free(reason);
    return status;
}

static ssize_t read_input(void *source, void *to, size_t n)
{
    return input_read(source, to, n);
}

/* ---- What there is to know ---- */

/* It tells the oldest versions, and what a device may write that this one did not. */
static bool wants_schema(const struct check_view *stream, const struct check_target *target)
{
    for (guint i = 0; i < stream->sections->len; i++) {
        const struct check_section *ours = stream->sections->pdata[i];
        const struct check_section *theirs =
            check_view_section(target->view, ours->name, ours->instance);

        if (theirs ? theirs->version > ours->version : !strchr(ours->name, '/'))
            return true;
    }
    return false;
}

static int learn_sides(struct checking *it)
{
    const struct check_options_given *options = it->options;
    char *reason = NULL;

    if (options->schema) {
        it->schema = check_schema_read(options->schema, &reason);
        if (!it->schema)
            return fail(CHECK_NO_TARGET, options->schema, reason);
    } else {
        it->target = check_target_new(options->target, options->timeout_s, &reason);
        if (!it->target)
            return fail(CHECK_NO_TARGET, "the target cannot be asked", reason);
    }
    if (options->source) {
        it->source = check_target_new(options->source, options->timeout_s, &reason);
        if (!it->source)
            return fail(CHECK_NO_TARGET, "the source cannot be asked", reason);
    }
    return CHECK_LOADS;
}

static int read_file(struct checking *it)
{
    char *reason;
    struct input *input = input_open(it->file, &reason);
    const struct vmstate_error *error;

    if (!input)
        return fail(CHECK_UNREADABLE, it->file, reason);
    it->read = check_view_read(read_input, input, it->target ? it->target->view : NULL);
    error = &it->read->error;
    if (!it->read->whole)
        reason = *input_problem(input)
                     ? g_strdup(input_problem(input))
                     : g_strdup_printf("broken at byte %" PRIu64 "%s%s, %s: %s", error->offset,
                                       *error->section ? ", section " : "", error->section,
                                       error->field ? error->field : "stream", error->reason);
    input_close(input);
    return it->read->whole ? CHECK_LOADS : fail(CHECK_UNREADABLE, it->file, reason);
}

/* ---- The rehearsal ---- */

static uint64_t free_memory(void)
{
    char *text = NULL, *line;
    uint64_t kib = 0;

    if (g_file_get_contents("/proc/meminfo", &text, NULL, NULL)) {
        line = strstr(text, "MemAvailable:");
        if (line)
            kib = g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10);
    }
    g_free(text);
    return kib << 10;
}

/* Why there is to be no rehearsal, or NULL. */
static const char *no_rehearsal(const struct checking *it)
{
    const char *when = it->options->rehearse;

    if (!it->target)
        return "none: there is only a schema";
    if (it->file && !strcmp(it->file, "-"))
        return "none: standard input can be read only once";
    if (when && !strcmp(when, "never"))
        return "none: not wanted";
    if (when && !strcmp(when, "always"))
        return NULL;
    if (check_report_count(it->report, CHECK_OBSTACLE))
        return "none: there are obstacles";
    if (it->target->ram > free_memory() / 2)
        return "none: the target has more RAM than half of what is free here (--rehearse=always)";
    return NULL;
}

static int run_rehearsal(struct checking *it, char **words)
{
    double timeout_s = it->options->timeout_s + (double)it->target->ram / (32 << 20);
    struct input *input;
    int verdict;

    if (it->source)
        return check_target_rehearse_from(it->target, it->source, timeout_s, words);
    input = input_open(it->file, words);
    if (!input)
        return -1;
    verdict = check_target_rehearse(it->target, read_input, input, timeout_s, words);
    input_close(input);
    return verdict;
}

static void weigh_anew(struct check_report *report, enum check_weight from, enum check_weight to)
{
    for (guint i = 0; i < report->findings->len; i++) {
        struct check_finding *finding = report->findings->pdata[i];

        if (finding->weight == from)
            finding->weight = to;
    }
}

/* QEMU's words without its warnings, which are about other things. */
static char *plain_words(const char *words)
{
    char **lines = g_strsplit(words ? words : "", "\n", -1);
    GString *text = g_string_new(NULL);

    for (size_t i = 0; lines[i]; i++)
        if (*lines[i] && !strstr(lines[i], "warning:"))
            g_string_append_printf(text, "%s%s", text->len ? "\n" : "", lines[i]);
    g_strfreev(lines);
    if (text->len == 0)
        g_string_append(text, "it gives no reason");
    return g_string_free(text, FALSE);
}

/* What is only seen when QEMU tries. */
static const char *rehearsal_remedy(const char *words)
{
    static const struct {
        const char *words;
        const char *remedy;
    } rows[] = {
        {"Allowed features", "the device's properties for features (such as edid=, csum=, "
                             "queue_reset=), or the machine type, of where it was saved"},
        {"Assertion", "another QEMU as the target: this one crashes on it"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strstr(words, rows[i].words))
            return rows[i].remedy;
    return "the command line of where it was saved";
}

static void report_refusal(struct check_report *report, const char *words)
{
    char *plain = plain_words(words);

    check_report_add(report, CHECK_OBSTACLE, "rehearsal", NULL, 0,
                     g_strdup(rehearsal_remedy(plain)), "QEMU refuses it: %s", plain);
    g_free(plain);
}

/* QEMU's verdict settles doubts; where it differs from ours, both are told. */
static void rehearse(struct checking *it)
{
    const struct check_view *stream = it->source ? it->source->view : it->read;
    struct check_report *report = it->report;
    char *words = NULL;
    int verdict;

    report->rehearsal = no_rehearsal(it);
    if (report->rehearsal)
        return;
    verdict = run_rehearsal(it, &words);
    report->words = words;
    report->settled = verdict > 0;
    if (verdict > 0 && !stream->footers && !check_report_loads(report)) {
        report->rehearsal = "a throw-away of the target loaded it, which proves nothing: without "
                            "footers QEMU does not notice when it reads out of step";
        report->settled = false;
        return;
    }
    if (verdict > 0) {
        report->rehearsal = "a throw-away of the target loaded it";
        weigh_anew(report, CHECK_OBSTACLE, CHECK_NOTE);
        weigh_anew(report, CHECK_DOUBT, CHECK_NOTE);
        return;
    }
    report->rehearsal =
        verdict == 0 ? "a throw-away of the target refused it" : "it could not be held";
    if (verdict < 0)
        return;
    weigh_anew(report, CHECK_DOUBT, CHECK_OBSTACLE);
    if (check_report_loads(report))
        report_refusal(report, words);
}

/* Tries whether convert would help. */
static void try_convert(const struct checking *it, const struct check_case *rules)
{
    struct input *input;
    char *reason = NULL;

    if (check_report_loads(it->report) || !it->target || !it->file || !strcmp(it->file, "-"))
        return;
    input = input_open(it->file, &reason);
    if (input) {
        check_convert(rules, input);
        input_close(input);
    }
    g_free(reason);
}

static void report_unsaved(const struct checking *it)
{
    for (guint i = 0; it->source && i < it->source->dropped->len; i++)
        check_report_add(it->report, CHECK_OBSTACLE, "unmigratable", it->source->dropped->pdata[i],
                         0, g_strdup("unplug it before"),
                         "the source has this device, with which QEMU saves nothing");
}

static int compare(struct checking *it)
{
    struct check_case rules = {it->source ? it->source->view : it->read, it->target, it->schema,
                               it->report};

    if (it->target && wants_schema(rules.stream, it->target))
        rules.schema = check_target_schema(it->target, it->options->timeout_s);
    check_rules(&rules);
    report_unsaved(it);
    rehearse(it);
    try_convert(it, &rules);
    if (it->options->json)
        check_report_print_json(it->report, it->source ? it->options->source : it->file,
                                it->target ? it->options->target : it->options->schema);
    else
        check_report_print_text(it->report, it->options->quiet);
    return check_report_loads(it->report) ? CHECK_LOADS : CHECK_REFUSED;
}

static int run(const struct check_options_given *options, const char *file)
{
    struct checking it = {.options = options, .file = file};
    int status;

    it.report = check_report_new();
    status = learn_sides(&it);
    if (status == CHECK_LOADS && !options->source)
        status = read_file(&it);
    if (status == CHECK_LOADS)
        status = compare(&it);
    check_report_free(it.report);
    check_view_free(it.read);
    check_schema_free(it.schema);
    check_target_free(it.target);
    check_target_free(it.source);
    return status;
}

/* ---- The command line ---- */

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan vmstate check: %s ('caravan vmstate check --help' helps)\n", message);
    return CHECK_USAGE;
}

static const char *wrong_use(const struct check_options_given *options, int argc)
{
    if (!options->target == !options->schema)
        return "give either --target or --schema";
    if (options->source ? argc != 1 : argc != 2)
        return "give one FILE (- for standard input), or --source";
    if (options->source && options->schema)
        return "--source wants a --target";
    if (options->rehearse && strcmp(options->rehearse, "auto") &&
        strcmp(options->rehearse, "always") && strcmp(options->rehearse, "never"))
        return "--rehearse is auto, always or never";
    if (!(options->timeout_s > 0 && options->timeout_s <= 86400))
        return "--timeout is a number of seconds";
    return NULL;
}

static GOptionContext *option_context(struct check_options_given *o)
{
    const GOptionEntry entries[] = {
        {"target", 't', 0, G_OPTION_ARG_STRING, &o->target,
         "command line of the QEMU that is to load it", "'CMD'"},
        {"schema", 0, 0, G_OPTION_ARG_FILENAME, &o->schema,
         "instead: what its QEMU's -dump-vmstate wrote (knows versions only)", "FILE"},
        {"source", 0, 0, G_OPTION_ARG_STRING, &o->source,
         "instead of FILE: command line of the QEMU that would save it", "'CMD'"},
        {"rehearse", 0, 0, G_OPTION_ARG_STRING, &o->rehearse,
         "have a throw-away of the target load it: auto (when nothing speaks against it), always, "
         "never",
         "WHEN"},
        {"timeout", 0, 0, G_OPTION_ARG_DOUBLE, &o->timeout_s, "seconds for each QEMU (60)", "S"},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &o->json, "write one JSON object", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "tell no notes", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("[FILE|-]");

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "Tells whether a QEMU will load a saved VM: yes or no, and each obstacle with\n"
                 "its remedy. The target's QEMU is asked; its guest does not run, and disks,\n"
                 "networks, sockets and files of the command line are not touched.");
    g_option_context_set_description(
        context,
        "Exit: 0 it loads, 1 usage, 2 it does not load, 3 the file is broken or cannot be\n"
        "      read, 4 the target (or source) cannot be started or asked.\n\n"
        "Example:\n"
        "  caravan vmstate check vm.mig --target 'qemu-system-x86_64 -M pc -m 512'\n");
    return context;
}

int check_main(int argc, char **argv)
{
    struct check_options_given options = {.timeout_s = TIMEOUT_S};
    GOptionContext *context = option_context(&options);
    GError *error = NULL;
    int status;

    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (wrong_use(&options, argc)) {
        status = usage_error(wrong_use(&options, argc));
    } else {
        status = run(&options, options.source ? NULL : argv[1]);
    }
    g_option_context_free(context);
    g_free(options.target);
    g_free(options.source);
    g_free(options.schema);
    g_free(options.rehearse);
    return status;
}
