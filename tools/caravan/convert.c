/* SPDX-License-Identifier: MIT */
#include "convert.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "json_out.h"
#include "output.h"
#include "term.h"
#include "vmstate/convert.h"

#define CHUNK     (256u << 10) /* small enough for the processor's cache */
#define PIPE_SIZE (1 << 20)
#define PROGRESS  (16u << 20)

enum convert_exit {
    CONVERT_DONE = 0,
    CONVERT_USAGE = 1,
    CONVERT_BROKEN = 2,  /* cannot be read or written, or is no stream as QEMU writes them */
    CONVERT_REFUSED = 3, /* something in it is not known, or cannot be had at the target */
};

struct convert_arguments {
    char *from;
    char *to;
    char *accel;
    char *usb;
    char **sets;
    gboolean dry;
    gboolean quiet;
    gboolean json;
    const char *in;
    const char *out;
};

struct run {
    const struct convert_arguments *arguments;
    struct input *input;
    struct output *output;
    struct vmstate_convert *convert;
    int fd;        /* of the input, when the kernel can copy from it; else -1 */
    uint64_t base; /* where in it the stream begins */
    struct term term;
    uint64_t fed;
    uint64_t shown;
};

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan vmstate convert: %s ('caravan vmstate convert --help' helps)\n",
            message);
    return CONVERT_USAGE;
}

static bool put(void *opaque, const uint8_t *bytes, size_t len)
{
    return output_put(((struct run *)opaque)->output, bytes, len);
}

static bool copy(void *opaque, uint64_t offset, const uint8_t *bytes, size_t len)
{
    struct run *run = opaque;

    return output_copy(run->output, run->fd, run->base + offset, bytes, len);
}

static void show_progress(struct run *run)
{
    if (run->arguments->quiet || run->arguments->json || run->fed - run->shown < PROGRESS ||
        !strcmp(run->arguments->out ? run->arguments->out : "", "-"))
        return;
    run->shown = run->fed;
    term_progress(&run->term, "converting", run->fed, input_total(run->input));
}

/* To the input's end. What of a plain file goes over as it is the kernel copies meanwhile. */
static bool feed_all(struct run *run)
{
    g_autofree uint8_t *chunk = g_malloc(CHUNK);
    ssize_t n;

    while ((n = input_read(run->input, chunk, CHUNK)) > 0) {
        run->fed += (uint64_t)n;
        show_progress(run);
        if (!vmstate_convert_feed(run->convert, chunk, (size_t)n))
            return false;
    }
    if (n < 0)
        fprintf(stderr, "caravan vmstate convert: %s: cannot be read: %s\n", run->arguments->in,
                input_problem(run->input));
    return n == 0;
}

/* ---- The report ---- */

static void print_texts(FILE *to, const struct vmstate_convert *convert,
                        enum vmstate_convert_report which, const char *head)
{
    const char *text;

    if (vmstate_convert_report(convert, which, 0))
        fprintf(to, "%s\n", head);
    for (size_t i = 0; (text = vmstate_convert_report(convert, which, i)); i++)
        fprintf(to, "  %s\n", text);
}

static void print_report(FILE *to, const struct vmstate_convert *convert)
{
    const char *text;

    fprintf(to, "source   %s\ntarget   %s\n", vmstate_convert_source(convert),
            vmstate_convert_machine(convert));
    print_texts(to, convert, VMSTATE_REPORT_EDITS, "changed:");
    print_texts(to, convert, VMSTATE_REPORT_NOTES, "note:");
    if (!vmstate_convert_report(convert, VMSTATE_REPORT_COMMAND, 0))
        return;
    fputs("load with:\n  qemu-system-x86_64", to);
    for (size_t i = 0; (text = vmstate_convert_report(convert, VMSTATE_REPORT_COMMAND, i)); i++)
        fprintf(to, " \\\n    %s", text);
    fputs("\n", to);
}

static void print_json(FILE *to, const struct vmstate_convert *convert, bool complete)
{
    static const char *const names[VMSTATE_REPORTS] = {"edits", "notes", "refusals", "command"};
    const char *text;

    fprintf(to, "{\"complete\": %s, \"source\": ", complete ? "true" : "false");
    json_out_text_to(to, vmstate_convert_source(convert));
    fputs(", \"machine\": ", to);
    json_out_text_to(to, vmstate_convert_machine(convert));
    for (int which = 0; which < VMSTATE_REPORTS; which++) {
        fprintf(to, ",\n \"%s\": [", names[which]);
        for (size_t i = 0; (text = vmstate_convert_report(convert, which, i)); i++) {
            fputs(i ? ", " : "", to);
            json_out_text_to(to, text);
        }
        fputs("]", to);
    }
    if (!complete) {
        fputs(",\n \"error\": ", to);
        json_out_text_to(to, vmstate_convert_error(convert));
    }
    fputs("}\n", to);
}

/* On standard output, unless the stream goes there. */
static void report(const struct run *run, bool complete)
{
    FILE *to = run->arguments->out && !strcmp(run->arguments->out, "-") ? stderr : stdout;

    if (run->arguments->json)
        print_json(to, run->convert, complete);
    else if (complete && !run->arguments->quiet)
        print_report(to, run->convert);
}

/* ---- Running ---- */

