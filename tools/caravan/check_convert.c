/* SPDX-License-Identifier: MIT */
#include "check_convert.h"

#include <string.h>

#include "vmstate/convert.h"

#define CHUNK (256u << 10)

/* A reader of what convert makes of the input. */
struct converting {
    struct input *input;
    struct vmstate_convert *convert;
    GByteArray *out;
    guint taken;
    bool finished;
    uint8_t *chunk;
};

static bool put(void *opaque, const uint8_t *bytes, size_t len)
{
    struct converting *self = opaque;

    g_byte_array_append(self->out, bytes, (guint)len);
    return true;
}

static bool copy(void *opaque, uint64_t offset, const uint8_t *bytes, size_t len)
{
    return put(opaque, bytes, len);
}

/* One more piece through convert; false when it cannot go on. */
static bool feed(struct converting *self)
{
    ssize_t n = input_read(self->input, self->chunk, CHUNK);

    if (n > 0)
        return vmstate_convert_feed(self->convert, self->chunk, (size_t)n);
    self->finished = true;
    return n == 0 && vmstate_convert_finish(self->convert);
}

static ssize_t read_converted(void *source, void *to, size_t n)
{
    struct converting *self = source;
    size_t some;

    if (self->taken == self->out->len) {
        g_byte_array_set_size(self->out, 0);
        self->taken = 0;
    }
    while (self->out->len == 0 && !self->finished)
        if (!feed(self))
            return -1;
    some = MIN(n, self->out->len - self->taken);
    memcpy(to, self->out->data + self->taken, some);
    self->taken += (guint)some;
    return (ssize_t)some;
}

static bool same(const struct check_finding *a, const struct check_finding *b)
{
    return a->code == b->code && a->instance == b->instance && !g_strcmp0(a->where, b->where);
}

static void mark_gone(const struct check_report *report, const struct check_report *after)
{
    for (guint i = 0; i < report->findings->len; i++) {
        struct check_finding *finding = report->findings->pdata[i];
        bool gone = finding->weight != CHECK_NOTE;

        for (guint k = 0; k < after->findings->len && gone; k++)
            gone = !same(finding, after->findings->pdata[k]);
        finding->convert = gone;
    }
}

static bool knows(const struct check_report *report, const struct check_finding *finding, guint n)
{
    for (guint i = 0; i < n; i++)
        if (same(report->findings->pdata[i], finding))
            return true;
    return false;
}

/* What is only seen once convert did its part. */
static void add_new(struct check_report *report, const struct check_report *after)
{
    guint n = report->findings->len;

    for (guint i = 0; i < after->findings->len; i++) {
        const struct check_finding *finding = after->findings->pdata[i];
        char *where;

        if (finding->weight == CHECK_NOTE || knows(report, finding, n))
            continue;
        where = finding->where ? g_strcompress(finding->where) : NULL;
        check_report_add(report, finding->weight, finding->code, where, finding->instance,
                         g_strdup(finding->remedy), "once converted: %s", finding->reason);
        g_free(where);
    }
}

static void compare_converted(const struct check_case *it, const struct check_view *view)
{
    struct check_case after = {view, it->target, it->schema, check_report_new()};

    check_rules(&after);
    mark_gone(it->report, after.report);
    add_new(it->report, after.report);
    if (check_report_loads(after.report))
        it->report->after = "converted for the target's machine type it would load";
    else
        it->report->after = "converted for the target's machine type obstacles would remain";
    check_report_free(after.report);
}

void check_convert(const struct check_case *it, struct input *input)
{
    struct converting self = {.input = input};
    struct vmstate_convert_sink sink = {put, copy, &self};
    const char *machine =
        it->target->view->machine ? it->target->view->machine : it->target->machine;
    struct vmstate_convert_options options = {.machine = machine};
    struct check_view *view;
    const char *reason;

    self.convert = vmstate_convert_new(&options, &sink, &reason);
    if (!self.convert)
        return;
    self.out = g_byte_array_new();
    self.chunk = g_malloc(CHUNK);
    view = check_view_read(read_converted, &self, it->target->view);
    for (size_t i = 0; vmstate_convert_report(self.convert, VMSTATE_REPORT_REFUSALS, i); i++)
        g_ptr_array_add(it->report->refusals,
                        g_strdup(vmstate_convert_report(self.convert, VMSTATE_REPORT_REFUSALS, i)));
    if (view->whole && self.finished)
        compare_converted(it, view);
    check_view_free(view);
    g_byte_array_unref(self.out);
    g_free(self.chunk);
    vmstate_convert_free(self.convert);
}
