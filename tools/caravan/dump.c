/* SPDX-License-Identifier: MIT */
#include "dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <glib.h>

#include "cli.h"
#include "dump_bus.h"
#include "dump_kinds.h"
#include "input.h"
#include "json_out.h"
#include "value_out.h"

#define CHUNK      (64u << 10)
#define LIST_SHOWN 16 /* numbers of a list, as text; --json gives all */

enum { DUMP_BROKEN = 2 };

struct dump {
    const char *file;
    gboolean json;
    const struct dump_kind *kind;
    size_t len;
    size_t unknown; /* bytes that no field takes */
    void *state;
    struct fields_error error;
    uint64_t held_back; /* values of a list that are not shown */
    bool later;         /* not the first value */
};

static int fail(const struct dump *self, const char *reason)
{
    fprintf(stderr, "caravan vmstate dump: %s: %s\n", self->file, reason);
    return DUMP_BROKEN;
}

/* ---- Values ---- */

static struct vmstate_value value_of(const char *path, const struct fields_value *from)
{
    static const enum vmstate_value_kind kinds[] = {
        [FIELDS_UNSIGNED] = VMSTATE_VALUE_UNSIGNED,
        [FIELDS_SIGNED] = VMSTATE_VALUE_SIGNED,
        [FIELDS_BOOL] = VMSTATE_VALUE_BOOL,
        [FIELDS_BYTES] = VMSTATE_VALUE_BYTES,
    };

    return (struct vmstate_value){
        .path = path,
        .kind = kinds[from->kind],
        .u = from->u,
        .i = from->i,
        .bytes = from->bytes,
        .len = from->len,
    };
}

static void end_list(struct dump *self)
{
    if (self->held_back)
        printf("  and %" PRIu64 " more (--json gives all)\n", self->held_back);
    self->held_back = 0;
}

/* Whether it is a number far down a list of numbers. */
static bool is_far_down(const char *path)
{
    size_t n = strlen(path);
    const char *bracket = strrchr(path, '[');

    return n && path[n - 1] == ']' && bracket &&
           g_ascii_strtoull(bracket + 1, NULL, 10) >= LIST_SHOWN;
}

static void print_value(void *opaque, const char *path, const struct fields_value *from)
{
    struct dump *self = opaque;
    struct vmstate_value value = value_of(path, from);

    if (is_far_down(path)) {
        self->held_back++;
        return;
    }
    end_list(self);
    value_print(self->kind->name, &value);
}

static void put_value(void *opaque, const char *path, const struct fields_value *from)
{
    struct dump *self = opaque;
    struct vmstate_value value = value_of(path, from);

    value_put_json(self->kind->name, &value, self->later);
    self->later = true;
}

/* ---- The whole ---- */

static void print_text(struct dump *self)
{
    const struct dump_kind *kind = self->kind;

    printf("%s, version %" PRIu32 ", %zu bytes\n", kind->what, kind->version, self->len);
    fields_walk(kind->body, kind->version, self->state, print_value, self);
    end_list(self);
    if (kind->more)
        fields_walk(kind->more, kind->version, self->state, print_value, self);
    end_list(self);
    if (self->unknown)
        printf("%zu bytes behind it are of no known record\n", self->unknown);
}

static void put_list(struct dump *self, const char *name, const struct field_table *table)
{
    printf(",\n \"%s\": [", name);
    self->later = false;
    if (table)
        fields_walk(table, self->kind->version, self->state, put_value, self);
    putchar(']');
}

static void put_json(struct dump *self)
{
    const struct dump_kind *kind = self->kind;

    putchar('{');
    json_out_pair("kind", kind->name);
    printf(", \"version\": %" PRIu32 ", \"bytes\": %zu, \"unknown\": %zu", kind->version, self->len,
           self->unknown);
    put_list(self, "fields", kind->body);
    put_list(self, "trailer", kind->more);
    puts("}");
}

static void put_json_error(const struct dump *self)
{
    putchar('{');
    json_out_pair("kind", self->kind->name);
    printf(", \"bytes\": %zu,\n \"error\": {\"offset\": %zu, ", self->len, self->error.offset);
    json_out_pair("field", self->error.field);
    fputs(", ", stdout);
    json_out_pair("reason", self->error.reason);
    puts("}}");
}

