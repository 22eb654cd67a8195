/* SPDX-License-Identifier: MIT */
/* The way of the bytes: what comes before the device state is copied, but for what the target wants
 * otherwise. */
#include "vmstate/convert_private.h"

#include <string.h>

bool convert_fail(struct vmstate_convert *self, const char *format, ...)
{
    va_list list;

    if (self->error)
        return false;
    va_start(list, format);
    self->error = g_strdup_vprintf(format, list);
    va_end(list);
    return false;
}

bool convert_refuse(struct vmstate_convert *self, const char *format, ...)
{
    va_list list;

    if (self->error)
        return false;
    va_start(list, format);
    self->error = g_strdup_vprintf(format, list);
    va_end(list);
    convert_report(self, VMSTATE_REPORT_REFUSALS, "%s", self->error);
    return false;
}

void convert_report(struct vmstate_convert *self, enum vmstate_convert_report which,
                    const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_ptr_array_add(self->reports[which], g_strdup_vprintf(format, list));
    va_end(list);
}

static bool fail_as_stream(struct vmstate_convert *self)
{
    const struct vmstate_error *error = vmstate_stream_error(self->stream);
    char *section = g_strescape(error->section, NULL);

    convert_fail(self, "broken at byte %" G_GUINT64_FORMAT ", %s%s%s%s: %s", error->offset,
                 *section ? "section '" : "", section, *section ? "', " : "", error->field,
                 error->reason);
    g_free(section);
    return false;
}

/* ---- Copying ---- */

/* The input up to `end` is dealt with: what was kept of it is no longer needed. */
static void pass_over(struct vmstate_convert *self, uint64_t end)
{
    if (end <= self->run)
        return;
    g_byte_array_remove_range(self->rest, 0, (guint)MIN(self->rest->len, end - self->run));
    self->run = end;
}

/* Copies what is to be copied up to `end`: first what was kept, which begins at self->run if it is
 * not empty, then from `chunk`, the input from self->fed on. */
static bool flush_run(struct vmstate_convert *self, uint64_t end, const uint8_t *chunk)
{
    const struct vmstate_convert_sink *sink = &self->sink;
    uint64_t n = end > self->run ? MIN(self->rest->len, end - self->run) : 0;
    bool fine = true;

    if (n) {
        fine = sink->copy(sink->opaque, self->run, self->rest->data, (size_t)n);
        pass_over(self, self->run + n);
    }
    if (fine && end > self->run)
        fine = sink->copy(sink->opaque, self->run, chunk + (self->run - self->fed),
                          (size_t)(end - self->run));
    pass_over(self, end);
    return fine || convert_fail(self, "the output cannot be written");
}

/* Copies what was told; the few bytes behind it, which are no event yet, are kept. */
static bool end_chunk(struct vmstate_convert *self, const uint8_t *chunk, size_t len)
{
    uint64_t told = vmstate_stream_told(self->stream);
    uint64_t end = self->fed + len;
    uint64_t from;

    if (told > self->run && !flush_run(self, told, chunk))
        return false;
    from = MAX(self->run, self->fed);
    if (end > from)
        g_byte_array_append(self->rest, chunk + (from - self->fed), (guint)(end - from));
    return true;
}

/* ---- Events before the device state ---- */

static void write_configuration(struct vmstate_convert *self)
{
    self->configured = true;
    if (self->target < 204)
        return;
    convert_report(self, VMSTATE_REPORT_EDITS,
                   "configuration: machine type %s, footers behind "
                   "sections",
                   self->machine);
    vmstate_writer_configuration(self->writer, self->machine);
}

static void rename_block(struct vmstate_convert *self, struct vmstate_ram_block *block)
{
    char *name = convert_block_name(self, block->name);

    if (strcmp(name, block->name)) {
        convert_report(self, VMSTATE_REPORT_EDITS,
                       "ram: block %s becomes %s, as machine types from "
                       "3.0 on name it",
                       block->name, name);
        g_strlcpy(block->name, name, sizeof(block->name));
    }
    g_free(name);
}

