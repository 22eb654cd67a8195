/* SPDX-License-Identifier: MIT */
/*
 * Streams that are converted.
 * Input: a byte for the target, a byte for the size of pieces, the stream. Whole and in pieces it
 * gives the same; what is copied is the input's; what is converted can be converted again.
 */
#include <glib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "vmstate/convert.h"

struct outcome {
    const uint8_t *in; /* the whole of it */
    size_t in_len;
    GByteArray *out;
    bool done;
    char *error;
    char *machine;
};

static bool put(void *opaque, const uint8_t *bytes, size_t len)
{
    struct outcome *outcome = opaque;

    g_byte_array_append(outcome->out, bytes, (guint)len);
    return true;
}

static bool copy(void *opaque, uint64_t offset, const uint8_t *bytes, size_t len)
{
    struct outcome *outcome = opaque;

    FUZZ_CHECK(offset <= outcome->in_len && len <= outcome->in_len - offset);
    FUZZ_CHECK(!memcmp(outcome->in + offset, bytes, len));
    return put(opaque, bytes, len);
}

static void check_reports(const struct vmstate_convert *convert, bool done)
{
    FUZZ_CHECK(done == !*vmstate_convert_error(convert));
    FUZZ_CHECK(!done || !vmstate_convert_report(convert, VMSTATE_REPORT_REFUSALS, 0));
    for (int which = 0; which < VMSTATE_REPORTS; which++)
        for (size_t i = 0; vmstate_convert_report(convert, which, i); i++)
            FUZZ_CHECK(*vmstate_convert_report(convert, which, i));
}

static struct outcome run(const uint8_t *bytes, size_t len, size_t piece,
                          const struct vmstate_convert_options *options)
{
    struct outcome outcome = {bytes, len, g_byte_array_new(), true, NULL, NULL};
    struct vmstate_convert_sink sink = {put, copy, &outcome};
    const char *reason;
    struct vmstate_convert *convert = vmstate_convert_new(options, &sink, &reason);

    FUZZ_CHECK(convert);
    for (size_t at = 0; at < len && outcome.done; at += piece)
        outcome.done = vmstate_convert_feed(convert, bytes + at, MIN(piece, len - at));
    outcome.done = outcome.done && vmstate_convert_finish(convert);
    check_reports(convert, outcome.done);
    outcome.error = g_strdup(vmstate_convert_error(convert));
    outcome.machine = g_strdup(vmstate_convert_machine(convert));
    vmstate_convert_free(convert);
    return outcome;
}

static void clear(struct outcome *outcome)
{
    g_byte_array_unref(outcome->out);
    g_free(outcome->error);
    g_free(outcome->machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const machines[] = {
        NULL, "pc-i440fx-1.4", "pc-i440fx-2.1", "pc-i440fx-2.12", "pc-i440fx-7.2", "pc-1.0"};
    static const char *const sets[] = {"i8259:0/imr=1", NULL};
    struct vmstate_convert_options options = {0};
    struct outcome whole, pieces, again;

    if (len < 3)
        return 0;
    options.machine = machines[bytes[0] % 6];
    options.kvm = bytes[0] & 0x40;
    options.sets = bytes[0] & 0x80 ? sets : NULL;
    whole = run(bytes + 2, len - 2, len - 2, &options);
    pieces = run(bytes + 2, len - 2, (size_t)bytes[1] + 1, &options);
    FUZZ_CHECK(whole.done == pieces.done && !strcmp(whole.error, pieces.error));
    if (whole.done) {
        FUZZ_CHECK(whole.out->len == pieces.out->len &&
                   !memcmp(whole.out->data, pieces.out->data, whole.out->len));
        options.machine = whole.machine;
        options.sets = NULL;
        again = run(whole.out->data, whole.out->len, whole.out->len, &options);
        if (strcmp(whole.machine, "pc-1.0"))
            FUZZ_CHECK(again.done || strstr(again.error, "description"));
        clear(&again);
    }
    clear(&whole);
    clear(&pieces);
    return 0;
}
