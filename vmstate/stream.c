/* SPDX-License-Identifier: MIT */
#include "vmstate/stream_private.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmstate/stream_format.h"

#define COMMAND_PACKAGED 6

enum stream_step stream_enter(struct vmstate_stream *self, enum stream_state state, size_t need)
{
    self->state = state;
    self->need = need;
    return STREAM_GO_ON;
}

enum stream_step stream_pass(struct vmstate_stream *self, uint64_t size,
                             enum vmstate_event_kind kind, enum stream_state then, size_t need)
{
    self->pass = (struct stream_pass){size, kind, then, need};
    if (size == 0)
        return stream_enter(self, then, need);
    return STREAM_GO_ON;
}

enum stream_step stream_tell(struct vmstate_stream *self, struct vmstate_event *event,
                             enum vmstate_event_kind kind)
{
    *event = (struct vmstate_event){.kind = kind, .offset = self->item};
    event->section = self->in_section ? &self->section : NULL;
    return STREAM_TELL;
}

enum stream_step stream_tell_bytes(struct vmstate_stream *self, struct vmstate_event *event,
                                   enum vmstate_event_kind kind, const uint8_t *bytes, size_t n)
{
    stream_tell(self, event, kind);
    event->bytes = bytes;
    event->len = n;
    return STREAM_TELL;
}

bool stream_copy_name(char *to, const uint8_t *bytes, size_t n)
{
    memcpy(to, bytes, n);
    to[n] = 0;
    return !memchr(bytes, 0, n);
}

static enum stream_step read_file_header(struct vmstate_stream *self, const uint8_t *bytes,
                                         struct vmstate_event *event)
{
    if (stream_be32(bytes) != FILE_MAGIC)
        return stream_fail(self, "not a migration stream: it does not begin with QEVM");
    if (stream_be32(bytes + 4) != FILE_VERSION)
        return stream_fail(self, "file version %u, only %d is known", stream_be32(bytes + 4),
                           FILE_VERSION);
    stream_enter(self, STREAM_SECTION_TYPE, 1);
    return stream_tell(self, event, VMSTATE_FILE_HEADER);
}

enum stream_step stream_section_type(struct vmstate_stream *self, const uint8_t *bytes,
                                     struct vmstate_event *event)
{
    self->in_section = false;
    self->section.offset = self->item;
    switch (bytes[0]) {
    case VMSTATE_SECTION_START:
    case VMSTATE_SECTION_PART:
    case VMSTATE_SECTION_END:
    case VMSTATE_SECTION_FULL:
        self->section.kind = bytes[0];
        return stream_enter(self, STREAM_SECTION_ID, 4);
    case BYTE_EOF:
        return stream_enter(self, STREAM_END_OF_STATE, 0);
    case BYTE_CONFIGURATION:
        if (self->item != FILE_HEADER_SIZE)
            return stream_fail(self, "a configuration that does not follow the file header");
        return stream_enter(self, STREAM_CONFIG_SIZE, 4);
    case BYTE_COMMAND:
        return stream_enter(self, STREAM_COMMAND_HEAD, 4);
    default:
        return stream_fail(self, "%u is no type of section", bytes[0]);
    }
}

/* The header is read: what comes next depends on who wrote the body. */
static enum stream_step open_body(struct vmstate_stream *self, struct vmstate_event *event)
{
    struct vmstate_section *section = &self->section;
    bool live = section->kind != VMSTATE_SECTION_FULL;

    self->in_section = true;
    section->body = self->offset;
    section->body_size = 0;
    if (live && !strcmp(section->name, "ram")) {
        if (section->version != 4)
            return stream_fail(self, "version %u of ram, only 4 is known", section->version);
        stream_enter(self, STREAM_RAM_RECORD, 8);
    } else if (live && !strcmp(section->name, "block")) {
        if (section->version != 1)
            return stream_fail(self, "version %u of block, only 1 is known", section->version);
        stream_enter(self, STREAM_DISK_RECORD, 8);
    } else {
        stream_enter(self, STREAM_WANTS_SIZE, 0);
    }
    self->item = section->offset;
    return stream_tell(self, event, VMSTATE_SECTION_OPENED);
}

