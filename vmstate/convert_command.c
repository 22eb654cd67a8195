/* SPDX-License-Identifier: MIT */
/* The command line of the target: what the sections and RAM blocks tell of the machine, and what
 * the old machine type had otherwise, as rows. The user's own -global options come behind these and
 * win. */
#include "vmstate/convert_private.h"

#include <string.h>

#define MIB (1u << 20)

enum command_if {
    IF_THERE,  /* the section, each time it comes */
    IF_ONCE,   /* the section, once */
    IF_ABSENT, /* no such section */
};

/* In texts: %A the PCI address, %P the USB port, %V the MiB of vga.vram, %R what the card's ROM
 * needs. */
struct command_row {
    const char *section;
    enum command_if when;
    unsigned from; /* versions of the target's machine type; 0: all */
    const char *text;
};

static const struct command_row rows[] = {
    {"piix4_pm", IF_ABSENT, 0, "-no-acpi"},
    {"hpet", IF_ABSENT, 0, "-no-hpet"},
    {"piix4_pm", IF_ONCE, 200, "-global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"},
    {"cirrus_vga", IF_ONCE, 0, "-vga cirrus -global cirrus-vga.vgamem_mb=%V"},
    {"vga", IF_ONCE, 0, "-vga std -global VGA.vgamem_mb=%V -global VGA.mmio=off"},
    {"vmware_vga", IF_ONCE, 0, "-vga vmware -global vmware-svga.vgamem_mb=%V"},
    {"audio", IF_ONCE, 0, "-audiodev none,id=audio0"},
    {"slirp", IF_ONCE, 0, "-netdev user,id=net0"},
    {"rtl8139", IF_THERE, 0, "-device rtl8139,addr=%A,%N%R"},
    {"e1000", IF_THERE, 0, "-device e1000,addr=%A,autonegotiation=off,%N%R"},
    {"ne2000", IF_THERE, 0, "-device ne2k_pci,addr=%A,%N%R"},
    {"pcnet", IF_THERE, 0, "-device pcnet,addr=%A,%N%R"},
    {"i82550", IF_THERE, 0, "-device i82550,addr=%A,%N%R"},
    {"i82551", IF_THERE, 0, "-device i82551,addr=%A,%N%R"},
    {"i82557b", IF_THERE, 0, "-device i82557b,addr=%A,%N%R"},
    {"i82559er", IF_THERE, 0, "-device i82559er,addr=%A,%N%R"},
    {"virtio-net", IF_THERE, 0,
     "-device virtio-net-pci,addr=%A,vectors=%M,ctrl_mac_addr=off,mq=off,disable-modern=on,%N%R"},
    {"virtio-blk", IF_THERE, 0,
     "-device virtio-blk-pci,addr=%A,drive=disk0,num-queues=1,vectors=%M,config-wce=off,"
     "disable-modern=on"},
    {"virtio-balloon", IF_THERE, 0, "-device virtio-balloon-pci,addr=%A,disable-modern=on"},
    {"virtio-console", IF_THERE, 0,
     "-device virtio-serial-pci,addr=%A,vectors=%M,disable-modern=on"},
    {"lsiscsi", IF_THERE, 0, "-device lsi53c895a,addr=%A"},
    {"ac97", IF_THERE, 0, "-device AC97,addr=%A,audiodev=audio0"},
    {"es1370", IF_THERE, 0, "-device ES1370,addr=%A,audiodev=audio0"},
    {"sb16", IF_THERE, 0, "-device sb16,audiodev=audio0"},
    {"cs4231a", IF_THERE, 0, "-device cs4231a,audiodev=audio0"},
    {"gus", IF_THERE, 0, "-device gus,audiodev=audio0"},
    {"intel-hda", IF_THERE, 0, "-device intel-hda,addr=%A"},
    {"hda-audio", IF_THERE, 0, "-device hda-duplex,audiodev=audio0"},
    {"i6300esb_wdt", IF_THERE, 0, "-device i6300esb,addr=%A"},
    {"ib700_wdt", IF_THERE, 0, "-device ib700"},
    {"uhci", IF_ONCE, 0, "-usb"},
    {"usb-ptr", IF_THERE, 0, "-device usb-tablet,port=%P,usb_version=1"},
    {"usb-kbd", IF_THERE, 0, "-device usb-kbd,port=%P,usb_version=1"},
    {"usb-hub", IF_THERE, 0, "-device usb-hub,port=%P"},
    {"usb-ccid", IF_THERE, 0, "-device usb-ccid,port=%P"},
};