static int report_error(const struct dump *self)
{
    if (self->json)
        put_json_error(self);
    fflush(stdout);
    fprintf(stderr, "caravan vmstate dump: %s: %s: broken at byte %zu, %s: %s\n", self->file,
            self->kind->what, self->error.offset, self->error.field, self->error.reason);
    return DUMP_BROKEN;
}

static int refuse_kind(const struct dump *self, const GByteArray *input)
{
    if (input->len >= 4 && !memcmp(input->data, "QEVM", 4))
        return fail(self, "a migration stream of QEMU: 'caravan vmstate inspect' reads it");
    return fail(self, "no blob of a kind that is known: those of SPICE's channels begin with MNMD, "
                      "DCMD, ICMD or SVMD, that of caravan agent with CVAG");
}

/* The blob, or that of the body of section dbus-vmstate whose kind is known. */
static struct dump_bus_blob find_blob(struct dump *self, const GByteArray *input)
{
    struct dump_bus_blob blob = {.bytes = input->data, .len = input->len};

    self->kind = dump_kind_of(blob.bytes, blob.len);
    for (uint32_t i = 0; !self->kind && dump_bus_blob(input->data, input->len, i, &blob); i++)
        self->kind = dump_kind_of(blob.bytes, blob.len);
    return blob;
}

static int dump_blob(struct dump *self, const GByteArray *input)
{
    struct dump_bus_blob blob = find_blob(self, input);
    size_t known;

    if (!self->kind)
        return refuse_kind(self, input);
    self->len = blob.len;
    self->state = g_malloc0(self->kind->size);
    if (!self->kind->load(blob.bytes, blob.len, self->state, &self->error))
        return report_error(self);
    known = self->kind->saved_size(self->state);
    self->unknown = known && known < blob.len ? blob.len - known : 0;
    if (self->json)
        put_json(self);
    else
        print_text(self);
    self->kind->free(self->state);
    return CLI_OK;
}

/* The whole input, or NULL, which was said. */
static GByteArray *read_blob(const struct dump *self)
{
    GByteArray *blob = NULL;
    uint8_t chunk[CHUNK];
    char *reason;
    struct input *input = input_open(self->file, &reason);
    ssize_t n;

    if (!input) {
        fail(self, reason);
        g_free(reason);
        return NULL;
    }
    blob = g_byte_array_new();
    while ((n = input_read(input, chunk, sizeof(chunk))) > 0 && blob->len <= DUMP_BLOB_MOST)
        g_byte_array_append(blob, chunk, (guint)n);
    if (n < 0)
        fail(self, input_problem(input));
    else if (blob->len > DUMP_BLOB_MOST)
        fail(self, "larger than any blob may be");
    if (n < 0 || blob->len > DUMP_BLOB_MOST)
        g_clear_pointer(&blob, g_byte_array_unref);
    input_close(input);
    return blob;
}

static int run(struct dump *self)
{
    GByteArray *blob = read_blob(self);
    int status;

    if (!blob)
        return DUMP_BROKEN;
    status = dump_blob(self, blob);
    g_free(self->state);
    g_byte_array_unref(blob);
    return status;
}

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan vmstate dump: %s ('caravan vmstate dump --help' helps)\n", message);
    return CLI_USAGE;
}

int dump_main(int argc, char **argv)
{
    struct dump self = {.later = false};
    const GOptionEntry entries[] = {
        {"json", 'j', 0, G_OPTION_ARG_NONE, &self.json, "write one JSON object", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("FILE|-");
    GError *error = NULL;
    int status;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context,
        "Prints, field by field, the state that a SPICE channel hands over in a move (the body of "
        "its\n"
        "MIGRATE_DATA message) with the records that Caravan puts behind it, or the state of\n"
        "'caravan agent' (itself, or the body of section dbus-vmstate of a stream).");
    g_option_context_set_description(context, "Exit: 0 done, 1 usage, 2 broken or unreadable.\n");
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (argc != 2) {
        status = usage_error("give one FILE, or - for standard input");
    } else {
        self.file = argv[1];
        status = run(&self);
    }
    g_option_context_free(context);
    return status;
}
