/* SPDX-License-Identifier: MIT */
/* The rules' engine. */
#include "vmstate/convert_private.h"
#include "vmstate/convert_rules.h"

#include <stdio.h>
#include <string.h>

struct apply {
    struct vmstate_convert *convert;
    const struct rule *rule;
    struct convert_section *section;
    int64_t element; /* of rule->each, or -1 */
};

/* ---- Fields ---- */

/* A section and a path in it. */
struct target {
    struct convert_section *section;
    char path[VMSTATE_PATH_MAX];
};

/* "SECTION#1:PATH" or "PATH", with "@" for the element. */
static bool resolve(const struct apply *self, const char *text, struct target *target)
{
    const char *colon = strchr(text, ':');
    char each[64] = "";

    target->section = self->section;
    if (colon) {
        char **parts = g_strsplit(text, ":", 2);
        char **name = g_strsplit(parts[0], "#", 2);
        guint64 i = name[1] ? g_ascii_strtoull(name[1], NULL, 10) : 0;

        if (name[1] && name[1][0] == '=')
            i = self->section->head.instance;
        target->section = convert_find(self->convert, name[0], (unsigned)i);
        g_strfreev(name);
        g_strfreev(parts);
        text = colon + 1;
    }
    if (*text == '@') {
        snprintf(each, sizeof(each), "%s[%" G_GINT64_FORMAT "]", self->rule->each, self->element);
        text++;
    }
    snprintf(target->path, sizeof(target->path), "%s%s", each, text);
    return target->section != NULL;
}

static bool get_in(struct vmstate_convert *convert, struct convert_section *section,
                   const char *path, uint64_t *value)
{
    struct vmstate_tree *tree = convert_tree(convert, section);
    struct vmstate_value found;

    if (!tree || !vmstate_tree_get(tree, path, &found))
        return false;
    *value = found.kind == VMSTATE_VALUE_SIGNED ? (uint64_t)found.i : found.u;
    return true;
}

static bool get(const struct apply *self, const char *text, uint64_t *value)
{
    struct target target;

    return resolve(self, text, &target) &&
           get_in(self->convert, target.section, target.path, value);
}

/* ---- Conditions ---- */

static bool compare(const struct rule_condition *condition, uint64_t value)
{
    if (condition->mask)
        value &= condition->mask;
    return (value == condition->value) == (condition->test == RULE_EQUAL);
}

/* "PATH[*]": any element. */
static bool any_holds(const struct apply *self, const struct rule_condition *condition)
{
    char *stem = g_strndup(condition->path, strlen(condition->path) - strlen("[*]"));
    bool holds = false;
    uint64_t value;

    for (unsigned i = 0; !holds; i++) {
        char *path = g_strdup_printf("%s[%u]", stem, i);
        bool there = get(self, path, &value);

        g_free(path);
        if (!there)
            break;
        holds = compare(condition, value);
    }
    g_free(stem);
    return holds;
}

static bool all_zero(const struct vmstate_convert *convert, const struct convert_section *section)
{
    for (size_t i = 0; i < section->len; i++)
        if (convert->state->data[section->at + i])
            return false;
    return true;
}

static bool is_set_by_hand(const struct apply *self)
{
    char *prefix = g_strdup_printf("%s:", self->section->device);
    bool found = false;

    for (char **set = self->convert->sets; *set; set++)
        found = found || g_str_has_prefix(*set, prefix);
    g_free(prefix);
    return found;
}

/* "2.1/usb-kbd": named by its port alone. */
static bool is_port_path(const char *name)
{
    size_t n = strspn(name, "0123456789.");

    return n && name[n] == '/' && !strchr(name, ':');
}

static bool holds(const struct apply *self, const struct rule_condition *condition)
{
    uint64_t value;

    if (condition->test == RULE_ALL_ZERO)
        return all_zero(self->convert, self->section);
    if (condition->test == RULE_NOT_SET)
        return !is_set_by_hand(self);
    if (!strcmp(condition->path, "version"))
        return compare(condition, self->section->head.version);
    if (!strcmp(condition->path, "port path"))
        return is_port_path(self->section->came);
    if (g_str_has_suffix(condition->path, "[*]"))
        return any_holds(self, condition);
    if (condition->test == RULE_PRESENT)
        return get(self, condition->path, &value);
    return get(self, condition->path, &value) && compare(condition, value);
}