/* What the stream cannot tell. */
static const struct {
    const char *section;
    const char *note;
} notes[] = {
    {"usb-ptr", "usb-ptr is a tablet or a mouse (usb-mouse): the stream does not say which"},
    {"hda-audio",
     "hda-audio is hda-duplex, hda-output or hda-micro: the stream does not say which"},
    {"virtio-console",
     "give virtio-serial the ports (virtconsole, virtserialport) it had, in order"},
    {"slirp", "user networking was on; several cards: give each the network it had"},
    {"ide", "give the disks that it had, of the same sizes: the stream holds what they answered"},
    {"lsiscsi", "give the SCSI disks that it had"},
};

static const struct vmstate_ram_block *find_block(const struct vmstate_convert *self,
                                                  const char *suffix, const char *path)
{
    size_t n = path ? strcspn(path, "/") : 0;

    for (guint i = 0; i < self->blocks->len; i++) {
        const struct vmstate_ram_block *block =
            &g_array_index(self->blocks, struct vmstate_ram_block, i);

        if (g_str_has_suffix(block->name, suffix) && (!path || !strncmp(block->name, path, n)))
            return block;
    }
    return NULL;
}

/* "0000:00:03.0/x" is slot 3; other functions than 0 are told. */
static void put_address(GString *text, const char *name)
{
    guint64 slot, function;
    gchar *end;

    if (strlen(name) < 12 || name[4] != ':' || name[7] != ':' || name[10] != '.') {
        g_string_append(text, "?");
        return;
    }
    slot = g_ascii_strtoull(name + 8, &end, 16);
    function = g_ascii_strtoull(name + 11, NULL, 16);
    g_string_append_printf(text, "0x%x", (unsigned)slot);
    if (function)
        g_string_append_printf(text, ".%x", (unsigned)function);
}

static void put_rom(struct vmstate_convert *self, GString *text, const char *name)
{
    const struct vmstate_ram_block *rom = find_block(self, ".rom", name);

    if (rom && strchr(rom->name, ':'))
        g_string_append_printf(text, "romfile=rom-%uk.bin", (unsigned)(rom->size / 1024));
    else
        g_string_append(text, "romfile=");
}

static unsigned msix_entries(struct vmstate_convert *self, struct convert_section *section)
{
    struct vmstate_tree *tree = section ? convert_tree(self, section) : NULL;
    const struct vmstate_node *table =
        tree ? vmstate_tree_find(tree, "virtio.msix_table", NULL) : NULL;

    return table ? (unsigned)(table->size / 16) : 0;
}

static void put_row(struct vmstate_convert *self, const char *format,
                    struct convert_section *section)
{
    const struct vmstate_ram_block *vram = find_block(self, "vga.vram", NULL);
    const char *name = section ? section->came : "";
    GString *text = g_string_new(NULL);

    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            g_string_append_c(text, *p);
            continue;
        }
        switch (*++p) {
        case 'A':
            put_address(text, name);
            break;
        case 'P':
            g_string_append_len(text, name, (gssize)strcspn(name, "/"));
            break;
        case 'V':
            g_string_append_printf(text, "%u", vram ? (unsigned)(vram->size / MIB) : 16);
            break;
        case 'M':
            g_string_append_printf(text, "%u", msix_entries(self, section));
            break;
        case 'N':
            if (convert_find(self, "slirp", 0))
                g_string_append(text, "netdev=net0,");
            break;
        case 'R':
            put_rom(self, text, name);
            break;
        }
    }
    convert_report(self, VMSTATE_REPORT_COMMAND, "%s", text->str);
    g_string_free(text, TRUE);
}

static void put_rows(struct vmstate_convert *self, const struct command_row *row)
{
    struct convert_section *section;

    if (self->target < row->from)
        return;
    if (row->when == IF_ABSENT) {
        if (!convert_find(self, row->section, 0))
            put_row(self, row->text, NULL);
        return;
    }
    for (unsigned i = 0; (section = convert_find(self, row->section, i)); i++) {
        put_row(self, row->text, section);
        if (row->when == IF_ONCE)
            return;
    }
}