static const struct vmstate_section *find_live(const struct vmstate_stream *self, uint32_t id)
{
    for (size_t i = 0; i < self->n_live; i++)
        if (self->live[i].id == id)
            return &self->live[i];
    return NULL;
}

static enum stream_step read_section_id(struct vmstate_stream *self, const uint8_t *bytes,
                                        struct vmstate_event *event)
{
    struct vmstate_section *section = &self->section;
    const struct vmstate_section *begun;

    section->id = stream_be32(bytes);
    if (section->kind == VMSTATE_SECTION_START || section->kind == VMSTATE_SECTION_FULL)
        return stream_enter(self, STREAM_NAME_SIZE, 1);
    begun = find_live(self, section->id);
    if (!begun)
        return stream_fail(self, "a part of section %u, which was not begun", section->id);
    memcpy(section->name, begun->name, sizeof(section->name));
    section->instance = begun->instance;
    section->version = begun->version;
    return open_body(self, event);
}

static enum stream_step read_name_size(struct vmstate_stream *self, const uint8_t *bytes,
                                       struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it is empty");
    return stream_enter(self, STREAM_NAME, (size_t)bytes[0] + 8);
}

static enum stream_step read_name(struct vmstate_stream *self, const uint8_t *bytes,
                                  struct vmstate_event *event)
{
    struct vmstate_section *section = &self->section;
    size_t n = self->need - 8;

    if (!stream_copy_name(section->name, bytes, n))
        return stream_fail(self, "it holds a NUL");
    section->instance = stream_be32(bytes + n);
    section->version = stream_be32(bytes + n + 4);
    if (section->kind == VMSTATE_SECTION_START) {
        if (find_live(self, section->id))
            return stream_fail(self, "section %u is begun a second time", section->id);
        if (self->n_live == STREAM_LIVE_MAX)
            return stream_fail(self, "more than %d sections in parts", STREAM_LIVE_MAX);
        self->live = g_renew(struct vmstate_section, self->live, self->n_live + 1);
        self->live[self->n_live++] = *section;
    }
    return open_body(self, event);
}

static enum stream_step read_after_body(struct vmstate_stream *self, const uint8_t *bytes,
                                        struct vmstate_event *event)
{
    self->section.body_size = self->item - self->section.body;
    if (bytes[0] == BYTE_FOOTER)
        return stream_enter(self, STREAM_FOOTER, 4);
    stream_unread(self, bytes[0]);
    stream_enter(self, STREAM_SECTION_TYPE, 1);
    return stream_tell(self, event, VMSTATE_SECTION_CLOSED);
}

static enum stream_step read_footer(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    if (stream_be32(bytes) != self->section.id)
        return stream_fail(self, "it is that of section %u, not of %u", stream_be32(bytes),
                           self->section.id);
    stream_enter(self, STREAM_SECTION_TYPE, 1);
    stream_tell(self, event, VMSTATE_SECTION_CLOSED);
    event->footer = true;
    return STREAM_TELL;
}

static enum stream_step read_command(struct vmstate_stream *self, const uint8_t *bytes,
                                     struct vmstate_event *event)
{
    unsigned command = bytes[0] << 8 | bytes[1];
    unsigned size = bytes[2] << 8 | bytes[3];

    if (command == COMMAND_PACKAGED)
        return stream_fail(self, "a postcopy package, which is not read");
    stream_pass(self, size, VMSTATE_COMMAND_BYTES, STREAM_SECTION_TYPE, 1);
    stream_tell(self, event, VMSTATE_COMMAND);
    event->command = (uint16_t)command;
    event->value = size;
    return STREAM_TELL;
}

static enum stream_step reach_end_of_state(struct vmstate_stream *self, const uint8_t *bytes,
                                           struct vmstate_event *event)
{
    self->item = self->section.offset;
    stream_enter(self, STREAM_AFTER_STATE, 1);
    return stream_tell(self, event, VMSTATE_END_OF_STATE);
}

static enum stream_step read_after_state(struct vmstate_stream *self, const uint8_t *bytes,
                                         struct vmstate_event *event)
{
    if (bytes[0] == BYTE_DESCRIPTION)
        return stream_enter(self, STREAM_DESCRIPTION_SIZE, 4);
    self->offset--;
    return stream_enter(self, STREAM_ENDED, 0);
}

