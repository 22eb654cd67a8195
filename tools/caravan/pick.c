/* SPDX-License-Identifier: MIT */
#include "pick.h"

#include <stdio.h>
#include <string.h>

#include "inspect.h"
#include "output.h"
#include "section_name.h"
#include "vmstate/writer.h"

struct pick {
    const char *action;
    const char *file, *wanted, *in, *out; /* in: splice only */
    struct inspection inspection;
    unsigned found;    /* sections that match */
    bool in_parts;     /* one of them comes in parts */
    struct output *to; /* splice */
    struct vmstate_writer *writer;
    uint8_t *body; /* what is put in */
    gsize body_len;
    char *refused; /* why it cannot be put in */
};

static enum inspect_exit fail(const struct pick *self, enum inspect_exit status, const char *thing,
                              const char *reason)
{
    fprintf(stderr, "caravan vmstate %s: %s: %s\n", self->action, thing, reason);
    return status;
}

/* ---- Both ---- */

static bool is_wanted(struct pick *self, const struct vmstate_event *event)
{
    return event->section && section_matches(event->section, self->wanted);
}

static void count_section(struct pick *self, const struct vmstate_event *event)
{
    if (event->kind != VMSTATE_SECTION_OPENED || !is_wanted(self, event))
        return;
    if (event->section->kind != VMSTATE_SECTION_FULL)
        self->in_parts = true;
    else
        self->found++;
}

/* Reads the stream; INSPECT_WHOLE when it has just one such section. */
static enum inspect_exit read_stream(struct pick *self,
                                     void (*each)(void *opaque, const struct vmstate_event *event))
{
    struct inspection *inspection = &self->inspection;
    char *reason;
    struct input *input = input_open(self->file, &reason);

    if (!input) {
        enum inspect_exit status = fail(self, INSPECT_BROKEN, self->file, reason);

        g_free(reason);
        return status;
    }
    inspection->wanted = self->wanted;
    inspection->each = each;
    inspection->each_opaque = self;
    inspect_read(inspection, input);
    input_close(input);
    if (inspection->exit != INSPECT_WHOLE) {
        inspect_report_error(inspection, self->action, self->file);
        return inspection->exit;
    }
    if (self->in_parts)
        return fail(self, INSPECT_ABSENT, self->wanted,
                    "this section comes in parts, it has no body of its own");
    if (self->found == 0)
        return fail(self, INSPECT_ABSENT, self->wanted,
                    "there is no such section; 'caravan vmstate inspect' lists them");
    if (self->found > 1)
        return fail(self, INSPECT_ABSENT, self->wanted,
                    "there are several such sections: say which, by its whole name or :INSTANCE");
    return INSPECT_WHOLE;
}

static void clean(struct pick *self)
{
    if (self->inspection.sections)
        inspect_free(&self->inspection);
    vmstate_writer_free(self->writer);
    if (self->to)
        output_close(self->to);
    g_free(self->body);
    g_free(self->refused);
}

static bool open_output(struct pick *self)
{
    char *reason;

    self->to = output_open(self->out, &reason);
    if (self->to)
        return true;
    fail(self, INSPECT_BROKEN, self->out, reason);
    g_free(reason);
    return false;
}

static enum inspect_exit finish_output(struct pick *self)
{
    if (output_finish(self->to))
        return INSPECT_WHOLE;
    return fail(self, INSPECT_BROKEN, self->out, output_problem(self->to));
}

/* ---- extract ---- */

static void count_event(void *opaque, const struct vmstate_event *event)
{
    count_section(opaque, event);
}

static enum inspect_exit extract(struct pick *self)
{
    enum inspect_exit status = read_stream(self, count_event);

    if (status != INSPECT_WHOLE)
        return status;
    if (!open_output(self))
        return INSPECT_BROKEN;
    for (guint i = 0; i < self->inspection.sections->len; i++) {
        const struct inspect_section *seen = self->inspection.sections->pdata[i];
        const uint8_t *bytes;
        size_t len;

        if (!seen->tree)
            continue;
        bytes = vmstate_tree_bytes(seen->tree, &len);
        output_put(self->to, bytes, len);
    }
    return finish_output(self);
}

