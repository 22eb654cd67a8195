/* SPDX-License-Identifier: MIT */
#include "vmstate/convert_rules.h"

#define MASKED     UINT64_C(0x10000) /* in a local vector table or a redirection entry */
#define NEVER      UINT64_MAX        /* of a timer */
#define XCR0_X87   1
#define XSTATE_X87 1
#define XSTATE_SSE 2

#define MP_STATE_HALTED 3 /* as KVM numbers them */

#define MILLISECOND 1000000

/* The SMBus controller's state as it is after a reset: 42 zeros, auxctl, ..., op_done. */
static const uint8_t smbus_idle[48] = {[42] = 2, [45] = 1};

#define LAST_BUS "acpi_pci_hotplug.acpi_pcihp_pci_status[255]"

static const uint8_t index_none[4];
static const uint8_t class_other[2] = {0xff, 0x00};

/* In this order: later rows see what earlier ones did. */
const struct rule convert_rules[] = {
    /* ---- What a fork wrote under another version ---- */
    {
        .section = "i8254",
        .cases = RULE_QEMU_KVM,
        .conditions = {{"version", RULE_EQUAL, 0, 2}},
        .actions = {{RULE_VERSION, NULL, 3}},
        .why = "qemu-kvm wrote version 3 under 2",
    },
    {
        .section = "piix4_pm",
        .cases = RULE_QEMU_KVM,
        .conditions = {{"version", RULE_EQUAL, 0, 2}},
        .actions = {{RULE_VERSION, NULL, 3}},
        .why = "qemu-kvm wrote version 3 under 2",
    },
    {
        .section = "piix4_pm",
        .cases = RULE_QEMU_1_0,
        .conditions = {{"version", RULE_EQUAL, 0, 2}},
        .actions = {{RULE_VERSION, NULL, 3}, {RULE_CUT, "gpe.sts_rest"}, {RULE_CUT, "gpe.en_rest"}},
        .why = "QEMU 1.0 wrote words where bytes were meant; only the first counts",
    },
    /* ---- What machine types want ---- */
    {
        .section = "piix4_pm",
        .crosses = 400,
        .conditions = {{"tmr.timer", RULE_PRESENT}},
        .actions = {{RULE_PUT, "tmr.timer", 0, NULL, smbus_idle, sizeof(smbus_idle)}},
        .why = "machine types from 4.0 on save the SMBus controller: idle, as after a reset",
    },
    {
        .section = "piix4_pm",
        .crosses = 400,
        .conditions = {{"ar.tmr.timer", RULE_PRESENT}},
        .actions = {{RULE_PUT, "ar.tmr.timer", 0, NULL, smbus_idle, sizeof(smbus_idle)}},
        .why = "machine types from 4.0 on save the SMBus controller: idle, as after a reset",
    },
    {
        .section = "piix4_pm",
        .falls = 400,
        .conditions = {{"smb.smb_stat", RULE_PRESENT}},
        .actions = {{RULE_CUT, "smb"}},
        .why = "machine types before 4.0 do not save the SMBus controller",
    },
    {
        .section = "piix4_pm",
        .crosses = 700,
        .conditions = {{LAST_BUS ".down", RULE_PRESENT}},
        .actions = {{RULE_PUT, LAST_BUS ".down+4", 0, NULL, index_none, sizeof(index_none)}},
        .why = "machine types from 7.0 on save the ACPI index that the guest asked for last",
    },
    {
        .section = "piix4_pm",
        .falls = 700,
        .conditions = {{"acpi_pci_hotplug.acpi_index", RULE_PRESENT}},
        .actions = {{RULE_CUT, "acpi_pci_hotplug.acpi_index"}},
        .why = "machine types before 7.0 do not save the ACPI index",
    },
    {
        .section = "virtio-balloon",
        .cases = RULE_QEMU_KVM | RULE_TO_I440FX,
        .actions = {{RULE_CUT, "virtio.dev.config+10", 2, NULL, class_other, sizeof(class_other)}},
        .why = "its PCI class is 0x00ff since QEMU 1.1, and is compared",
    },
    {
        .section = "virtio-balloon",
        .cases = RULE_QEMU_1_0 | RULE_TO_I440FX,
        .actions = {{RULE_CUT, "virtio.dev.config+10", 2, NULL, class_other, sizeof(class_other)}},
        .why = "its PCI class is 0x00ff since QEMU 1.1, and is compared",
    },
#define USB_NAME(device)                                                                           \
    {                                                                                              \
        .section = device, .cases = RULE_TO_I440FX, .conditions = {{"port path", RULE_EQUAL}},     \
        .actions = {{RULE_USB_NAME}}, .why = "QEMU 1.0 named USB devices by port alone"            \
    }
    USB_NAME("usb-ptr"),
    USB_NAME("usb-kbd"),
    USB_NAME("usb-hub"),
    USB_NAME("usb-ccid"),
    /* ---- What KVM's own devices did not save ---- */
    {
        .section = "timer",
        .cases = RULE_BY_KVM | RULE_TO_TCG,
        .actions = {{RULE_COPY, "cpu_ticks_offset", 0, "cpu:tsc"}},
        .why = "KVM keeps the TSC with the processor, TCG with the clock",
    },
    {
        .section = "apic",
        .cases = RULE_BY_KVM,
        .conditions = {{"initial_count", RULE_UNEQUAL, 0, 0},
                       {"lvt[0]", RULE_EQUAL, MASKED, 0},
                       {"timer", RULE_EQUAL, 0, NEVER}},
        .actions = {{RULE_COPY, "timer", 0, "next_time"}},
        .why = "the kernel's local APIC runs, but has no timer in the stream",
    },
    {
        .section = "i8254",
        .cases = RULE_BY_KVM,
        .conditions = {{"flags", RULE_EQUAL, 1, 0},
                       {"channels[0].mode", RULE_EQUAL, 0xfe, 2},
                       {"irq_timer", RULE_EQUAL, 0, NEVER}},
        .actions = {{RULE_CLOCK, "channels[0].count_load_time", 0},
                    {RULE_CLOCK, "channels[1].count_load_time", 0},
                    {RULE_CLOCK, "channels[2].count_load_time", 0},
                    {RULE_CLOCK, "channels[0].next_transition_time", 1},
                    {RULE_CLOCK, "irq_timer", 1}},
        .why =
            "the kernel's PIT runs, but has no timer in the stream, and counts the host's uptime",
    },
    {
        .section = "i8259",
        .cases = RULE_BY_KVM,
        .conditions = {{"", RULE_ALL_ZERO},
                       {"ioapic:ioredtbl[*]", RULE_EQUAL, MASKED, 0},
                       {"", RULE_NOT_SET}},
        .actions = {{RULE_SET, "imr", 0xff}},
        .why = "the kernel's PIC was not saved; the guest uses the IO-APIC, so all its lines are "
               "masked",
    },
    {
        .section = "i8259",
        .cases = RULE_BY_KVM,
        .conditions = {{"", RULE_ALL_ZERO}, {"", RULE_NOT_SET}},
        .actions = {{RULE_REFUSE}},
        .why = "the kernel's PIC was not saved, and the guest uses it: its vectors and mask are "
               "lost. If you know them, give them: most systems without APIC use\n"
               "    --set i8259:0/irq_base=0x20 --set i8259:0/imr=0 --set i8259:1/irq_base=0x28 "
               "--set i8259:1/imr=0xff\n"
               "  with the bit of each line that the guest has masked set in imr",
    },
    {
        .section = "cpu",
        .cases = RULE_BY_KVM | RULE_TO_TCG,
        .conditions = {{"interrupt_injected", RULE_UNEQUAL, 0, NEVER}},
        .actions = {{RULE_NOTE}},
        .why =
            "an interrupt was on its way into the processor, which TCG forgets: should the guest "
            "hang, load it under KVM (--accel kvm)",
    },
    {
        .section = "kvmclock",
        .cases = RULE_TO_TCG,
        .actions = {{RULE_DROP}},
        .why = "the device exists only with KVM",
    },
    /* ---- What TCG did not need ---- */
    {
        .section = "cpu",
        .cases = RULE_BY_TCG | RULE_TO_KVM,
        .actions = {{RULE_SET, "interrupt_injected", UINT64_MAX},
                    {RULE_SET, "exception_injected", UINT64_MAX},
                    {RULE_SET_BITS, "xcr0", XCR0_X87},
                    {RULE_SET_BITS, "xstate_bv", XSTATE_X87 | XSTATE_SSE},
                    {RULE_COPY, "tsc", 0, "timer:cpu_ticks_offset"}},
        .why = "TCG left them 0: KVM would inject vector 0, start with empty FPU registers and set "
               "the TSC back",
    },
    {
        .section = "cpu",
        .cases = RULE_BY_TCG | RULE_TO_KVM,
        .conditions = {{"cpu_common#=:halted", RULE_EQUAL, 0, 1}},
        .actions = {{RULE_SET, "mp_state", MP_STATE_HALTED}},
        .why = "the processor was halted, which KVM takes from here",
    },
    {
        .section = "i8259",
        .cases = RULE_BY_TCG | RULE_TO_KVM,
        .conditions = {{"init4", RULE_EQUAL, 0, 1}, {"elcr", RULE_EQUAL, 1, 0}},
        .actions = {{RULE_CLEAR_BITS, "last_irr", 1}},
        .why =
            "the kernel's PIT gives pulses: over a line that is up its first one is lost, and it "
            "waits for the answer for ever",
    },
    {
        .section = "ioapic",
        .cases = RULE_BY_TCG | RULE_TO_KVM,
        .actions = {{RULE_CLEAR_BITS, "irr", 1 << 0 | 1 << 2}},
        .why =
            "the kernel's PIT gives pulses: over a line that is up its first one is lost, and it "
            "waits for the answer for ever",
    },
    /* ---- What the target does better ---- */
    {
        .section = "hpet",
        .cases = RULE_QEMU_KVM,
        .each = "timer",
        .conditions = {{"config", RULE_EQUAL, 1, 1},
                       {"@.config", RULE_EQUAL, 4, 4},
                       {"@.qemu_timer", RULE_EQUAL, 0, NEVER}},
        .actions = {{RULE_CLOCK, "@.qemu_timer", MILLISECOND}},
        .why = "its interrupt came from the PIT, which went on in legacy mode; here it must come "
               "from the HPET",
    },
    {
        .section = "i8254",
        .cases = RULE_QEMU_KVM,
        .conditions = {{"hpet:config", RULE_EQUAL, 2, 2}, {"flags", RULE_EQUAL, 1, 0}},
        .actions = {{RULE_SET_BITS, "flags", 1}},
        .why = "the HPET is in legacy mode: the PIT is off the line",
    },
};

const size_t convert_n_rules = sizeof(convert_rules) / sizeof(convert_rules[0]);