static enum stream_step read_description_size(struct vmstate_stream *self, const uint8_t *bytes,
                                              struct vmstate_event *event)
{
    uint32_t size = stream_be32(bytes);

    stream_pass(self, size, VMSTATE_DESCRIPTION_BYTES, STREAM_ENDED, 0);
    stream_tell(self, event, VMSTATE_DESCRIPTION);
    event->description_size = size;
    return STREAM_TELL;
}

static enum stream_step ask_size(struct vmstate_stream *self, const uint8_t *bytes,
                                 struct vmstate_event *event)
{
    return stream_tell(self, event, VMSTATE_NEEDS_SIZE);
}

static enum stream_step tell_ended(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    return stream_tell(self, event, VMSTATE_ENDED);
}

static enum stream_step tell_failed(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    return stream_tell(self, event, VMSTATE_FAILED);
}

static const struct {
    stream_row row;
    const char *field; /* what an error names */
} rows[STREAM_STATES] = {
    [STREAM_FILE_HEADER] = {read_file_header, "file header"},
    [STREAM_SECTION_TYPE] = {stream_section_type, "section type"},
    [STREAM_SECTION_ID] = {read_section_id, "section id"},
    [STREAM_NAME_SIZE] = {read_name_size, "section name"},
    [STREAM_NAME] = {read_name, "section name"},
    [STREAM_WANTS_SIZE] = {ask_size, "body"},
    [STREAM_AFTER_BODY] = {read_after_body, "what follows the section"},
    [STREAM_FOOTER] = {read_footer, "section footer"},
    [STREAM_CONFIG_SIZE] = {stream_config_size, "machine type"},
    [STREAM_CONFIG_NAME] = {stream_config_name, "machine type"},
    [STREAM_CONFIG_NEXT] = {stream_config_next, "what follows the configuration"},
    [STREAM_CONFIG_SUB_SIZE] = {stream_config_sub_size, "configuration subsection"},
    [STREAM_CONFIG_SUB] = {stream_config_sub, "configuration subsection"},
    [STREAM_CONFIG_CAPS] = {stream_config_caps, "capabilities"},
    [STREAM_CONFIG_CAP_SIZE] = {stream_config_cap_size, "capability"},
    [STREAM_CONFIG_CAP] = {stream_config_cap, "capability"},
    [STREAM_COMMAND_HEAD] = {read_command, "command"},
    [STREAM_END_OF_STATE] = {reach_end_of_state, "end of state"},
    [STREAM_AFTER_STATE] = {read_after_state, "what follows the state"},
    [STREAM_DESCRIPTION_SIZE] = {read_description_size, "description"},
    [STREAM_RAM_RECORD] = {stream_ram_record, "record"},
    [STREAM_RAM_LIST_SIZE] = {stream_ram_list_size, "block list"},
    [STREAM_RAM_LIST] = {stream_ram_list, "block list"},
    [STREAM_RAM_NAME_SIZE] = {stream_ram_name_size, "block of a page"},
    [STREAM_RAM_NAME] = {stream_ram_name, "block of a page"},
    [STREAM_RAM_FILL] = {stream_ram_fill, "filled page"},
    [STREAM_RAM_XBZRLE] = {stream_ram_xbzrle, "xbzrle page"},
    [STREAM_RAM_COMPRESSED] = {stream_ram_compressed, "compressed page"},
    [STREAM_DISK_RECORD] = {stream_disk_record, "disk record"},
    [STREAM_DISK_NAME_SIZE] = {stream_disk_name_size, "drive"},
    [STREAM_DISK_NAME] = {stream_disk_name, "drive"},
    [STREAM_ENDED] = {tell_ended, "end"},
    [STREAM_FAILED] = {tell_failed, "failure"},
};

enum stream_step stream_fail(struct vmstate_stream *self, const char *format, ...)
{
    va_list list;

    if (self->state == STREAM_FAILED)
        return STREAM_GO_ON;
    self->error.offset = self->item;
    self->error.field = rows[self->state].field;
    if (self->in_section)
        memcpy(self->error.section, self->section.name, sizeof(self->error.section));
    va_start(list, format);
    vsnprintf(self->error.reason, sizeof(self->error.reason), format, list);
    va_end(list);
    self->pass.left = 0;
    return stream_enter(self, STREAM_FAILED, 0);
}