static bool is_between(unsigned version, unsigned below, unsigned from)
{
    return below < version && from >= version;
}

static bool case_holds(const struct vmstate_convert *convert, const struct rule *rule)
{
    const char *flavour = convert->schemas ? vmstate_schemas_flavour(convert->schemas) : NULL;
    unsigned cases = 0;

    if (flavour && !strcmp(flavour, "qemu-kvm-1.0"))
        cases |= RULE_QEMU_KVM;
    if (flavour && !strcmp(flavour, "qemu-1.0"))
        cases |= RULE_QEMU_1_0;
    cases |= convert->by_kvm ? RULE_BY_KVM : 0;
    cases |= convert->schemas && !convert->by_kvm ? RULE_BY_TCG : 0;
    cases |= convert->kvm ? RULE_TO_KVM : RULE_TO_TCG;
    cases |= convert->i440fx ? RULE_TO_I440FX : 0;
    return (rule->cases & ~cases) == 0 &&
           (!rule->crosses || is_between(rule->crosses, convert->source, convert->target)) &&
           (!rule->falls || is_between(rule->falls, convert->target, convert->source));
}

static bool rule_holds(const struct apply *self)
{
    for (size_t i = 0; i < RULE_CONDITIONS && self->rule->conditions[i].path; i++)
        if (!holds(self, &self->rule->conditions[i]))
            return false;
    return true;
}

/* ---- Actions ---- */

