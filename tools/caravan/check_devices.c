/* SPDX-License-Identifier: MIT */
/* The options that bring about a section, by the section's name without its path. */
#include <stdio.h>
#include <string.h>

#include "check_rules.h"

struct device_row {
    const char *leaf;
    const char *option;
    bool on_bus; /* takes addr= */
};

static const struct device_row devices[] = {
    {"virtio-net", "-device virtio-net-pci", true},
    {"virtio-blk", "-device virtio-blk-pci,drive=ID", true},
    {"virtio-scsi", "-device virtio-scsi-pci", true},
    {"virtio-balloon", "-device virtio-balloon-pci", true},
    {"virtio-console", "-device virtio-serial-pci", true},
    {"virtio-rng", "-device virtio-rng-pci", true},
    {"virtio-gpu", "-vga virtio (or -device virtio-gpu-pci)", false},
    {"virtio-vga", "-vga virtio", false},
    {"ide", "-machine pc", false},
    {"PCIHost", "-machine pc (or q35)", false},
    {"ne2000-isa", "-device ne2k_isa", false},
    {"virtio-input", "-device virtio-keyboard-pci (or -mouse-pci, -tablet-pci)", true},
    {"virtio-mem", "-device virtio-mem-pci", true},
    {"virtio-iommu", "-device virtio-iommu-pci", true},
    {"virtio-crypto", "-device virtio-crypto-pci", true},
    {"rtl8139", "-device rtl8139", true},
    {"e1000", "-device e1000", true},
    {"e1000e", "-device e1000e", true},
    {"pcnet", "-device pcnet", true},
    {"ne2000", "-device ne2k_pci", true},
    {"vmxnet3", "-device vmxnet3", true},
    {"i82550", "-device i82550", true},
    {"i82551", "-device i82551", true},
    {"i82557b", "-device i82557b", true},
    {"i82559er", "-device i82559er", true},
    {"eeprom", "the network card of the i8255x family that the stream has", false},
    {"uhci", "-usb (or -device piix3-usb-uhci)", true},
    {"ehci", "-device usb-ehci (or ich9-usb-ehci1)", true},
    {"xhci", "-device qemu-xhci (or nec-usb-xhci)", true},
    {"ohci", "-device pci-ohci", true},
    {"usb-ptr", "-device usb-tablet (or usb-mouse)", false},
    {"usb-kbd", "-device usb-kbd", false},
    {"usb-hub", "-device usb-hub", false},
    {"usb-storage", "-device usb-storage,drive=ID", false},
    {"usb-ccid", "-device usb-ccid", false},
    {"usb-serial", "-device usb-serial", false},
    {"usb-redir", "-device usb-redir,chardev=ID", false},
    {"vga", "-vga std (or -device VGA)", false},
    {"cirrus_vga", "-vga cirrus", false},
    {"qxl", "-vga qxl (or -device qxl)", false},
    {"vmware_vga", "-vga vmware", false},
    {"intel-hda", "-device intel-hda", true},
    {"hda-audio", "-device hda-duplex (or hda-output, hda-micro)", false},
    {"ac97", "-device AC97", true},
    {"es1370", "-device ES1370", true},
    {"sb16", "-device sb16", false},
    {"cs4231a", "-device cs4231a", false},
    {"gus", "-device gus", false},
    {"audio", "-audiodev none,id=ID, or any sound device", false},
    {"lsiscsi", "-device lsi53c895a", true},
    {"megasas", "-device megasas", true},
    {"mptsas", "-device mptsas1068", true},
    {"pvscsi", "-device pvscsi", true},
    {"esp", "-device am53c974", true},
    {"ahci", "-device ich9-ahci", true},
    {"ich9_ahci", "-device ich9-ahci", true},
    {"scsi-disk", "-device scsi-hd (or scsi-cd)", false},
    {"fdc", "-device isa-fdc, or a machine type with a floppy controller", false},
    {"hpet", "-machine hpet=on (before 8.0: no -no-hpet)", false},
    {"i6300esb_wdt", "-device i6300esb", true},
    {"ib700_wdt", "-device ib700", false},
    {"slirp", "-netdev user,id=ID", false},
    {"kvmclock", "-accel kvm; without KVM the section has to be taken out", false},
    {"kvm-tpr-opt", "-global apic-common.vapic=on", false},
    {"serial", "-serial null (or -device isa-serial)", false},
    {"parallel_isa", "-parallel null (or -device isa-parallel)", false},
    {"vmmouse", "-machine vmport=on", false},
    {"vmport", "-machine vmport=on", false},
    {"I440FX", "-machine pc", false},
    {"PIIX3", "-machine pc", false},
    {"piix4_pm", "-machine pc", false},
    {"PIIX3USB", "-machine pc,usb=on", false},
    {"mch", "-machine q35", false},
    {"ICH9LPC", "-machine q35", false},
    {"ICH9 AHCI", "-machine q35", false},
    {"ich9_smb", "-machine q35", false},
    {"pcie-root-port", "-device pcie-root-port", true},
    {"pci_bridge", "-device pci-bridge,chassis_nr=N", true},
    {"ioh-3240-express-root-port", "-device ioh3420", true},
    {"pcspk", "-audiodev none,id=ID -machine pcspk-audiodev=ID", false},
    {"tpm-tis", "-device tpm-tis,tpmdev=ID", false},
    {"tpm-crb", "-device tpm-crb,tpmdev=ID", false},
    {"pvpanic-isa", "-device pvpanic", false},
    {"vmgenid", "-device vmgenid", false},
    {"vmcoreinfo", "-device vmcoreinfo", false},
    {"tulip", "-device tulip", true},
    {"sdhci", "-device sdhci-pci", true},
};

/* The slot and function of a path on the first bus, "0000:00:1f.2/ahci". */
static char *address_of(const char *section)
{
    unsigned slot, function;
    char end;

    if (sscanf(section, "0000:00:%2x.%1x%c", &slot, &function, &end) != 3 || end != '/')
        return NULL;
    return g_strdup_printf("addr=%#x.%u", slot, function);
}

static const struct device_row *find(const char *leaf)
{
    for (size_t i = 0; i < G_N_ELEMENTS(devices); i++)
        if (!strcmp(devices[i].leaf, leaf))
            return &devices[i];
    return NULL;
}

char *check_device_option(const char *section)
{
    const char *leaf = check_leaf(section);
    const struct device_row *row = find(leaf);
    char *address, *text;

    if (!row)
        return NULL;
    address = row->on_bus ? address_of(section) : NULL;
    if (!address)
        return g_strdup(row->option);
    text = g_strdup_printf(strchr(row->option, '(') ? "%s at %s" : "%s,%s", row->option, address);
    g_free(address);
    return text;
}

const char *check_video_memory(const struct check_view *stream)
{
    static const struct {
        const char *leaf;
        const char *property;
    } rows[] = {
        {"cirrus_vga", "cirrus-vga.vgamem_mb"},
        {"vmware_vga", "vmware-svga.vgamem_mb"},
        {"qxl", "qxl-vga.ram_size_mb"},
        {"virtio-vga", "virtio-vga.vgamem_mb"},
        {"vga", "VGA.vgamem_mb"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint k = 0; k < stream->sections->len; k++) {
            const struct check_section *section = stream->sections->pdata[k];

            if (!strcmp(check_leaf(section->name), rows[i].leaf))
                return rows[i].property;
        }
    return NULL;
}
