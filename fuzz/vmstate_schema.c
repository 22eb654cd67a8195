/* SPDX-License-Identifier: MIT */
/*
 * The layouts of sections that streams do not describe.
 * Input: a byte for the layout, a byte for its version and for who wrote it, the section and what
 * follows it. A size that is found lies in the input; the section's fields lie in it, one after the
 * other; cut anywhere it is never measured as longer.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "vmstate/schema.h"

struct visit {
    size_t len;
    size_t pos;
};

static void check_value(void *opaque, const struct vmstate_value *value)
{
    struct visit *visit = opaque;

    FUZZ_CHECK(value->offset >= visit->pos && value->len > 0);
    FUZZ_CHECK(value->len <= visit->len - value->offset);
    visit->pos = value->offset + value->len;
}

static void check_tree(const struct vmstate_schemas *schemas, const struct vmstate_section *section,
                       const uint8_t *bytes, size_t size)
{
    struct vmstate_error error;
    struct vmstate_tree *tree = vmstate_schemas_tree(schemas, section, bytes, size, &error);
    struct visit visit = {size, 0};
    size_t len;

    FUZZ_CHECK(tree);
    vmstate_tree_walk(tree, check_value, &visit);
    FUZZ_CHECK(!memcmp(vmstate_tree_bytes(tree, &len), bytes, size) && len == size);
    vmstate_tree_free(tree);
}

/* What it is measured as; 0: not. */
static uint64_t measure(struct vmstate_schemas *schemas, const struct vmstate_section *section,
                        const char *flavour, const uint8_t *bytes, size_t len)
{
    struct vmstate_error error = {.reason = ""};
    uint64_t size = 0;
    enum vmstate_measure measure;

    FUZZ_CHECK(vmstate_schemas_set_flavour(schemas, flavour));
    measure = vmstate_schemas_measure(schemas, section, bytes, len, &size, &error);
    if (measure == VMSTATE_MEASURE_FAILED)
        FUZZ_CHECK(error.reason[0] && error.offset <= len);
    if (measure != VMSTATE_MEASURED)
        return 0;
    FUZZ_CHECK(size <= len);
    if (vmstate_schemas_flavour(schemas))
        check_tree(schemas, section, bytes, (size_t)size);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const flavours[] = {NULL, "qemu-kvm-1.0", "qemu-1.0"};
    struct vmstate_section section = {.kind = VMSTATE_SECTION_FULL, .id = 3};
    static struct vmstate_schemas *schemas; /* only read, but for the flavour, which is set anew */
    uint64_t size;
    const char *flavour, *name;

    if (len < 3)
        return 0;
    schemas = schemas ? schemas : vmstate_schemas_new();
    name =
        vmstate_schemas_name(schemas, bytes[0] % vmstate_schemas_count(schemas), &section.version);
    strcpy(section.name, name);
    section.version -= bytes[1] % 4 < section.version ? bytes[1] % 4 : 0;
    flavour = flavours[bytes[1] / 4 % 3];
    size = measure(schemas, &section, flavour, bytes + 2, len - 2);
    if (size)
        FUZZ_CHECK(measure(schemas, &section, flavour, bytes + 2, (size_t)size - 1) < size);
    return 0;
}
