/* SPDX-License-Identifier: MIT */
/*
 * What QEMU does not describe of a virtio device behind PCI: configuration, MSI-X state, then the
 * device's own space of registers and its queues, then whatever the device adds. Source: the virtio
 * specification for the registers, streams of QEMU 7.2 for the order.
 */
#include <string.h>

#include "check_rules.h"

#define PCI_CONFIG   256
#define PCI_LINES    16 /* bytes: levels of the interrupt lines */
#define QUEUES_MOST  1024
#define PORTS_MOST   512
#define OUTPUTS_MOST 16
#define OUTPUT_SIZE  40

struct virtio {
    const uint8_t *rest; /* behind the queues */
    size_t n_rest;
};

/* Big endian bytes; after the end everything is 0 and `failed`. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static const uint8_t *take(struct cursor *cursor, size_t n)
{
    static const uint8_t nothing[8];
    const uint8_t *bytes = cursor->at;

    if (cursor->failed || n > cursor->left) {
        cursor->failed = true;
        return nothing;
    }
    cursor->at += n;
    cursor->left -= n;
    return bytes;
}

static uint32_t take_32(struct cursor *cursor)
{
    const uint8_t *p = take(cursor, 4);

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Vectors of the MSI-X capability, 0: none. */
static unsigned count_vectors(const uint8_t *config)
{
    size_t at = config[0x06] & 0x10 ? config[0x34] : 0;

    for (int i = 0; i < 48 && at >= 0x40 && at + 4 <= PCI_CONFIG; i++) {
        if (config[at] == 0x11)
            return ((config[at + 2] | (unsigned)config[at + 3] << 8) & 0x7ff) + 1;
        at = config[at + 1];
    }
    return 0;
}

static bool read_virtio(const struct check_section *section, struct virtio *virtio)
{
    const struct vmstate_node *node =
        section->tree ? check_find_type(vmstate_tree_root(section->tree), "virtio") : NULL;
    struct cursor cursor = {0};
    const uint8_t *config;
    unsigned vectors;
    uint32_t queues;

    if (!node || !strchr(section->name, ':'))
        return false;
    cursor = (struct cursor){section->body->data + node->offset, node->size, false};
    take(&cursor, 4);
    if (cursor.left < PCI_CONFIG + PCI_LINES)
        return false;
    config = take(&cursor, PCI_CONFIG);
    take(&cursor, PCI_LINES);
    vectors = count_vectors(config);
    if (vectors)
        take(&cursor, vectors * 16u + (vectors + 7) / 8 + 2);
    take(&cursor, 1 + 1 + 2 + 4);    /* status, ISR, selected queue, features */
    take(&cursor, take_32(&cursor)); /* registers */
    queues = take_32(&cursor);
    if (queues > QUEUES_MOST)
        return false;
    for (uint32_t i = 0; i < queues; i++)
        take(&cursor, 4 + 8 + 2 + (vectors ? 2 : 0));
    virtio->rest = cursor.at;
    virtio->n_rest = cursor.left;
    return !cursor.failed;
}

/* How many outputs the GPU's own field holds: they stand at its end, behind their number and the
 * zero that ends the list of resources. 0: cannot be told. */
static uint32_t count_outputs(const struct check_section *section)
{
    const struct vmstate_node *node =
        section->tree ? check_find_type(vmstate_tree_root(section->tree), "virtio-gpu") : NULL;

    for (uint32_t n = 1; node && n <= OUTPUTS_MOST; n++) {
        struct cursor cursor = {section->body->data + node->offset, node->size, false};

        if (8 + n * OUTPUT_SIZE > node->size)
            break;
        take(&cursor, node->size - 8 - n * OUTPUT_SIZE);
        if (take_32(&cursor) == 0 && take_32(&cursor) == n)
            return n;
    }
    return 0;
}

static void compare_gpu(const struct check_case *it, const struct check_section *ours,
                        const struct check_section *theirs)
{
    uint32_t n = count_outputs(ours), m = count_outputs(theirs);

    if (n && m && n != m)
        check_report_add(it->report, CHECK_OBSTACLE, "value", ours->name, ours->instance,
                         g_strdup_printf("max_outputs=%u for the device", n),
                         "it has %u outputs, in the target it has %u", n, m);
}

/* Which ports there are: a bit each, behind two words of size and their number. */
static uint32_t port_words(const struct virtio *virtio, uint32_t *words)
{
    struct cursor cursor = {virtio->rest, virtio->n_rest, false};
    uint32_t n;

    take(&cursor, 4);
    n = (take_32(&cursor) + 31) / 32;
    if (n > PORTS_MOST / 32)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        words[i] = take_32(&cursor);
    return cursor.failed ? 0 : n;
}

static void compare_serial(const struct check_case *it, const struct check_section *ours,
                           const struct check_section *theirs)
{
    uint32_t a[PORTS_MOST / 32], b[PORTS_MOST / 32];
    struct virtio x, y;
    uint32_t n = read_virtio(ours, &x) ? port_words(&x, a) : 0;
    uint32_t m = read_virtio(theirs, &y) ? port_words(&y, b) : 0;

    for (uint32_t i = 0; i < MIN(n, m); i++) {
        if (a[i] == b[i])
            continue;
        check_report_add(it->report, CHECK_OBSTACLE, "ports", ours->name, ours->instance,
                         g_strdup("the same -device virtserialport and virtconsole, with nr="),
                         "ports 0x%x (a bit each, from port %u on) are there, in the target 0x%x",
                         a[i], 32 * i, b[i]);
        return;
    }
}

static const struct {
    const char *leaf;
    void (*compare)(const struct check_case *it, const struct check_section *ours,
                    const struct check_section *theirs);
} kinds[] = {
    {"virtio-gpu", compare_gpu},
    {"virtio-vga", compare_gpu},
    {"virtio-console", compare_serial},
};

void check_rule_virtio(const struct check_case *it, const struct check_section *ours,
                       const struct check_section *theirs)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (!strcmp(check_leaf(ours->name), kinds[i].leaf))
            kinds[i].compare(it, ours, theirs);
}
