/* SPDX-License-Identifier: MIT */
/*
 * A device's PCI configuration. QEMU compares the bytes that the guest cannot write: ids, class,
 * header type, the kinds and sizes of regions, and capabilities. Source: the PCI specification for
 * what is where; what QEMU compares was found by changing single bytes of streams.
 */
#include <string.h>

#include "check_rules.h"

#define REVISION      0x08
#define CONFIG_SIZE   256
#define EXTENDED_SIZE 4096
#define CAPS_MOST     48

struct config {
    const uint8_t *ours;
    const uint8_t *theirs;
    size_t size;
    uint8_t mask[EXTENDED_SIZE]; /* bits that have to be the same */
};

struct capability_row {
    uint8_t id;
    const char *name;
    uint8_t mask[40]; /* from its first byte; the first two are always compared */
};

#define ALL4  0xff, 0xff, 0xff, 0xff
#define NONE4 0, 0, 0, 0

static const struct capability_row capabilities[] = {
    {0x01, "power management", {0, 0, 0xff, 0xff}},
    {0x04, "slot", {0, 0, 0xff}},
    {0x05, "MSI", {0, 0, 0x8e, 0xff}},
    {0x0d, "subsystem", {NONE4, ALL4}},
    /* flags, device, link (not its state), slot, root, device 2 */
    {0x10,
     "PCI Express",
     {0, 0, 0xff, 0xff, ALL4, NONE4, ALL4, NONE4, ALL4, NONE4, 0, 0, 0xff, 0xff, NONE4, ALL4}},
    {0x11, "MSI-X", {0, 0, 0xff, 0x07, ALL4, ALL4}},
    {0x12, "SATA", {0, 0, 0xff, 0xff, ALL4}},
};

static const struct {
    uint16_t at;
    uint8_t mask;
    const char *name;
} header_rows[] = {
    {0x00, 0xff, "vendor"},      {0x01, 0xff, "vendor"},       {0x02, 0xff, "device id"},
    {0x03, 0xff, "device id"},   {0x06, 0x10, "status"},       {0x08, 0xff, "revision"},
    {0x09, 0xff, "class"},       {0x0a, 0xff, "class"},        {0x0b, 0xff, "class"},
    {0x0e, 0xff, "header type"}, {0x34, 0xff, "capabilities"},
};

#define VIRTIO_CONFIG_ACCESS 5 /* a vendor capability of virtio that the guest writes to */

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void mask_header(struct config *config)
{
    for (size_t i = 0; i < G_N_ELEMENTS(header_rows); i++)
        config->mask[header_rows[i].at] = header_rows[i].mask;
}

/* Of a region only the address bits above its size can be written. */
static void mask_bars(struct config *config, const struct check_bars *bars)
{
    bool bridge = (config->theirs[0x0e] & 0x7f) == 1;
    unsigned n = bridge ? 2 : 6;

    for (unsigned i = 0; bars && i < n; i++) {
        uint32_t fixed = (uint32_t)MIN(bars->size[i], (uint64_t)UINT32_MAX + 1) - 1;

        if (!bars->size[i])
            continue;
        for (unsigned k = 0; k < 4; k++)
            config->mask[0x10 + 4 * i + k] = (uint8_t)(fixed >> (8 * k));
    }
}

static void mask_vendor(struct config *config, size_t at)
{
    size_t size = config->theirs[at + 2];

    if (config->theirs[at + 3] == VIRTIO_CONFIG_ACCESS)
        size = 4;
    for (size_t i = 0; i < size && at + i < CONFIG_SIZE; i++)
        config->mask[at + i] = 0xff;
}

static const struct capability_row *find_capability(uint8_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(capabilities); i++)
        if (capabilities[i].id == id)
            return &capabilities[i];
    return NULL;
}

