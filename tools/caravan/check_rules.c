/* SPDX-License-Identifier: MIT */
#include "check_rules.h"

#include <string.h>

/* Sections that every QEMU takes, though a machine that was just made does not write them. */
static const char *const always_known[] = {"ram",         "block", "dirty-bitmap",
                                           "globalstate", "pcspk", NULL};

/* QEMU's own state, which no -dump-vmstate lists. */
static const char *const no_device[] = {"ram",    "block",      "dirty-bitmap", "globalstate",
                                        "timer",  "cpu_common", "cpu",          "slirp",
                                        "PCIBUS", "acpi_build", "i2c_bus",      NULL};

static const char *target_machine(const struct check_case *it)
{
    if (!it->target)
        return check_schema_machine(it->schema);
    return it->target->view->machine ? it->target->view->machine : it->target->machine;
}

static void compare_machine(const struct check_case *it)
{
    const char *machine = target_machine(it);

    if (!it->stream->machine || !machine || !strcmp(machine, it->stream->machine))
        return;
    check_report_add(it->report, CHECK_OBSTACLE, "machine-type", NULL, 0,
                     g_strdup_printf("-machine %s", it->stream->machine),
                     "it was saved by machine type %s, the target is %s", it->stream->machine,
                     machine);
}

static bool same_bytes(const GByteArray *a, const GByteArray *b)
{
    return a->len == b->len && (a->len == 0 || !memcmp(a->data, b->data, a->len));
}

static void compare_configuration(const struct check_case *it)
{
    const struct check_view *ours = it->stream, *theirs = it->target->view;

    if (!ours->machine && theirs->machine)
        check_report_add(it->report, CHECK_OBSTACLE, "no-configuration", NULL, 0,
                         g_strdup("-global migration.send-configuration=off"),
                         "it has no configuration section, which the target's machine type wants");
    if (ours->machine && !theirs->machine)
        check_report_add(it->report, CHECK_OBSTACLE, "configuration", NULL, 0,
                         g_strdup("-global migration.send-configuration=on"),
                         "it has a configuration section, which the target's machine type does "
                         "not take");
    if (ours->machine && theirs->machine && !same_bytes(ours->additions, theirs->additions))
        check_report_add(it->report, CHECK_DOUBT, "capabilities", NULL, 0,
                         g_strdup("set the same migration capabilities on both sides"),
                         "it was saved with other migration capabilities than the target has");
}

static void compare_footers(const struct check_case *it)
{
    const struct check_view *ours = it->stream, *theirs = it->target->view;

    if (ours->sections->len == 0 || ours->footers == theirs->footers)
        return;
    if (ours->footers)
        check_report_add(it->report, CHECK_OBSTACLE, "footers", NULL, 0,
                         g_strdup("-global migration.send-section-footer=on"),
                         "its sections have footers, which the target's machine type does not "
                         "take");
    else
        check_report_add(it->report, CHECK_OBSTACLE, "no-footers", NULL, 0,
                         g_strdup("-global migration.send-section-footer=off"),
                         "its sections have no footers, which the target's machine type wants");
}

void check_rule_stream(const struct check_case *it)
{
    compare_machine(it);
    if (it->target) {
        compare_configuration(it);
        compare_footers(it);
    }
    if (it->stream->disk_blocks)
        check_report_add(it->report, CHECK_DOUBT, "disk-blocks", "block", 0,
                         g_strdup("the target needs drives of the same names and sizes"),
                         "it carries the content of disks (block migration)");
}

/* ---- Sections ---- */

/* A name without a path is taken for the device of that name, wherever it is. */
static const struct check_section *find_by_leaf(const struct check_view *view, const char *leaf,
                                                uint32_t instance)
{
    uint32_t n = 0;

    if (strchr(leaf, '/'))
        return NULL;
    for (guint i = 0; i < view->sections->len; i++) {
        const struct check_section *section = view->sections->pdata[i];

        if (strchr(section->name, '/') && !strcmp(check_leaf(section->name), leaf) &&
            n++ == instance)
            return section;
    }
    return NULL;
}

/* The same device at another place of the target, which is mostly what is wrong. */
static const struct check_section *find_elsewhere(const struct check_case *it, const char *name)
{
    const struct check_view *theirs = it->target->view;

    for (guint i = 0; i < theirs->sections->len; i++) {
        const struct check_section *section = theirs->sections->pdata[i];

        if (!strcmp(check_leaf(section->name), check_leaf(name)) && strcmp(section->name, name) &&
            !check_view_section(it->stream, section->name, section->instance))
            return section;
    }
    return NULL;
}

static unsigned count_cpus(const struct check_view *view)
{
    unsigned n = 0;

    for (guint i = 0; i < view->sections->len; i++)
        n += !strcmp(((struct check_section *)view->sections->pdata[i])->name, "cpu_common");
    return n;
}

static bool is_cpu(const char *name)
{
    return !strcmp(name, "cpu_common") || !strcmp(name, "cpu") || !strcmp(name, "apic");
}

static bool looks_like_old_usb(const char *name)
{
    return g_ascii_isdigit(name[0]) && strstr(name, "/usb-") && !strchr(name, ':');
}