/* Other blocks than the last must be known before the first can be named. */
static void list_block(struct vmstate_convert *self, const struct vmstate_event *event)
{
    uint64_t total = 0;

    g_array_append_val(self->blocks, *event->block);
    for (guint i = 0; i < self->blocks->len; i++)
        total += g_array_index(self->blocks, struct vmstate_ram_block, i).size;
    if (total != self->list_total)
        return;
    vmstate_writer_ram_list(self->writer, total);
    for (guint i = 0; i < self->blocks->len; i++) {
        struct vmstate_ram_block *block = &g_array_index(self->blocks, struct vmstate_ram_block, i);

        rename_block(self, block);
        vmstate_writer_ram_block(self->writer, block->name, block->size);
    }
}

static bool page_is_renamed(const struct vmstate_convert *self, const struct vmstate_event *event)
{
    return !event->continued && event->block_index < self->blocks->len &&
           strcmp(event->block->name,
                  g_array_index(self->blocks, struct vmstate_ram_block, event->block_index).name);
}

static void write_page(struct vmstate_convert *self, const struct vmstate_event *event)
{
    const struct vmstate_ram_block *block =
        &g_array_index(self->blocks, struct vmstate_ram_block, event->block_index);

    vmstate_writer_ram_page(self->writer, event->page, block->name, event->page_offset, event->fill,
                            event->len);
}

static void write_closed(struct vmstate_convert *self, const struct vmstate_event *event)
{
    struct vmstate_event changed = *event;

    changed.footer = self->target >= 204;
    vmstate_writer_event(self->writer, &changed);
}

static bool is_disk(const struct vmstate_event *event)
{
    return event->section && !strcmp(event->section->name, "block");
}

/* Writes what the target wants instead of the event's bytes; false: they are to be copied. */
static bool write_instead(struct vmstate_convert *self, const struct vmstate_event *event)
{
    if (event->kind == VMSTATE_SECTION_OPENED && !self->configured)
        write_configuration(self);
    if (is_disk(event)) /* empty: see check_event */
        return true;
    switch (event->kind) {
    case VMSTATE_CONFIGURATION:
        write_configuration(self);
        return true;
    case VMSTATE_CONFIGURATION_BYTES:
        return self->target < 204;
    case VMSTATE_COMMAND:
    case VMSTATE_COMMAND_BYTES: /* between QEMUs that are no more */
        return true;
    case VMSTATE_RAM_LIST:
        self->list_total = event->value;
        return event->value != 0;
    case VMSTATE_RAM_BLOCK:
        list_block(self, event);
        return true;
    case VMSTATE_RAM_PAGE:
        if (!page_is_renamed(self, event))
            return false;
        write_page(self, event);
        return true;
    case VMSTATE_SECTION_CLOSED:
        if (event->footer == (self->target >= 204))
            return false;
        write_closed(self, event);
        return true;
    default: /* NOLINT: what is not named is copied */
        return false;
    }
}

static bool take_configuration(struct vmstate_convert *self, const struct vmstate_event *event)
{
    unsigned version;
    bool i440fx;

    self->described = true;
    if (!convert_parse_machine(event->text, &version, &i440fx))
        return convert_refuse(self,
                              "the machine type '%s' is not one that can be converted; known are "
                              "pc-1.0 to pc-1.3 and pc-i440fx-1.4 to 7.2",
                              event->text);
    self->source = version;
    if (self->own_machine) {
        g_free(self->machine);
        self->machine = g_strdup(event->text);
        self->target = version;
        self->i440fx = i440fx;
    }
    return true;
}

/* False: it cannot go on. */
static bool check_event(struct vmstate_convert *self, const struct vmstate_event *event)
{
    if (event->kind == VMSTATE_CONFIGURATION)
        return take_configuration(self, event);
    if (event->kind == VMSTATE_DISK_BLOCK)
        return convert_refuse(
            self,
            "disk '%s' was migrated along with the VM, which newer QEMUs "
            "cannot read: save again without block migration (migrate without -b)",
            event->text);
    if (event->kind == VMSTATE_SECTION_CLOSED && event->footer)
        self->described = true;
    return true;
}