static void mask_capabilities(struct config *config)
{
    size_t at = config->theirs[0x06] & 0x10 ? config->theirs[0x34] : 0;

    for (int i = 0; i < CAPS_MOST && at >= 0x40 && at + 4 <= CONFIG_SIZE; i++) {
        const struct capability_row *row = find_capability(config->theirs[at]);

        config->mask[at] = config->mask[at + 1] = 0xff;
        for (size_t k = 2; row && k < sizeof(row->mask) && at + k < CONFIG_SIZE; k++)
            config->mask[at + k] |= row->mask[k];
        if (config->theirs[at] == 0x09)
            mask_vendor(config, at);
        at = config->theirs[at + 1];
    }
}

static void mask_extended(struct config *config)
{
    size_t at = 0x100;

    for (int i = 0; i < CAPS_MOST && at >= 0x100 && at + 4 <= config->size; i++) {
        uint32_t head = le32(config->theirs + at);

        memset(config->mask + at, 0xff, 4);
        if (head == 0)
            break;
        at = head >> 20;
    }
}

/* The capability that a byte belongs to, or the field of the header. */
static char *name_byte(const struct config *config, size_t at)
{
    size_t cap = config->theirs[0x34], best = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(header_rows); i++)
        if (header_rows[i].at == at)
            return g_strdup(header_rows[i].name);
    if (at >= 0x10 && at < 0x28)
        return g_strdup_printf("region %zu", (at - 0x10) / 4);
    if (at >= 0x100)
        return g_strdup("an extended capability");
    for (int i = 0; i < CAPS_MOST && cap >= 0x40 && cap + 2 <= CONFIG_SIZE; i++) {
        if (cap <= at && cap > best)
            best = cap;
        cap = config->theirs[cap + 1];
    }
    if (best && config->theirs[best] == 0x09)
        return g_strdup("vendor's capability");
    if (best && find_capability(config->theirs[best]))
        return g_strdup_printf("capability %s", find_capability(config->theirs[best])->name);
    return g_strdup("capability");
}

/* Where a capability begins, 0: the device has none. */
static size_t capability_at(const uint8_t *config, uint8_t id)
{
    size_t at = config[0x06] & 0x10 ? config[0x34] : 0;

    for (int i = 0; i < CAPS_MOST && at >= 0x40 && at + 4 <= CONFIG_SIZE; i++) {
        if (config[at] == id)
            return at;
        at = config[at + 1];
    }
    return 0;
}

static bool is_modern_only(const uint8_t *config)
{
    return (config[2] | config[3] << 8) >= 0x1040;
}

/* Of MSI-X; 0: the device has none. */
static unsigned count_vectors(const uint8_t *config)
{
    size_t at = capability_at(config, 0x11);

    return at ? ((config[at + 2] | config[at + 3] << 8) & 0x7ffu) + 1 : 0;
}

/* The properties that a virtio device had, as its configuration tells. */
static char *virtio_remedy(const struct config *config)
{
    bool modern = capability_at(config->ours, 0x09) != 0;
    bool lone = is_modern_only(config->ours);
    unsigned vectors = count_vectors(config->ours);
    GString *text = g_string_new(NULL);

    if (modern != (capability_at(config->theirs, 0x09) != 0))
        g_string_append_printf(text, "disable-modern=%s,", modern ? "off" : "on");
    if (lone != is_modern_only(config->theirs))
        g_string_append_printf(text, "disable-legacy=%s,", lone ? "on" : "off");
    if (vectors != count_vectors(config->theirs))
        g_string_append_printf(text, "vectors=%u,", vectors);
    if (text->len) {
        g_string_truncate(text, text->len - 1);
        g_string_append(text, " among the properties of the -device");
    } else {
        g_string_append(text, "num-queues= (or queues), and other properties, as where it was "
                              "saved");
    }
    return g_string_free(text, FALSE);
}