static void report_unknown(const struct check_case *it, const struct check_section *section)
{
    const struct check_section *elsewhere = find_elsewhere(it, section->name);
    char *remedy = check_device_option(section->name);

    if (is_cpu(section->name)) {
        g_free(remedy);
        remedy = g_strdup_printf("-smp %u", count_cpus(it->stream));
    } else if (looks_like_old_usb(section->name)) {
        g_free(remedy);
        remedy = NULL; /* QEMU has called it otherwise since 1.1 */
    }
    if (elsewhere && !is_cpu(section->name))
        check_report_add(it->report, CHECK_OBSTACLE, "other-place", section->name,
                         section->instance,
                         remedy ? remedy : g_strdup("put the device at the place in the name"),
                         "the target has that device, but as %s", elsewhere->name);
    else
        check_report_add(it->report, CHECK_OBSTACLE, "unknown-section", section->name,
                         section->instance, remedy, "the target has no such device");
}

/* QEMU refuses any stream for such a device, whether it is in the stream or not. */
static void report_dropped(const struct check_case *it)
{
    for (guint i = 0; i < it->target->dropped->len; i++)
        check_report_add(it->report, CHECK_OBSTACLE, "unmigratable", it->target->dropped->pdata[i],
                         0, g_strdup("leave the device out; it can be plugged in afterwards"),
                         "the target has this device, which QEMU does not migrate");
}

static bool was_dropped(const struct check_target *target, const char *name)
{
    for (guint i = 0; i < target->dropped->len; i++)
        if (!strcmp(target->dropped->pdata[i], check_leaf(name)))
            return true;
    return false;
}

static void compare_version(const struct check_case *it, const struct check_section *ours,
                            uint32_t newest, bool minimum_known, uint32_t minimum)
{
    if (ours->version > newest)
        check_report_add(it->report, CHECK_OBSTACLE, "version-too-new", ours->name, ours->instance,
                         g_strdup("a newer QEMU as the target"),
                         "it has version %u, the target reads up to %u", ours->version, newest);
    else if (minimum_known && ours->version < minimum)
        check_report_add(it->report, CHECK_OBSTACLE, "version-too-old", ours->name, ours->instance,
                         g_strdup("a QEMU that still reads it"),
                         "it has version %u, the target reads none before %u", ours->version,
                         minimum);
}

static void compare_section(const struct check_case *it, const struct check_section *ours,
                            const struct check_section *theirs)
{
    const struct check_schema_row *row =
        it->schema ? check_schema_find(it->schema, check_leaf(theirs->name)) : NULL;

    if (ours->live)
        return;
    compare_version(it, ours, theirs->version, row != NULL, row ? row->minimum_version : 0);
    if (ours->version != theirs->version)
        return;
    check_rule_pci(it, ours, theirs);
    check_rule_virtio(it, ours, theirs);
    check_rule_fields(it, ours, theirs);
}

/* Some devices write a section only when there is something to tell, but read it always. */
static bool is_silent_device(const struct check_case *it, const struct check_section *section)
{
    GHashTableIter iter;
    gpointer type, count;
    guint n = 0;

    if (!it->schema || strchr(section->name, '/'))
        return false;
    g_hash_table_iter_init(&iter, it->target->types);
    while (g_hash_table_iter_next(&iter, &type, &count))
        if (check_schema_writes(it->schema, type, section->name))
            n += GPOINTER_TO_UINT(count);
    return section->instance < n;
}

static void take_section(const struct check_case *it, const struct check_section *section)
{
    const struct check_view *view = it->target->view;
    const struct check_section *theirs = check_view_section(view, section->name, section->instance);

    if (!theirs)
        theirs = find_by_leaf(view, section->name, section->instance);
    if (theirs)
        compare_section(it, section, theirs);
    else if (!was_dropped(it->target, section->name) &&
             !g_strv_contains(always_known, section->name) && !is_silent_device(it, section))
        report_unknown(it, section);
}

static void report_extra(const struct check_case *it)
{
    const struct check_view *view = it->target->view;

    for (guint i = 0; i < view->sections->len; i++) {
        const struct check_section *section = view->sections->pdata[i];

        if (check_view_section(it->stream, section->name, section->instance) ||
            g_strv_contains(always_known, section->name) ||
            check_view_section(it->stream, check_leaf(section->name), section->instance))
            continue;
        check_report_add(it->report, CHECK_NOTE, "missing-section", section->name,
                         section->instance, NULL,
                         "the stream has no state for it: in the target it will be as after a "
                         "reset, and new to the guest");
    }
}

/* With a schema alone: versions of devices, no more. */
static void take_by_schema(const struct check_case *it, const struct check_section *section)
{
    const char *leaf = check_leaf(section->name);
    const struct check_schema_row *row = check_schema_find(it->schema, leaf);

    if (row)
        compare_version(it, section, row->version, true, row->minimum_version);
    else if (!g_strv_contains(no_device, leaf) && !is_cpu(leaf))
        check_report_add(it->report, CHECK_NOTE, "not-in-schema", section->name, section->instance,
                         NULL, "no device of the schema writes such a section");
}

void check_rule_sections(const struct check_case *it)
{
    for (guint i = 0; i < it->stream->sections->len; i++) {
        const struct check_section *section = it->stream->sections->pdata[i];

        if (it->target)
            take_section(it, section);
        else
            take_by_schema(it, section);
    }
    if (it->target)
        report_extra(it);
}

void check_rules(const struct check_case *it)
{
    check_rule_stream(it);
    if (it->target) {
        check_rule_ram(it);
        report_dropped(it);
    }
    check_rule_sections(it);
    for (guint i = 0; it->target && i < it->target->command->lacks->len; i++)
        check_report_add(it->report, CHECK_OBSTACLE, "no-file", NULL, 0,
                         g_strdup("make it, or name another"),
                         "the target's command line names %s, which is not there",
                         (char *)it->target->command->lacks->pdata[i]);
}