void stream_unread(struct vmstate_stream *self, uint8_t byte)
{
    self->held[0] = byte;
    self->held_len = 1;
    self->offset--;
}

/* The state's token, from the input as it lies or put together from several; NULL: not yet here. */
static const uint8_t *gather(struct vmstate_stream *self, struct vmstate_input *in)
{
    size_t more = self->need - self->held_len;
    const uint8_t *token = self->held;

    if (self->held_len == 0)
        self->item = self->offset;
    if (more > in->len) {
        if (in->len)
            memcpy(self->held + self->held_len, in->bytes, in->len);
        self->held_len += in->len;
        in->len = 0;
        return NULL;
    }
    if (more && self->held_len == 0)
        token = in->bytes;
    else if (more)
        memcpy(self->held + self->held_len, in->bytes, more);
    if (more)
        in->bytes += more;
    in->len -= more;
    self->item = self->offset;
    self->offset += self->need;
    self->held_len = 0;
    return token;
}

/* The next run of passing bytes; false when there are none in the input. */
static bool pass_on(struct vmstate_stream *self, struct vmstate_input *in,
                    struct vmstate_event *event)
{
    size_t n = (size_t)MIN(self->pass.left, (uint64_t)in->len);

    if (n == 0)
        return false;
    self->item = self->offset;
    stream_tell(self, event, self->pass.kind);
    event->bytes = in->bytes;
    event->len = n;
    if (self->pass.kind == VMSTATE_RAM_BYTES) {
        event->block_index = self->ram.block;
        event->block = &self->ram.blocks[self->ram.block];
    }
    in->bytes += n;
    in->len -= n;
    self->offset += n;
    self->pass.left -= n;
    if (self->pass.left == 0)
        stream_enter(self, self->pass.then, self->pass.then_need);
    return true;
}

enum vmstate_event_kind vmstate_stream_next(struct vmstate_stream *self, struct vmstate_input *in,
                                            struct vmstate_event *event)
{
    for (;;) {
        const uint8_t *token;

        if (self->pass.left) {
            if (!pass_on(self, in, event))
                break;
            self->told = self->offset;
            return event->kind;
        }
        token = gather(self, in);
        if (!token)
            break;
        if (rows[self->state].row(self, token, event) == STREAM_TELL) {
            if (event->kind > VMSTATE_ENDED)
                self->told = self->offset;
            return event->kind;
        }
    }
    self->item = self->offset;
    stream_tell(self, event, VMSTATE_NEEDS_BYTES);
    return VMSTATE_NEEDS_BYTES;
}

uint64_t vmstate_stream_told(const struct vmstate_stream *self)
{
    return self->told;
}

void vmstate_stream_set_size(struct vmstate_stream *self, uint64_t size)
{
    if (self->state == STREAM_WANTS_SIZE && self->pass.left == 0)
        stream_pass(self, size, VMSTATE_SECTION_BYTES, STREAM_AFTER_BODY, 1);
}

bool vmstate_stream_finish(struct vmstate_stream *self)
{
    if (self->state == STREAM_AFTER_STATE)
        stream_enter(self, STREAM_ENDED, 0);
    if (self->state == STREAM_ENDED)
        return true;
    self->item = self->offset + self->held_len;
    if (self->pass.left)
        stream_fail(self, "the input ends %" G_GUINT64_FORMAT " bytes too early", self->pass.left);
    else if (self->state == STREAM_WANTS_SIZE)
        stream_fail(self, "nobody knows how long it is");
    else
        stream_fail(self, "the input ends");
    return false;
}

uint64_t vmstate_stream_offset(const struct vmstate_stream *self)
{
    return self->offset + self->held_len;
}

const struct vmstate_error *vmstate_stream_error(const struct vmstate_stream *self)
{
    return self->state == STREAM_FAILED ? &self->error : NULL;
}

struct vmstate_stream *vmstate_stream_new(void)
{
    struct vmstate_stream *self = g_new0(struct vmstate_stream, 1);

    stream_enter(self, STREAM_FILE_HEADER, FILE_HEADER_SIZE);
    return self;
}

void vmstate_stream_free(struct vmstate_stream *self)
{
    if (!self)
        return;
    g_free(self->live);
    g_free(self->ram.blocks);
    g_free(self);
}