static char *remedy_for(const struct config *config, const char *section, size_t at)
{
    bool virtio = config->ours[0] == 0xf4 && config->ours[1] == 0x1a && strstr(section, "/virtio-");

    if (at < 2 ||
        (at < 4 && !(virtio && is_modern_only(config->ours) != is_modern_only(config->theirs))))
        return g_strdup("the same kind of device at this place: give addr= to each -device");
    if (virtio && at >= 0x10 && at < 0x28 && !strcmp(check_leaf(section), "virtio-balloon"))
        return g_strdup("-global virtio-balloon-device.page-poison=off");
    if (virtio)
        return virtio_remedy(config);
    if (at == REVISION && !strcmp(check_leaf(section), "qxl"))
        return g_strdup_printf("-global qxl-vga.revision=%u (of a second one: qxl.revision)",
                               config->ours[at]);
    if (at == REVISION && !strcmp(check_leaf(section), "vga"))
        return g_strdup_printf("-global VGA.qemu-extended-regs=%s",
                               config->ours[at] ? "on" : "off");
    return g_strdup("the machine type, or the device's properties, of where it was saved");
}

static void compare(const struct check_case *it, const struct check_section *ours,
                    const struct config *config)
{
    for (size_t i = 0; i < config->size; i++) {
        uint8_t differ = (config->ours[i] ^ config->theirs[i]) & config->mask[i];
        char *name;

        if (!differ)
            continue;
        name = name_byte(config, i);
        check_report_add(it->report, CHECK_OBSTACLE, "pci-config", ours->name, ours->instance,
                         remedy_for(config, ours->name, i),
                         "PCI configuration byte 0x%zx (%s) is 0x%02x, the target's is 0x%02x", i,
                         name, config->ours[i], config->theirs[i]);
        g_free(name);
        return;
    }
}

const struct vmstate_node *check_find_type(const struct vmstate_node *node, const char *type)
{
    for (node = node->first; node; node = node->next) {
        const struct vmstate_node *inner;

        if (node->kind == VMSTATE_NODE_VALUES && !strcmp(node->type, type))
            return node;
        inner = check_find_type(node, type);
        if (inner)
            return inner;
    }
    return NULL;
}

/* Where the configuration lies in a section; false when it has none. */
static bool find_config(const struct check_section *section, size_t *offset, size_t *size)
{
    const struct vmstate_node *root = section->tree ? vmstate_tree_root(section->tree) : NULL;
    const struct vmstate_node *node = root ? check_find_type(root, "pci config") : NULL;

    if (node) {
        *offset = node->offset;
        *size = node->size;
        return true;
    }
    node = root ? check_find_type(root, "virtio") : NULL;
    if (!node || !strstr(section->name, ":") || node->size < 4 + CONFIG_SIZE)
        return false;
    *offset = node->offset + 4; /* behind a version */
    *size = CONFIG_SIZE;
    return true;
}

void check_rule_pci(const struct check_case *it, const struct check_section *ours,
                    const struct check_section *theirs)
{
    struct config *config;
    size_t offset, size, our_offset, our_size;
    char *path;

    if (!find_config(theirs, &offset, &size) || size > EXTENDED_SIZE)
        return;
    if (!ours->tree || !find_config(ours, &our_offset, &our_size)) {
        our_offset = offset;
        our_size = size;
    }
    if (our_size != size || our_offset + our_size > ours->body->len ||
        offset + size > theirs->body->len)
        return;
    config = g_new0(struct config, 1);
    config->ours = ours->body->data + our_offset;
    config->theirs = theirs->body->data + offset;
    config->size = size;
    path = g_strndup(theirs->name, (size_t)(check_leaf(theirs->name) - theirs->name));
    if (*path)
        path[strlen(path) - 1] = 0;
    mask_header(config);
    mask_bars(config, g_hash_table_lookup(it->target->bars, path));
    mask_capabilities(config);
    if (size > CONFIG_SIZE)
        mask_extended(config);
    compare(it, ours, config);
    g_free(path);
    g_free(config);
}
