/* SPDX-License-Identifier: MIT */
/*
 * The JSON that describes a migration stream's sections.
 * Input: a byte for the length of a body, the body, the text. Values lie inside the body, one after
 * the other, and a body that fits is visited to its end.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "vmstate/description.h"

struct visit {
    const uint8_t *body;
    size_t len;
    size_t pos;
};

static void check_value(void *opaque, const struct vmstate_value *value)
{
    struct visit *visit = opaque;

    FUZZ_CHECK(value->offset >= visit->pos && value->len > 0);
    FUZZ_CHECK(value->bytes == visit->body + value->offset);
    FUZZ_CHECK(value->len <= visit->len - value->offset);
    visit->pos = value->offset + value->len;
}

static void check_devices(const struct vmstate_description *all, const uint8_t *body, size_t len)
{
    for (size_t i = 0; i < vmstate_description_count(all) && i < 16; i++) {
        const struct vmstate_device *device = vmstate_description_device(all, i);
        struct visit visit = {body, len, 0};
        const char *reason = NULL;
        size_t at;
        bool fine = vmstate_device_walk(device, body, len, check_value, &visit, &at, &reason);

        FUZZ_CHECK(at <= len && fine == !reason);
        FUZZ_CHECK(!fine || device->size == len);
        FUZZ_CHECK(vmstate_description_lookup(all, device->name, device->instance));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct vmstate_description *all;
    const char *reason = NULL;
    size_t n, at, size;

    if (len < 1)
        return 0;
    n = bytes[0] < len - 1 ? bytes[0] : len - 1;
    all = vmstate_description_parse((const char *)bytes + 1 + n, len - 1 - n, &reason);
    if (all)
        check_devices(all, bytes + 1, n);
    else
        FUZZ_CHECK(reason);
    vmstate_description_free(all);
    if (vmstate_description_find(bytes, len, &at, &size))
        FUZZ_CHECK(at + size <= len);
    return 0;
}
