/* SPDX-License-Identifier: MIT */
/* The command line of the target: what the sections and RAM blocks tell of the machine, and what
 * the old machine type had otherwise, as rows. The user's own -global options come behind these and
 * win. */
#include "vmstate/convert_private.h"

#include <string.h>

#define MIB   (1u << 20)
#define AUDIO "-audiodev none,id=audio0"

enum command_if {
    IF_THERE,    /* the section, each time it comes */
    IF_ONCE,     /* the section, once */
    IF_ABSENT,   /* no such section */
    IF_PCI,      /* the section, each time it comes with a PCI path */
    IF_PATHLESS, /* and without */
};

/* In texts: %A the PCI address, %P the USB port, %V the MiB of vga.vram, %N the card's network, %R
 * what its ROM needs, %B its USB controller, %M the MSI-X vectors, %I which of its kind it is. */
struct command_row {
    const char *section;
    enum command_if when;
    unsigned from; /* versions of the target's machine type; 0: all */
    const char *text;
};

#define INTEL(device)                                                                              \
    {                                                                                              \
        device, IF_THERE, 0, "-device " device ",addr=%A,%N%R"                                     \
    }

static const struct command_row rows[] = {
    {"piix4_pm", IF_ABSENT, 0, "-no-acpi"},
    {"hpet", IF_ABSENT, 0, "-no-hpet"},
    {"piix4_pm", IF_ONCE, 200, "-global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"},
    {"cirrus_vga", IF_ONCE, 0, "-global cirrus-vga.vgamem_mb=%V"},
    {"vga", IF_PCI, 0, "-global VGA.vgamem_mb=%V -global VGA.mmio=off"},
    {"vmware_vga", IF_ONCE, 0, "-global vmware-svga.vgamem_mb=%V"},
    {"audio", IF_ONCE, 0, AUDIO},
    {"slirp", IF_THERE, 0, "-netdev user,id=net%I"},
    {"slirp", IF_ABSENT, 0, "-net none"},
    {"rtl8139", IF_THERE, 0, "-device rtl8139,addr=%A,%N%R"},
    {"e1000", IF_THERE, 0, "-device e1000,addr=%A,autonegotiation=off,%N%R"},
    {"ne2000", IF_PCI, 0, "-device ne2k_pci,addr=%A,%N%R"},
    {"ne2000", IF_PATHLESS, 0, "-device ne2k_isa,%Niobase=0x300,irq=9"},
    {"pcnet", IF_THERE, 0, "-device pcnet,addr=%A,%N%R"},
    INTEL("i82550"),
    INTEL("i82551"),
    INTEL("i82557a"),
    INTEL("i82557b"),
    INTEL("i82557c"),
    INTEL("i82558a"),
    INTEL("i82558b"),
    INTEL("i82559a"),
    INTEL("i82559b"),
    INTEL("i82559c"),
    INTEL("i82559er"),
    INTEL("i82562"),
    INTEL("i82801"),
    {"virtio-net", IF_THERE, 0,
     "-device virtio-net-pci,addr=%A,vectors=%M,ctrl_mac_addr=off,mq=off,disable-modern=on,%N%R"},
    {"virtio-blk", IF_THERE, 0,
     "-device virtio-blk-pci,addr=%A,drive=virtio%I,num-queues=1,vectors=%M,config-wce=off,"
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
    {"usb-hub", IF_THERE, 0, "-device usb-hub,%Bport=%P"},
    {"usb-ptr", IF_THERE, 0, "-device usb-tablet,%Bport=%P,usb_version=1"},
    {"usb-kbd", IF_THERE, 0, "-device usb-kbd,%Bport=%P,usb_version=1"},
    {"usb-ccid", IF_THERE, 0, "-device usb-ccid,%Bport=%P"},
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
    {"slirp", "user networking was on: where it was not on the cards as told, change netdev="},
    {"qxl", "-spice must be as clients are to find it. What QEMU 1.0 did not have stays away: the "
            "guest is told of no client's monitors and abilities until its qxl is of a later "
            "revision"},
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

/* The board's own controller is -usb, others have their place. */
static bool is_of_board(const struct convert_section *uhci)
{
    return g_str_has_suffix(uhci->came, ":01.2/uhci");
}

static void put_usb(struct vmstate_convert *self)
{
    struct convert_section *uhci;

    for (unsigned i = 0; (uhci = convert_find(self, "uhci", i)); i++) {
        GString *address = g_string_new(NULL);

        put_address(address, uhci->came);
        if (is_of_board(uhci))
            convert_report(self, VMSTATE_REPORT_COMMAND, "-usb");
        else
            convert_report(self, VMSTATE_REPORT_COMMAND, "-device piix3-usb-uhci,id=usb%u,addr=%s",
                           i, address->str);
        g_string_free(address, TRUE);
    }
}

/* The controller that --usb names; by default the only one. */
static void put_usb_bus(const struct vmstate_convert *self, GString *text)
{
    size_t n = self->usb ? strcspn(self->usb, "/") : 0;
    const struct convert_section *uhci;

    for (unsigned i = 0; (uhci = convert_find(self, "uhci", i)); i++) {
        if (self->usb && strncmp(uhci->came, self->usb, n))
            continue;
        if (is_of_board(uhci))
            g_string_append(text, "bus=usb-bus.0,");
        else
            g_string_append_printf(text, "bus=usb%u.0,", i);
        return;
    }
}

static unsigned ordinal(const struct vmstate_convert *self, const struct convert_section *section)
{
    unsigned i = 0;

    while (section && convert_find(self, section->device, i) != section)
        i++;
    return i;
}

/* Whether its row has this word. */
static bool wants(const struct convert_section *section, const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (!strcmp(rows[i].section, section->device) && strstr(rows[i].text, word))
            return true;
    return false;
}

/* Networks and cards are saved each in their order: the first card gets the first. */
static void put_network(struct vmstate_convert *self, GString *text,
                        const struct convert_section *section)
{
    unsigned n = 0;

    for (guint i = 0; self->sections->pdata[i] != section; i++)
        n += wants(self->sections->pdata[i], "%N");
    if (convert_find(self, "slirp", n))
        g_string_append_printf(text, "netdev=net%u,", n);
    else
        convert_report(self, VMSTATE_REPORT_NOTES,
                       "%s has no user network: give it the one it had (-netdev tap,id=tap0 and "
                       "netdev=tap0); without any, 7.2 leaves the guest's packets where they are",
                       section->came);
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
            put_network(self, text, section);
            break;
        case 'B':
            put_usb_bus(self, text);
            break;
        case 'I':
            g_string_append_printf(text, "%u", ordinal(self, section));
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
        bool pathless = section->device == section->came;

        if (row->when == (pathless ? IF_PCI : IF_PATHLESS))
            continue;
        put_row(self, row->text, section);
        if (row->when == IF_PATHLESS)
            convert_report(self, VMSTATE_REPORT_NOTES,
                           "%s is an ISA card: its resources are the usual ones, the stream does "
                           "not say which it had",
                           section->came);
        if (row->when == IF_ONCE)
            return;
    }
}

/* ---- Disks ---- */

static uint64_t little(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;

    while (n--)
        value = value << 8 | bytes[n];
    return value;
}

/* The field's bytes, at least n; NULL: there are not as many. */
static const uint8_t *field_bytes(struct vmstate_tree *tree, const char *path, size_t n)
{
    const struct vmstate_node *node = vmstate_tree_find(tree, path, NULL);
    size_t len;

    return node && node->size >= n ? vmstate_tree_bytes(tree, &len) + node->offset : NULL;
}

static void note_disk(struct vmstate_convert *self, const char *file, uint64_t sectors)
{
    convert_report(self, VMSTATE_REPORT_NOTES,
                   "%s stands for a disk of %" G_GUINT64_FORMAT " sectors (%" G_GUINT64_FORMAT
                   " MiB): give the one it had; the guest knows its size",
                   file, sectors, sectors >> 11);
}

/* The answer to IDENTIFY DEVICE: word 0 tells a packet device, words 60 and 100 sectors. */
static void put_ide_drive(struct vmstate_convert *self, unsigned index, const uint8_t *identify)
{
    char *file = g_strdup_printf("ide%u.img", index);
    uint64_t sectors = little(identify + 200, 8);

    if ((identify[1] & 0xc0) == 0x80) {
        convert_report(self, VMSTATE_REPORT_COMMAND, "-drive if=ide,index=%u,media=cdrom", index);
    } else {
        convert_report(self, VMSTATE_REPORT_COMMAND, "-drive if=ide,index=%u,format=raw,file=%s",
                       index, file);
        note_disk(self, file, sectors ? sectors : little(identify + 120, 4));
    }
    g_free(file);
}

static void put_ide(struct vmstate_convert *self)
{
    struct convert_section *section = convert_find(self, "ide", 0);
    struct vmstate_tree *tree = section ? convert_tree(self, section) : NULL;

    for (unsigned i = 0; tree && i < 4; i++) {
        char *path = g_strdup_printf("bus%u.ifs[%u].identify_data", i / 2, i % 2);
        const uint8_t *identify = field_bytes(tree, path, 512);

        if (identify)
            put_ide_drive(self, i, identify);
        g_free(path);
    }
}

static void put_virtio_disks(struct vmstate_convert *self)
{
    struct convert_section *section;

    for (unsigned i = 0; (section = convert_find(self, "virtio-blk", i)); i++) {
        struct vmstate_tree *tree = convert_tree(self, section);
        const uint8_t *capacity = tree ? field_bytes(tree, "virtio.config", 8) : NULL;
        char *file = g_strdup_printf("virtio%u.img", i);

        convert_report(self, VMSTATE_REPORT_COMMAND,
                       "-drive if=none,id=virtio%u,format=raw,file=%s", i, file);
        if (capacity)
            note_disk(self, file, little(capacity, 8));
        g_free(file);
    }
}

/* ---- QXL ---- */

#define PCI_REVISION 8
#define PCI_CLASS    10

/* QEMU 1.0 had no vgamem: its first surface had 16 MiB, which all its modes fit. */
static void put_qxl_card(struct vmstate_convert *self, struct convert_section *section)
{
    struct vmstate_tree *tree = convert_tree(self, section);
    const uint8_t *config = tree ? field_bytes(tree, "pci.config", 256) : NULL;
    bool primary = config && little(config + PCI_CLASS, 2) == 0x0300;
    const struct vmstate_ram_block *ram =
        find_block(self, primary ? "vga.vram" : "qxl.vgavram", primary ? NULL : section->came);
    const struct vmstate_ram_block *vram = find_block(self, "qxl.vram", section->came);
    char *place = g_strdup(primary ? "-vga none -device qxl-vga" : "-device qxl");
    GString *address = g_string_new(NULL);

    put_address(address, section->came);
    if (config && ram && vram)
        convert_report(self, VMSTATE_REPORT_COMMAND,
                       "%s,addr=%s,revision=%u,vgamem_mb=16,ram_size=%" G_GUINT64_FORMAT
                       ",vram_size=%" G_GUINT64_FORMAT,
                       place, address->str, config[PCI_REVISION], ram->size, vram->size);
    g_string_free(address, TRUE);
    g_free(place);
}

static void put_qxl(struct vmstate_convert *self)
{
    struct convert_section *section;

    for (unsigned i = 0; (section = convert_find(self, "qxl", i)); i++)
        put_qxl_card(self, section);
    if (convert_find(self, "qxl", 0))
        convert_report(self, VMSTATE_REPORT_COMMAND,
                       "-spice unix=on,addr=spice.sock,disable-ticketing=on");
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

/* What a guest that has switched something on must find. */
static const struct {
    const char *path;
    uint64_t mask;
    const char *feature;
} features[] = {
    {"cr#4", 1 << 11, "umip"},     {"cr#4", 1 << 16, "fsgsbase"}, {"cr#4", 1 << 17, "pcid"},
    {"cr#4", 1 << 18, "xsave"},    {"cr#4", 1 << 20, "smep"},     {"cr#4", 1 << 21, "smap"},
    {"efer", 1 << 14, "fxsr-opt"}, {"xcr0", 1 << 2, "avx"},
};

/* qemu64 as it was in 1.0; machine types of other versions have another under this name. */
static void put_cpu(struct vmstate_convert *self)
{
    struct convert_section *cpu = convert_find(self, "cpu", 0);
    struct vmstate_tree *tree = cpu ? convert_tree(self, cpu) : NULL;
    bool other = self->i440fx && self->target > 104;
    GString *text = g_string_new("-cpu qemu64");
    gsize plain = text->len;
    struct vmstate_value value;

    if (other)
        g_string_append(text, ",family=6,model=2,stepping=3,+popcnt,+abm,+sse4a,+svm");
    for (size_t i = 0; tree && i < G_N_ELEMENTS(features); i++)
        if (vmstate_tree_get(tree, features[i].path, &value) && value.u & features[i].mask)
            g_string_append_printf(text, ",+%s", features[i].feature);
    if (text->len > plain)
        convert_report(self, VMSTATE_REPORT_COMMAND, "%s", text->str);
    g_string_free(text, TRUE);
}

static void put_processor(struct vmstate_convert *self)
{
    if (count(self, "cpu") > 1)
        convert_report(self, VMSTATE_REPORT_COMMAND, "-smp %u", count(self, "cpu"));
    put_cpu(self);
    convert_report(
        self, VMSTATE_REPORT_NOTES,
        "the stream does not say which processor it was: qemu64, the default, is "
        "assumed; if it was another, say it with -cpu: guests die of features that are gone");
}

/* The screen by -vga where that puts it in its usual place; -global options go with both. */
static const struct {
    const char *section;
    const char *vga;
    const char *device;
} screens[] = {
    {"cirrus_vga", "cirrus", "cirrus-vga"},
    {"vmware_vga", "vmware", "vmware-svga"},
    {"vga", "std", "VGA"},
};

static void put_screen(struct vmstate_convert *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(screens); i++) {
        struct convert_section *section = convert_find(self, screens[i].section, 0);
        GString *address = g_string_new(NULL);

        if (section)
            put_address(address, section->came);
        if (section && (!strcmp(address->str, "0x2") || !strcmp(address->str, "?")))
            convert_report(self, VMSTATE_REPORT_COMMAND, "-vga %s", screens[i].vga);
        else if (section)
            convert_report(self, VMSTATE_REPORT_COMMAND, "-vga none -device %s,addr=%s",
                           screens[i].device, address->str);
        g_string_free(address, TRUE);
        if (section)
            return;
    }
    if (!convert_find(self, "qxl", 0)) /* which says it itself */
        convert_report(self, VMSTATE_REPORT_COMMAND, "-vga none");
}

/* One serial line is there unless told otherwise. */
static void put_lines(struct vmstate_convert *self)
{
    unsigned n = count(self, "serial");
    bool sound = false;

    for (unsigned i = 0; n > 1 && i < n; i++)
        convert_report(self, VMSTATE_REPORT_COMMAND, "-serial null");
    for (guint i = 0; i < self->sections->len; i++)
        sound = sound || wants(self->sections->pdata[i], "audiodev=audio0");
    if (sound && !convert_find(self, "audio", 0)) /* later QEMUs do not save it */
        convert_report(self, VMSTATE_REPORT_COMMAND, "%s", AUDIO);
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
    if (self->i440fx && self->target == 106) /* alone it names PCI devices without their bus */
        convert_report(self, VMSTATE_REPORT_COMMAND, "-global i440FX-pcihost.short_root_bus=0");
    put_lines(self);
    put_screen(self);
    put_usb(self);
    put_ide(self);
    put_virtio_disks(self);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        put_rows(self, &rows[i]);
    put_qxl(self);
    put_ports(self);
    if (!self->i440fx && convert_find(self, "kvm-tpr-opt", 0))
        convert_report(self, VMSTATE_REPORT_COMMAND, "-global apic.vapic=on");
    note_roms(self);
    for (size_t i = 0; i < G_N_ELEMENTS(notes); i++)
        if (convert_find(self, notes[i].section, 0))
            convert_report(self, VMSTATE_REPORT_NOTES, "%s", notes[i].note);
}
