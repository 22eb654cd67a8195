/* SPDX-License-Identifier: MIT */
/*
 * What `caravan vmstate` reads beside streams.
 * Input: one byte: a blob for dump (0), the body of a dbus-vmstate section (1), the configuration
 * section's subsections (2); then the bytes. What is found lies in the input, what loads can be
 * walked and saved.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "tools/caravan/dump_bus.h"
#include "tools/caravan/dump_kinds.h"
#include "tools/caravan/inspect_config.h"

static void check_value(void *opaque, const char *path, const struct fields_value *value)
{
    FUZZ_CHECK(*path);
    FUZZ_CHECK(value->kind != FIELDS_BYTES || value->bytes || !value->len);
    ++*(size_t *)opaque;
}

static void check_blob(const uint8_t *bytes, size_t len)
{
    const struct dump_kind *kind = dump_kind_of(bytes, len);
    struct fields_error error = {0};
    size_t values = 0;
    void *state;

    if (!kind)
        return;
    state = g_malloc0(kind->size);
    if (kind->load(bytes, len, state, &error)) {
        fields_walk(kind->body, kind->version, state, check_value, &values);
        if (kind->more)
            fields_walk(kind->more, kind->version, state, check_value, &values);
        FUZZ_CHECK(values > 0);
        kind->saved_size(state);
        kind->free(state);
    } else {
        FUZZ_CHECK(error.reason && error.offset <= len);
    }
    g_free(state);
}

static void check_bus(const uint8_t *bytes, size_t len)
{
    struct dump_bus_blob blob;

    for (uint32_t i = 0; i < 64 && dump_bus_blob(bytes, len, i, &blob); i++) {
        FUZZ_CHECK(blob.bytes >= bytes && blob.len <= len - (size_t)(blob.bytes - bytes));
        FUZZ_CHECK(memchr(blob.id, 0, sizeof(blob.id)));
        check_blob(blob.bytes, blob.len);
    }
}

static void check_config(const uint8_t *bytes, size_t len)
{
    struct inspect_config config = {0};

    for (size_t at = 0; at < len; at += 7)
        inspect_config_take(&config, bytes + at, MIN(7, len - at));
    inspect_config_read(&config);
    FUZZ_CHECK(!config.uuid || strlen(config.uuid) == 36);
    FUZZ_CHECK(!config.capabilities || config.capabilities->len <= len);
    inspect_config_clear(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void (*const checks[])(const uint8_t *, size_t) = {check_blob, check_bus, check_config};

    if (len > 0)
        checks[bytes[0] % G_N_ELEMENTS(checks)](bytes + 1, len - 1);
    return 0;
}