/* Port 0 is always a console's; of others the stream does not say what they are. */
static void put_ports(struct vmstate_convert *self)
{
    struct convert_section *section = convert_find(self, "virtio-console", 0);
    struct vmstate_tree *tree = section ? convert_tree(self, section) : NULL;

    for (unsigned i = 0; tree && i < 64; i++) {
        char *path = g_strdup_printf("ports[%u].id", i);
        struct vmstate_value id;
        bool there = vmstate_tree_get(tree, path, &id);

        g_free(path);
        if (!there)
            break;
        convert_report(self, VMSTATE_REPORT_COMMAND, "-device %s,nr=%u",
                       id.u == 0 ? "virtconsole" : "virtserialport", (unsigned)id.u);
    }
}

/* ---- What is no device's ---- */

static unsigned count(const struct vmstate_convert *self, const char *device)
{
    unsigned n = 0;

    while (convert_find(self, device, n))
        n++;
    return n;
}

static void put_processor(struct vmstate_convert *self)
{
    if (count(self, "cpu") > 1)
        convert_report(self, VMSTATE_REPORT_COMMAND, "-smp %u", count(self, "cpu"));
    if (self->source < 204 && self->target >= 204)
        convert_report(self, VMSTATE_REPORT_COMMAND, "-cpu qemu64,+popcnt,+abm,+sse4a,+svm");
    convert_report(self, VMSTATE_REPORT_NOTES,
                   "the stream does not say which processor it was: qemu64, the default, is "
                   "assumed; guests die of features that are gone");
}

static void put_firmware(struct vmstate_convert *self)
{
    const struct vmstate_ram_block *bios = find_block(self, "pc.bios", NULL);

    if (!bios || (bios->size == 256u << 10) == (self->target >= 200))
        return;
    if (self->target >= 200)
        convert_report(self, VMSTATE_REPORT_COMMAND, "-bios bios.bin");
    convert_report(self, VMSTATE_REPORT_NOTES,
                   "pc.bios has %u KiB: -bios must name a file of that size (SeaBIOS's %s)",
                   (unsigned)(bios->size / 1024),
                   bios->size == 128u << 10 ? "bios.bin" : "bios-256k.bin");
}

static void note_roms(struct vmstate_convert *self)
{
    for (guint i = 0; i < self->blocks->len; i++) {
        const struct vmstate_ram_block *block =
            &g_array_index(self->blocks, struct vmstate_ram_block, i);

        if (g_str_has_suffix(block->name, ".rom") && strchr(block->name, ':') &&
            !strstr(block->name, "vga"))
            convert_report(self, VMSTATE_REPORT_NOTES,
                           "%s has %u KiB: its romfile must be a file of that size, of whatever "
                           "content (truncate -s %uK rom-%uk.bin)",
                           block->name, (unsigned)(block->size / 1024),
                           (unsigned)(block->size / 1024), (unsigned)(block->size / 1024));
    }
}

void convert_command(struct vmstate_convert *self)
{
    const struct vmstate_ram_block *ram = find_block(self, "pc.ram", NULL);

    if (self->described) {
        convert_report(self, VMSTATE_REPORT_NOTES, "use the old command line, with -machine %s",
                       self->machine);
        return;
    }
    convert_report(self, VMSTATE_REPORT_COMMAND, "-machine %s,accel=%s", self->machine,
                   self->kvm ? "kvm" : "tcg");
    if (ram)
        convert_report(self, VMSTATE_REPORT_COMMAND, "-m %u", (unsigned)(ram->size / MIB));
    put_processor(self);
    put_firmware(self);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        put_rows(self, &rows[i]);
    put_ports(self);
    if (!self->i440fx && convert_find(self, "kvm-tpr-opt", 0))
        convert_report(self, VMSTATE_REPORT_COMMAND, "-global apic.vapic=on");
    note_roms(self);
    for (size_t i = 0; i < G_N_ELEMENTS(notes); i++)
        if (convert_find(self, notes[i].section, 0))
            convert_report(self, VMSTATE_REPORT_NOTES, "%s", notes[i].note);
}
