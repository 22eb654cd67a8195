/* SPDX-License-Identifier: MIT */
#include "vmstate/description_private.h"

#include <glib.h>
#include <string.h>

struct walk {
    const uint8_t *body;
    size_t len;
    size_t pos;
    GString *path;
    vmstate_visit visit;
    void *opaque;
    const char *reason;
};

/* QEMU's words for numbers; what follows a blank ("uint32 equal") is a check of its own. */
static const struct {
    const char *word;
    uint8_t size;
    enum vmstate_value_kind kind;
} numbers[] = {
    {"uint8", 1, VMSTATE_VALUE_UNSIGNED},  {"uint16", 2, VMSTATE_VALUE_UNSIGNED},
    {"uint32", 4, VMSTATE_VALUE_UNSIGNED}, {"uint64", 8, VMSTATE_VALUE_UNSIGNED},
    {"int8", 1, VMSTATE_VALUE_SIGNED},     {"int16", 2, VMSTATE_VALUE_SIGNED},
    {"int32", 4, VMSTATE_VALUE_SIGNED},    {"int64", 8, VMSTATE_VALUE_SIGNED},
    {"bool", 1, VMSTATE_VALUE_BOOL},       {"timer", 8, VMSTATE_VALUE_SIGNED},
};

static enum vmstate_value_kind kind_of(const struct layout_field *field)
{
    size_t n = strcspn(field->type, " ");

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (strlen(numbers[i].word) == n && !strncmp(numbers[i].word, field->type, n) &&
            numbers[i].size == field->size)
            return numbers[i].kind;
    return VMSTATE_VALUE_BYTES;
}

static bool walk_layout(struct walk *walk, const struct vmstate_layout *layout);

static void visit_value(struct walk *walk, const struct layout_field *field,
                        enum vmstate_value_kind kind, size_t len)
{
    struct vmstate_value value = {walk->path->str,        field->type, kind, 0, 0, walk->pos,
                                  walk->body + walk->pos, len};

    if (kind != VMSTATE_VALUE_BYTES) {
        uint64_t extended = value.bytes[0] & 0x80 ? UINT64_MAX : 0;

        for (size_t i = 0; i < len; i++) {
            value.u = value.u << 8 | value.bytes[i];
            extended = extended << 8 | value.bytes[i];
        }
        value.i = (int64_t)extended;
    }
    walk->visit(walk->opaque, &value);
    walk->pos += len;
}

static bool fits(struct walk *walk, uint64_t size)
{
    if (size <= walk->len - walk->pos)
        return true;
    walk->reason = "the body is shorter than its description";
    return false;
}

static bool walk_elements(struct walk *walk, const struct layout_field *field)
{
    size_t stem = walk->path->len;
    enum vmstate_value_kind kind = kind_of(field);

    for (uint32_t i = 0; i < field->count; i++) {
        if (field->count > 1)
            g_string_append_printf(walk->path, "[%u]", i);
        else if (field->index >= 0)
            g_string_append_printf(walk->path, "[%" G_GINT64_FORMAT "]", field->index);
        if (!fits(walk, field->size))
            return false;
        if (!field->nested)
            visit_value(walk, field, kind, (size_t)field->size);
        else if (!walk_layout(walk, field->nested))
            return false;
        g_string_truncate(walk->path, stem);
    }
    return true;
}

static bool walk_field(struct walk *walk, const struct layout_field *field)
{
    size_t stem = walk->path->len;
    bool fine;

    if (stem)
        g_string_append_c(walk->path, '.');
    g_string_append(walk->path, field->name);
    /* the list "x[0]" is "x" from its first element on */
    if (field->count > 1 && g_str_has_suffix(walk->path->str, "[0]"))
        g_string_truncate(walk->path, walk->path->len - 3);
    if (field->count > 1 && field->size == 1 && !strcmp(field->type, "uint8")) {
        fine = fits(walk, field->count);
        if (fine)
            visit_value(walk, field, VMSTATE_VALUE_BYTES, field->count);
    } else {
        fine = walk_elements(walk, field);
    }
    g_string_truncate(walk->path, stem);
    return fine;
}

static bool walk_subsection(struct walk *walk, const struct vmstate_layout *sub)
{
    size_t n = strlen(sub->name);
    size_t stem = walk->path->len;
    const uint8_t *p = walk->body + walk->pos;
    bool fine;

    if (!fits(walk, SUBSECTION_FIXED + n))
        return false;
    if (p[0] != SUBSECTION_MARK || p[1] != n || memcmp(p + 2, sub->name, n)) {
        walk->reason = "the description has a subsection that is not there";
        return false;
    }
    walk->pos += SUBSECTION_FIXED + n;
    g_string_append_printf(walk->path, "%s<%s>", stem ? "." : "", sub->name);
    fine = walk_layout(walk, sub);
    g_string_truncate(walk->path, stem);
    return fine;
}

static bool walk_layout(struct walk *walk, const struct vmstate_layout *layout)
{
    for (size_t i = 0; i < layout->n_fields; i++)
        if (!walk_field(walk, &layout->fields[i]))
            return false;
    for (size_t i = 0; i < layout->n_subsections; i++)
        if (!walk_subsection(walk, layout->subsections[i]))
            return false;
    return true;
}

bool vmstate_device_walk(const struct vmstate_device *device, const uint8_t *body, size_t len,
                         vmstate_visit visit, void *opaque, size_t *at, const char **reason)
{
    struct walk walk = {body, len, 0, g_string_new(NULL), visit, opaque, NULL};
    bool fine = walk_layout(&walk, device->layout);

    g_string_free(walk.path, TRUE);
    *at = walk.pos;
    *reason = walk.reason;
    if (fine && walk.pos != len) {
        *reason = "the body is longer than its description";
        fine = false;
    }
    return fine;
}
