/* SPDX-License-Identifier: MIT */
/*
 * Migration streams.
 * Input: a byte for the size of pieces, a byte for the size of devices' sections, the stream.
 * Read whole and in pieces it tells the same; it never tells more bytes than it got. What is told,
 * written again, gives the same bytes.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "vmstate/stream.h"
#include "vmstate/writer.h"

struct outcome {
    bool whole;
    uint64_t offset;
    uint64_t events; /* but for bytes */
    uint64_t bytes;
    uint64_t sum; /* of what the events said */
    struct vmstate_error error;
};

/* Takes what is written: the same as was read. */
struct copy {
    const uint8_t *bytes;
    size_t len;
    size_t pos;
};

static bool compare(void *opaque, const uint8_t *bytes, size_t len)
{
    struct copy *copy = opaque;

    FUZZ_CHECK(len <= copy->len - copy->pos && !memcmp(copy->bytes + copy->pos, bytes, len));
    copy->pos += len;
    return true;
}

static void write_again(const uint8_t *bytes, size_t len, uint8_t size)
{
    struct vmstate_stream *stream = vmstate_stream_new();
    struct copy copy = {bytes, len, 0};
    struct vmstate_writer *writer = vmstate_writer_new(compare, &copy);
    struct vmstate_input in = {bytes, len};
    struct vmstate_event event;

    do {
        vmstate_stream_next(stream, &in, &event);
        if (event.kind == VMSTATE_NEEDS_SIZE)
            vmstate_stream_set_size(stream, size);
        vmstate_writer_event(writer, &event);
    } while (event.kind != VMSTATE_FAILED && event.kind != VMSTATE_ENDED &&
             event.kind != VMSTATE_NEEDS_BYTES);
    FUZZ_CHECK(vmstate_writer_ok(writer) && vmstate_writer_offset(writer) == copy.pos);
    if (event.kind == VMSTATE_ENDED)
        FUZZ_CHECK(copy.pos == vmstate_stream_offset(stream));
    vmstate_writer_free(writer);
    vmstate_stream_free(stream);
}

static void count(struct outcome *outcome, const struct vmstate_event *event)
{
    FUZZ_CHECK(!event->section || memchr(event->section->name, 0, VMSTATE_NAME_MAX));
    FUZZ_CHECK(!event->block || memchr(event->block->name, 0, VMSTATE_NAME_MAX));
    if (event->bytes) {
        outcome->bytes += event->len;
        return;
    }
    outcome->events++;
    outcome->sum = outcome->sum * 31 + event->kind + event->offset + event->page_offset +
                   event->fill + event->footer + event->command + event->block_index;
    if (event->kind == VMSTATE_RAM_PAGE)
        FUZZ_CHECK(event->page_offset < event->block->size);
}

/* False when nothing more will come. */
static bool feed(struct vmstate_stream *stream, const uint8_t *bytes, size_t len, uint8_t size,
                 struct outcome *outcome)
{
    struct vmstate_input in = {bytes, len};
    struct vmstate_event event;

    for (;;) {
        switch (vmstate_stream_next(stream, &in, &event)) {
        case VMSTATE_NEEDS_BYTES:
            FUZZ_CHECK(in.len == 0);
            return true;
        case VMSTATE_FAILED:
        case VMSTATE_ENDED:
            return false;
        case VMSTATE_NEEDS_SIZE:
            if (size == 255)
                return false;
            vmstate_stream_set_size(stream, size);
            break;
        default:
            count(outcome, &event);
        }
    }
}

static struct outcome read_all(const uint8_t *bytes, size_t len, size_t piece, uint8_t size)
{
    struct vmstate_stream *stream = vmstate_stream_new();
    struct outcome outcome = {0};

    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;

        if (!feed(stream, bytes + at, n, size, &outcome))
            break;
    }
    outcome.whole = vmstate_stream_finish(stream);
    outcome.offset = vmstate_stream_offset(stream);
    FUZZ_CHECK(outcome.whole == !vmstate_stream_error(stream));
    if (!outcome.whole)
        outcome.error = *vmstate_stream_error(stream);
    vmstate_stream_free(stream);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct outcome whole, pieces;

    if (len < 3)
        return 0;
    write_again(bytes + 2, len - 2, bytes[1]);
    whole = read_all(bytes + 2, len - 2, len - 2, bytes[1]);
    pieces = read_all(bytes + 2, len - 2, (size_t)bytes[0] + 1, bytes[1]);
    FUZZ_CHECK(whole.bytes <= len - 2 && whole.offset <= len - 2);
    FUZZ_CHECK(whole.whole == pieces.whole && whole.offset == pieces.offset);
    FUZZ_CHECK(whole.events == pieces.events && whole.bytes == pieces.bytes);
    FUZZ_CHECK(whole.sum == pieces.sum);
    if (!whole.whole) {
        FUZZ_CHECK(whole.error.field && whole.error.reason[0]);
        FUZZ_CHECK(whole.error.offset <= len - 2 && whole.error.offset == pieces.error.offset);
        FUZZ_CHECK(!strcmp(whole.error.reason, pieces.error.reason));
        FUZZ_CHECK(!strcmp(whole.error.section, pieces.error.section));
    }
    return 0;
}