/* ---- Feeding ---- */

static bool append_state(struct vmstate_convert *self, const uint8_t *bytes, size_t len)
{
    if (len > VMSTATE_CONVERT_STATE_MOST - self->state->len)
        return convert_fail(self, "more than %u MiB of device state",
                            VMSTATE_CONVERT_STATE_MOST >> 20);
    g_byte_array_append(self->state, bytes, (guint)len);
    return true;
}

static bool take_event(struct vmstate_convert *self, const struct vmstate_event *event,
                       uint64_t from, const uint8_t *chunk)
{
    if (!check_event(self, event))
        return false;
    /* nearly all of them: not worth cutting the run */
    if (event->kind == VMSTATE_RAM_BYTES ||
        (event->kind == VMSTATE_RAM_PAGE && !page_is_renamed(self, event)))
        return true;
    if (!flush_run(self, from, chunk))
        return false;
    if (write_instead(self, event))
        pass_over(self, vmstate_stream_told(self->stream));
    return vmstate_writer_ok(self->writer) || convert_fail(self, "the output cannot be written");
}

/* The first device's section begins the device state: all from its header on. */
static bool begin_state(struct vmstate_convert *self, const struct vmstate_event *event,
                        uint64_t from, const uint8_t *chunk, size_t len)
{
    size_t skip = from > self->fed ? (size_t)(from - self->fed) : 0;

    self->state = g_byte_array_new();
    self->state_at = from;
    self->opened = *event->section;
    if (!flush_run(self, from, chunk))
        return false;
    g_byte_array_append(self->state, self->rest->data, self->rest->len);
    if (!self->configured)
        write_configuration(self);
    return append_state(self, chunk + skip, len - skip);
}

static bool feed_ram(struct vmstate_convert *self, const uint8_t *bytes, size_t len)
{
    struct vmstate_input in = {bytes, len};

    for (;;) {
        uint64_t from = vmstate_stream_told(self->stream);
        struct vmstate_event event;

        switch (vmstate_stream_next(self->stream, &in, &event)) {
        case VMSTATE_NEEDS_BYTES:
            return end_chunk(self, bytes, len);
        case VMSTATE_FAILED:
            return fail_as_stream(self);
        case VMSTATE_NEEDS_SIZE:
        case VMSTATE_ENDED:
            return true;
        default:
            break;
        }
        if (event.kind == VMSTATE_SECTION_OPENED && event.section->kind == VMSTATE_SECTION_FULL)
            return begin_state(self, &event, from, bytes, len);
        if (event.kind == VMSTATE_END_OF_STATE)
            return convert_fail(self, "no device state: nothing to convert");
        if (!take_event(self, &event, from, bytes))
            return false;
    }
}

bool vmstate_convert_feed(struct vmstate_convert *self, const uint8_t *bytes, size_t len)
{
    bool fine;

    if (self->error)
        return false;
    fine = self->state ? append_state(self, bytes, len) : feed_ram(self, bytes, len);
    self->fed += len;
    return fine && !self->error;
}

bool vmstate_convert_finish(struct vmstate_convert *self)
{
    if (self->error)
        return false;
    if (!self->state) {
        vmstate_stream_finish(self->stream);
        return vmstate_stream_error(self->stream) ? fail_as_stream(self)
                                                  : convert_fail(self, "no device state");
    }
    if (!convert_read_state(self) || !convert_apply(self))
        return false;
    convert_command(self);
    return convert_write_state(self);
}

/* ---- Sections ---- */

struct convert_section *convert_find(const struct vmstate_convert *self, const char *device,
                                     unsigned i)
{
    for (guint k = 0; k < self->sections->len; k++) {
        struct convert_section *section = self->sections->pdata[k];

        if (!strcmp(section->device, device) && i-- == 0)
            return section;
    }
    return NULL;
}

struct vmstate_tree *convert_tree(struct vmstate_convert *self, struct convert_section *section)
{
    const uint8_t *body = self->state->data + section->at;
    const struct vmstate_device *device;
    struct vmstate_error error;
    const char *reason;
    size_t at;