/* ---- splice ---- */

/* A body of the section must be what its layout says: with the stream's own description that fixes
 * its length, too. */
static void check_body(struct pick *self, const struct vmstate_section *section)
{
    const struct vmstate_description *description = self->inspection.description;
    const struct vmstate_device *device;
    struct vmstate_error error = {.offset = 0};
    struct vmstate_tree *tree;
    const char *reason;
    size_t at;

    if (description) {
        device = vmstate_description_lookup(description, section->name, section->instance);
        tree = vmstate_device_tree(device, self->body, self->body_len, &at, &reason);
    } else {
        tree = vmstate_schemas_tree(self->inspection.schemas, section, self->body, self->body_len,
                                    &error);
        reason = error.reason;
        at = (size_t)error.offset;
    }
    if (!tree && !self->refused)
        self->refused =
            g_strdup_printf("no body of section '%s': at byte %zu: %s", section->name, at, reason);
    vmstate_tree_free(tree);
}

static void splice_event(void *opaque, const struct vmstate_event *event)
{
    struct pick *self = opaque;

    count_section(self, event);
    if (event->kind == VMSTATE_SECTION_BYTES && is_wanted(self, event)) {
        check_body(self, event->section);
        vmstate_writer_bytes(self->writer, self->body, self->body_len);
        return;
    }
    vmstate_writer_event(self->writer, event);
}

static bool write_bytes(void *opaque, const uint8_t *bytes, size_t len)
{
    return output_put(opaque, bytes, len);
}

static enum inspect_exit splice(struct pick *self)
{
    GError *error = NULL;
    enum inspect_exit status;

    if (!g_file_get_contents(self->in, (char **)&self->body, &self->body_len, &error)) {
        status = fail(self, INSPECT_BROKEN, self->in, error->message);
        g_error_free(error);
        return status;
    }
    if (!open_output(self))
        return INSPECT_BROKEN;
    self->writer = vmstate_writer_new(write_bytes, self->to);
    status = read_stream(self, splice_event);
    if (status != INSPECT_WHOLE)
        return status;
    if (self->refused)
        return fail(self, INSPECT_BROKEN, self->in, self->refused);
    return finish_output(self);
}

/* ---- Command lines ---- */

static const struct {
    const char *action;
    const char *arguments;
    int n_arguments;
    const char *summary;
    enum inspect_exit (*run)(struct pick *self);
} picks[] = {
    {"extract", "FILE SECTION[:INSTANCE] OUT", 3,
     "Writes the body of a section, without header and footer, to a file (- for standard output).",
     extract},
    {"splice", "FILE SECTION[:INSTANCE] IN OUT", 4,
     "Copies a stream with the bytes of IN as the body of a section. IN must be what the "
     "section's\n"
     "layout says, in a stream with a description of the same length. FILE is not touched.",
     splice},
};

static int pick_main(size_t which, int argc, char **argv)
{
    struct pick self = {.action = picks[which].action};
    const GOptionEntry entries[] = {
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &self.inspection.quiet, "show no progress", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new(picks[which].arguments);
    GError *error = NULL;
    int status = INSPECT_USAGE;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, picks[which].summary);
    g_option_context_set_description(
        context, "Exit: 0 done, 1 usage, 2 broken, unreadable or not to be written, 3 a section's\n"
                 "      layout is not known, 4 no such section, or several.\n");
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fail(&self, INSPECT_USAGE, "usage", error->message);
        g_error_free(error);
    } else if (argc != picks[which].n_arguments + 1) {
        fail(&self, INSPECT_USAGE, "give", picks[which].arguments);
    } else {
        self.file = argv[1];
        self.wanted = argv[2];
        self.in = argv[3];
        self.out = argv[argc - 1];
        status = picks[which].run(&self);
    }
    clean(&self);
    g_option_context_free(context);
    return status;
}

int extract_main(int argc, char **argv)
{
    return pick_main(0, argc, argv);
}

int splice_main(int argc, char **argv)
{
    return pick_main(1, argc, argv);
}