/* The kernel can copy out of a plain file, where the stream lies as it is read. */
static void prepare_input(struct run *run)
{
    struct stat stat;
    int fd = input_fd(run->input);
    off_t at = lseek(fd, 0, SEEK_CUR);

    if (at >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
        run->fd = fd;
        run->base = (uint64_t)at;
    } else {
        run->fd = -1;
        fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
    }
}

static int convert(struct run *run)
{
    bool complete = feed_all(run) && vmstate_convert_finish(run->convert);
    const char *error = vmstate_convert_error(run->convert);

    if (complete && !output_finish(run->output)) {
        fprintf(stderr, "caravan vmstate convert: %s: cannot be written: %s\n",
                run->arguments->out ? run->arguments->out : "", output_problem(run->output));
        complete = false;
    }
    term_clear_status(&run->term);
    report(run, complete);
    if (complete)
        return CONVERT_DONE;
    fflush(stdout);
    if (*error)
        fprintf(stderr, "caravan vmstate convert: %s: %s%s%s\n", run->arguments->in, error,
                *output_problem(run->output) ? ": " : "", output_problem(run->output));
    return vmstate_convert_report(run->convert, VMSTATE_REPORT_REFUSALS, 0) ? CONVERT_REFUSED
                                                                            : CONVERT_BROKEN;
}

static bool same_file(const char *a, const char *b)
{
    struct stat one, other;

    return a && b && stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino && S_ISREG(one.st_mode);
}

static int open_and_convert(struct run *run)
{
    const struct convert_arguments *arguments = run->arguments;
    char *reason = NULL;
    int status = CONVERT_BROKEN;

    run->input = input_open(arguments->in, &reason);
    if (!run->input) {
        fprintf(stderr, "caravan vmstate convert: %s: %s\n", arguments->in, reason);
        g_free(reason);
        return status;
    }
    run->output = output_open(arguments->out, &reason);
    if (run->output) {
        prepare_input(run);
        status = convert(run);
    } else {
        fprintf(stderr, "caravan vmstate convert: %s: cannot be written: %s\n", arguments->out,
                reason);
        g_free(reason);
    }
    output_close(run->output);
    input_close(run->input);
    return status;
}

static int start(const struct convert_arguments *arguments)
{
    struct run run = {.arguments = arguments, .term = term_open()};
    struct vmstate_convert_sink sink = {put, copy, &run};
    struct vmstate_convert_options options = {
        .from = arguments->from,
        .machine = arguments->to,
        .kvm = arguments->accel && !strcmp(arguments->accel, "kvm"),
        .usb = arguments->usb,
        .sets = (const char *const *)arguments->sets,
    };
    const char *reason;
    int status;

    if (arguments->accel && strcmp(arguments->accel, "kvm") && strcmp(arguments->accel, "tcg"))
        return usage_error("--accel is kvm or tcg");
    if (same_file(arguments->in, arguments->out))
        return usage_error("IN and OUT are the same file, and the input is never touched");
    run.convert = vmstate_convert_new(&options, &sink, &reason);
    if (!run.convert)
        return usage_error(reason);
    status = open_and_convert(&run);
    vmstate_convert_free(run.convert);
    return status;
}

static GOptionContext *option_context(struct convert_arguments *a)
{
    const GOptionEntry entries[] = {
        {"from", 0, 0, G_OPTION_ARG_STRING, &a->from,
         "who wrote it: auto (default), qemu-kvm-1.0, qemu-1.0", "WHO"},
        {"to", 0, 0, G_OPTION_ARG_STRING, &a->to,
         "the target's machine type (default: pc-i440fx-1.4, or as it is)", "MACHINE"},
        {"accel", 0, 0, G_OPTION_ARG_STRING, &a->accel, "the target's accelerator (default: tcg)",
         "tcg|kvm"},
        {"usb", 0, 0, G_OPTION_ARG_STRING, &a->usb,
         "PCI place of the USB controller, where the stream does not say it", "0000:00:01.2"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &a->sets,
         "write a number into a field, such as i8259:0/irq_base=0x20", "FIELD=N"},
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &a->dry, "write nothing; OUT can be left out", NULL},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &a->json, "report as one JSON object", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &a->quiet, "report errors only", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("IN|- OUT|-");

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "Changes a migration stream so that another QEMU or machine type loads it, and\n"
                 "tells each change and the command line of the target. Streams of qemu-kvm 1.0\n"
                 "and QEMU 1.0 to 2.0 for machine types pc-*, and of QEMU 2.4 and later between\n"
                 "machine types pc-i440fx-*.");
    g_option_context_set_description(
        context,
        "Exit: 0 done, 1 usage, 2 broken or unreadable, 3 refused: not known, or not to be\n"
        "      had at the target. Unless it is done there is no OUT; on a pipe it lacks\n"
        "      its end.\n");
    return context;
}

int convert_main(int argc, char **argv)
{
    struct convert_arguments arguments = {0};
    GOptionContext *context = option_context(&arguments);
    GError *error = NULL;
    int status;

    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (argc != 3 && !(argc == 2 && arguments.dry)) {
        status = usage_error("give IN and OUT, each a file or -");
    } else {
        arguments.in = argv[1];
        arguments.out = arguments.dry ? NULL : argv[2];
        status = start(&arguments);
    }
    g_option_context_free(context);
    g_free(arguments.from);
    g_free(arguments.to);
    g_free(arguments.accel);
    g_free(arguments.usb);
    g_strfreev(arguments.sets);
    return status;
}