    if (section->tree)
        return section->tree;
    if (self->schemas) {
        section->tree =
            vmstate_schemas_tree(self->schemas, &section->head, body, section->len, &error);
    } else {
        device =
            vmstate_description_lookup(self->description, section->came, section->head.instance);
        if (device)
            section->tree = vmstate_device_tree(device, body, section->len, &at, &reason);
    }
    return section->tree;
}

/* ---- Life ---- */

static bool sink_put(void *opaque, const uint8_t *bytes, size_t len)
{
    struct vmstate_convert *self = opaque;

    return self->sink.put(self->sink.opaque, bytes, len);
}

static void free_section(gpointer data)
{
    struct convert_section *section = data;

    vmstate_tree_free(section->tree);
    if (section->cuts)
        g_array_unref(section->cuts);
    g_free(section);
}

struct vmstate_convert *vmstate_convert_new(const struct vmstate_convert_options *options,
                                            const struct vmstate_convert_sink *sink,
                                            const char **reason)
{
    struct vmstate_convert *self = g_new0(struct vmstate_convert, 1);

    self->sink = *sink;
    self->from = g_strdup(options->from);
    self->own_machine = !options->machine;
    self->machine = g_strdup(!options->machine                 ? "pc-i440fx-1.4"
                             : !strcmp(options->machine, "pc") ? "pc-i440fx-7.2"
                                                               : options->machine);
    self->usb = g_strdup(options->usb);
    self->sets = options->sets ? g_strdupv((char **)options->sets) : g_new0(char *, 1);
    self->kvm = options->kvm;
    self->source = 100;
    self->stream = vmstate_stream_new();
    self->writer = vmstate_writer_new(sink_put, self);
    self->rest = g_byte_array_new();
    self->blocks = g_array_new(FALSE, FALSE, sizeof(struct vmstate_ram_block));
    self->sections = g_ptr_array_new_with_free_func(free_section);
    for (int i = 0; i < VMSTATE_REPORTS; i++)
        self->reports[i] = g_ptr_array_new_with_free_func(g_free);
    *reason = NULL;
    if (!convert_parse_machine(self->machine, &self->target, &self->i440fx))
        *reason = "the target's machine type is not known: pc-i440fx-1.4 to 7.2, or pc-1.0 to 1.3";
    if (self->from && strcmp(self->from, "auto")) {
        self->schemas = vmstate_schemas_new();
        if (!vmstate_schemas_set_flavour(self->schemas, self->from))
            *reason = "--from knows auto, qemu-kvm-1.0 and qemu-1.0";
    }
    if (!*reason)
        return self;
    vmstate_convert_free(self);
    return NULL;
}

void vmstate_convert_free(struct vmstate_convert *self)
{
    if (!self)
        return;
    g_free(self->from);
    g_free(self->machine);
    g_free(self->usb);
    g_strfreev(self->sets);
    vmstate_stream_free(self->stream);
    vmstate_writer_free(self->writer);
    g_free(self->error);
    g_free(self->source_text);
    for (int i = 0; i < VMSTATE_REPORTS; i++)
        g_ptr_array_unref(self->reports[i]);
    g_byte_array_unref(self->rest);
    g_array_unref(self->blocks);
    if (self->state)
        g_byte_array_unref(self->state);
    g_ptr_array_unref(self->sections);
    vmstate_description_free(self->description);
    vmstate_schemas_free(self->schemas);
    g_free(self);
}

const char *vmstate_convert_error(const struct vmstate_convert *self)
{
    return self->error ? self->error : "";
}

const char *vmstate_convert_source(const struct vmstate_convert *self)
{
    return self->source_text ? self->source_text : "";
}

const char *vmstate_convert_machine(const struct vmstate_convert *self)
{
    return self->machine;
}

const char *vmstate_convert_report(const struct vmstate_convert *self,
                                   enum vmstate_convert_report which, size_t i)
{
    return i < self->reports[which]->len ? self->reports[which]->pdata[i] : NULL;
}
