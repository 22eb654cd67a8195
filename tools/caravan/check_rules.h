/* SPDX-License-Identifier: MIT */
/* What QEMU compares when it loads a stream, one rule a thing. Each adds to the report. */
#ifndef CARAVAN_CHECK_RULES_H
#define CARAVAN_CHECK_RULES_H

#include "check_report.h"
#include "check_schema.h"
#include "check_target.h"

struct check_case {
    const struct check_view *stream;
    const struct check_target *target; /* NULL: only the schema is there */
    const struct check_schema *schema; /* NULL: not known */
    struct check_report *report;
};

/* All that apply. */
void check_rules(const struct check_case *it);

/* Machine type, configuration, footers; sections and their versions. */
void check_rule_stream(const struct check_case *it);
void check_rule_sections(const struct check_case *it);

/* RAM blocks: names and sizes. */
void check_rule_ram(const struct check_case *it);

/* The fields of a section that both sides describe; subsections that the target must know. */
void check_rule_fields(const struct check_case *it, const struct check_section *ours,
                       const struct check_section *theirs);

/* A device's PCI configuration, where QEMU wants it the same. */
void check_rule_pci(const struct check_case *it, const struct check_section *ours,
                    const struct check_section *theirs);

/* What a virtio device has of its own, behind its PCI configuration. */
void check_rule_virtio(const struct check_case *it, const struct check_section *ours,
                       const struct check_section *theirs);

/* The first value of a type below a node, or NULL. */
const struct vmstate_node *check_find_type(const struct vmstate_node *node, const char *type);

/* The option that gives a machine the device of a section (g_free it); NULL: not known. */
char *check_device_option(const char *section);

/* The option's name for the video memory of the device that a stream has, such as
 * "VGA.vgamem_mb"; NULL when it has none that is known. Static. */
const char *check_video_memory(const struct check_view *stream);

#endif
