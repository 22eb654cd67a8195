/* SPDX-License-Identifier: MIT */
/* What is changed in device state, as rows. The engine for them is convert_apply.c. */
#ifndef VMSTATE_CONVERT_RULES_H
#define VMSTATE_CONVERT_RULES_H

#include <stddef.h>
#include <stdint.h>

enum rule_case {
    RULE_QEMU_KVM = 1 << 0, /* written by qemu-kvm 1.0 */
    RULE_QEMU_1_0 = 1 << 1, /* written by QEMU 1.0 */
    RULE_BY_KVM = 1 << 2,   /* saved under KVM */
    RULE_BY_TCG = 1 << 3,   /* by QEMU before 2.4 */
    RULE_TO_KVM = 1 << 4,
    RULE_TO_TCG = 1 << 5,
    RULE_TO_I440FX = 1 << 6, /* not the pc-1.0 of QEMU 2.x */
};

enum rule_test {
    RULE_EQUAL = 1,
    RULE_UNEQUAL,
    RULE_ALL_ZERO, /* the whole section */
    RULE_NOT_SET,  /* the user set no field of the section by hand */
    RULE_PRESENT,  /* there is such a field */
};

/* A path is that of a field; "SECTION#1:PATH" is one of another section (the second of its name;
 * "SECTION#=:PATH": that with the instance of the rule's section).
 * In a rule with `each`, "@" stands for the element. "[*]" holds when any element does. */
struct rule_condition {
    const char *path;
    enum rule_test test;
    uint64_t mask; /* 0: all bits */
    uint64_t value;
};

enum rule_do {
    RULE_VERSION = 1, /* the section's version becomes value */
    RULE_SET,         /* the field becomes value */
    RULE_SET_BITS,    /* value is or-ed in */
    RULE_CLEAR_BITS,
    RULE_COPY,     /* the field becomes what is at `from` */
    RULE_CLOCK,    /* the field becomes the VM's clock + value (ns) */
    RULE_CUT,      /* the field is left out */
    RULE_PUT,      /* bytes are put in before the field */
    RULE_DROP,     /* the section is left out */
    RULE_USB_NAME, /* the section's name gets the controller's PCI path */
    RULE_NOTE,     /* nothing is done, but the user is told */
    RULE_REFUSE,
};

struct rule_action {
    enum rule_do what;
    const char *path;
    uint64_t value;
    const char *from;
    const uint8_t *bytes;
    size_t len;
};

#define RULE_CONDITIONS 6
#define RULE_ACTIONS    8

struct rule {
    const char *section; /* what stands behind the last slash of its name */
    unsigned cases;      /* of enum rule_case: all must hold; 0: always */
    unsigned crosses;    /* the source's machine type is below this version, the target's is not */
    unsigned falls;      /* the other way round */
    const char *each;    /* a list of structs: the rule goes for each of them */
    struct rule_condition conditions[RULE_CONDITIONS];
    struct rule_action actions[RULE_ACTIONS];
    const char *why;
};

extern const struct rule convert_rules[];
extern const size_t convert_n_rules;

#endif