static void report(const struct apply *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void report(const struct apply *self, const char *format, ...)
{
    char *name = g_strescape(self->section->came, NULL);
    va_list list;
    char *text;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    if (self->section->head.instance)
        convert_report(self->convert, VMSTATE_REPORT_EDITS, "%s:%u: %s (%s)", name,
                       self->section->head.instance, text, self->rule->why);
    else
        convert_report(self->convert, VMSTATE_REPORT_EDITS, "%s: %s (%s)", name, text,
                       self->rule->why);
    g_free(text);
    g_free(name);
}

static void refuse(const struct apply *self, const char *why)
{
    char *name = g_strescape(self->section->came, NULL);

    convert_report(self->convert, VMSTATE_REPORT_REFUSALS, "%s: %s", name, why);
    g_free(name);
}

static void set_field(const struct apply *self, const char *text, uint64_t value)
{
    struct target target;
    struct vmstate_tree *tree;
    uint64_t old;

    if (!get(self, text, &old) || !resolve(self, text, &target))
        return;
    if (old == value)
        return;
    tree = convert_tree(self->convert, target.section);
    vmstate_tree_set(tree, target.path, value);
    report(self, "%s %" G_GINT64_FORMAT " -> %" G_GINT64_FORMAT, target.path, (gint64)old,
           (gint64)value);
}

static void cut(const struct apply *self, const struct convert_cut *new_cut, const char *what)
{
    struct convert_section *section = self->section;
    guint i = 0;

    if (!section->cuts)
        section->cuts = g_array_new(FALSE, FALSE, sizeof(struct convert_cut));
    while (i < section->cuts->len &&
           g_array_index(section->cuts, struct convert_cut, i).at <= new_cut->at)
        i++;
    g_array_insert_val(section->cuts, i, *new_cut);
    report(self, "%s", what);
}

/* A path, or "PATH+N" for bytes inside of it: where it lies. */
static bool place(const struct apply *self, const struct rule_action *action, size_t *at,
                  size_t *len)
{
    struct vmstate_tree *tree = convert_tree(self->convert, self->section);
    char **parts = g_strsplit(action->path, "+", 2);
    const struct vmstate_node *node = tree ? vmstate_tree_find(tree, parts[0], NULL) : NULL;
    size_t skip = parts[1] ? (size_t)g_ascii_strtoull(parts[1], NULL, 10) : 0;

    g_strfreev(parts);
    if (!node || skip > node->size || action->value > node->size - skip)
        return false;
    *at = node->offset + skip;
    *len = skip ? (size_t)action->value : node->size;
    return true;
}

static void do_cut(const struct apply *self, const struct rule_action *action)
{
    struct convert_cut new_cut = {.put = action->bytes, .put_len = action->len};
    const uint8_t *bytes;
    size_t size;
    char *what;

    if (!place(self, action, &new_cut.at, &new_cut.len)) {
        refuse(self, "it has not the field that must be changed");
        return;
    }
    bytes = vmstate_tree_bytes(self->section->tree, &size);
    if (new_cut.len == new_cut.put_len && !memcmp(bytes + new_cut.at, action->bytes, action->len))
        return;
    what =
        g_strdup_printf(action->bytes ? "%s written anew (%zu bytes)" : "%s left out (%zu bytes)",
                        action->path, new_cut.len);
    cut(self, &new_cut, what);
    g_free(what);
}

static void do_put(const struct apply *self, const struct rule_action *action)
{
    struct convert_cut new_cut = {.put = action->bytes, .put_len = action->len};
    char *what;

    if (!place(self, action, &new_cut.at, &new_cut.len)) {
        /* a modern section, by QEMU's own names */
        refuse(self, "it has not the field before which bytes must be put in");
        return;
    }
    new_cut.len = 0;
    what = g_strdup_printf("%zu bytes put in before %s", action->len, action->path);
    cut(self, &new_cut, what);
    g_free(what);
}

/* The controller that USB devices hang on: told by the user, or the only one there is. */
static const char *usb_path(const struct apply *self)
{
    const struct convert_section *uhci = convert_find(self->convert, "uhci", 0);

    if (self->convert->usb)
        return self->convert->usb;
    if (!uhci || convert_find(self->convert, "uhci", 1))
        return NULL;
    return uhci->came;
}

static void do_usb_name(const struct apply *self)
{
    const char *path = usb_path(self);
    struct vmstate_section *head = &self->section->head;
    const char *slash;
    char *name;

    if (!path) {
        refuse(self, "the stream does not say which USB controller it hangs on: give the "
                     "controller's place with --usb 0000:00:01.2");
        return;
    }
    slash = strchr(path, '/');
    name = g_strdup_printf("%.*s/%s", (int)(slash ? slash - path : (gssize)strlen(path)), path,
                           self->section->came);
    if (strlen(name) >= sizeof(head->name)) {
        refuse(self, "its name becomes too long");
    } else {
        g_strlcpy(head->name, name, sizeof(head->name));
        report(self, "becomes %s", name);
    }
    g_free(name);
}

static void act(struct apply *self, const struct rule_action *action)
{
    uint64_t value;

    switch (action->what) {
    case RULE_VERSION:
        report(self, "version %u -> %u", self->section->head.version, (unsigned)action->value);
        self->section->head.version = (uint32_t)action->value;
        break;
    case RULE_SET:
        set_field(self, action->path, action->value);
        break;
    case RULE_SET_BITS:
        if (get(self, action->path, &value))
            set_field(self, action->path, value | action->value);
        break;
    case RULE_CLEAR_BITS:
        if (get(self, action->path, &value))
            set_field(self, action->path, value & ~action->value);
        break;
    case RULE_COPY:
        if (get(self, action->from, &value))
            set_field(self, action->path, value);
        break;
    case RULE_CLOCK:
        if (get(self, "timer:cpu_clock_offset", &value))
            set_field(self, action->path, value + action->value);
        break;
    case RULE_CUT:
        do_cut(self, action);
        break;
    case RULE_PUT:
        do_put(self, action);
        break;
    case RULE_DROP:
        self->section->dropped = true;
        report(self, "left out");
        break;
    case RULE_USB_NAME:
        do_usb_name(self);
        break;
    case RULE_NOTE:
        convert_report(self->convert, VMSTATE_REPORT_NOTES, "%s: %s", self->section->device,
                       self->rule->why);
        break;
    case RULE_REFUSE:
        refuse(self, self->rule->why);
        break;
    }
}

/* The section's tree is made before its version is changed: the layout is that of the old one. */
static void apply_once(struct apply *self)
{
    convert_tree(self->convert, self->section);
    if (!rule_holds(self))
        return;
    for (size_t i = 0; i < RULE_ACTIONS && self->rule->actions[i].what; i++)
        act(self, &self->rule->actions[i]);
}

static void apply_each(struct apply *self)
{
    struct vmstate_tree *tree = convert_tree(self->convert, self->section);

    for (self->element = 0; tree; self->element++) {
        char *path = g_strdup_printf("%s[%" G_GINT64_FORMAT "]", self->rule->each, self->element);
        bool there = vmstate_tree_find(tree, path, NULL) != NULL;

        g_free(path);
        if (!there)
            return;
        apply_once(self);
    }
}

static void apply_rule(struct vmstate_convert *convert, const struct rule *rule)
{
    struct apply self = {convert, rule, NULL, -1};

    if (!case_holds(convert, rule))
        return;
    for (unsigned i = 0; (self.section = convert_find(convert, rule->section, i)); i++) {
        if (rule->each)
            apply_each(&self);
        else
            apply_once(&self);
    }
}

/* ---- By hand ---- */

/* "SECTION:INSTANCE/FIELD=NUMBER" */
static bool set_by_hand(struct vmstate_convert *self, const char *set)
{
    char **parts = g_strsplit(set, "=", 2);
    char *slash = strchr(parts[0], '/');
    char *colon = strchr(parts[0], ':');
    struct convert_section *section = NULL;
    struct vmstate_tree *tree;
    gchar *end = NULL;
    gint64 value = 0;
    bool fine;

    if (parts[1] && slash && colon && colon < slash) {
        value = parts[1][0] == '-' ? g_ascii_strtoll(parts[1], &end, 0)
                                   : (gint64)g_ascii_strtoull(parts[1], &end, 0);
        *colon = *slash = 0;
        section = convert_find(self, parts[0], (unsigned)g_ascii_strtoull(colon + 1, NULL, 10));
    }
    tree = section ? convert_tree(self, section) : NULL;
    fine = tree && end && *end == 0 && end != parts[1] &&
           vmstate_tree_set(tree, slash + 1, (uint64_t)value);
    if (fine)
        convert_report(self, VMSTATE_REPORT_EDITS, "%s (by --set)", set);
    else
        convert_report(self, VMSTATE_REPORT_REFUSALS,
                       "--set %s: no such field (SECTION:INSTANCE/FIELD=NUMBER, as inspect "
                       "--section names them)",
                       set);
    g_strfreev(parts);
    return fine;
}

/* ---- What was found ---- */

static void name_source(struct vmstate_convert *self)
{
    const char *flavour = self->schemas ? vmstate_schemas_flavour(self->schemas) : NULL;
    struct convert_section *clock = convert_find(self, "kvmclock", 0);
    struct convert_section *cpu = convert_find(self, "cpu", 0);
    uint64_t tsc = 0;

    self->by_kvm = clock != NULL || (flavour && cpu && get_in(self, cpu, "tsc", &tsc) && tsc != 0);
    if (self->described)
        self->source_text = g_strdup_printf("QEMU 2.4 or later, machine type of version %u.%u",
                                            self->source / 100, self->source % 100);
    else
        self->source_text =
            g_strdup_printf("%s, saved under %s", flavour ? flavour : "QEMU 1.3 to 2.3",
                            self->by_kvm ? "KVM" : "TCG");
    if (!flavour && !self->described && self->source < 200)
        self->source = 104;
}

bool convert_apply(struct vmstate_convert *self)
{
    GString *text;

    name_source(self);
    for (size_t i = 0; i < convert_n_rules; i++)
        apply_rule(self, &convert_rules[i]);
    for (char **set = self->sets; *set; set++)
        set_by_hand(self, *set);
    if (self->reports[VMSTATE_REPORT_REFUSALS]->len == 0)
        return true;
    text = g_string_new("refused:");
    for (guint i = 0; i < self->reports[VMSTATE_REPORT_REFUSALS]->len; i++)
        g_string_append_printf(text, "\n  %s",
                               (const char *)self->reports[VMSTATE_REPORT_REFUSALS]->pdata[i]);
    convert_fail(self, "%s", text->str);
    g_string_free(text, TRUE);
    return false;
}
