/* SPDX-License-Identifier: MIT */
/* The reader of migration streams: what it tells of a whole one, in whatever pieces it comes; that
 * it says where a cut or wrong one is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "vmstate/stream.h"
#include "vmstate/writer.h"

#define DEVICE_SIZE 5
#define RAM_TOTAL   0x3000

static void put(GByteArray *to, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        uint8_t byte = (uint8_t)(value >> (8 * i));

        g_byte_array_append(to, &byte, 1);
    }
}

static void put_text(GByteArray *to, const char *text)
{
    g_byte_array_append(to, (const uint8_t *)text, (guint)strlen(text));
}

static void put_name(GByteArray *to, const char *name)
{
    put(to, strlen(name), 1);
    put_text(to, name);
}

static void put_many(GByteArray *to, uint8_t byte, unsigned n)
{
    while (n--)
        g_byte_array_append(to, &byte, 1);
}

static void put_section(GByteArray *to, unsigned kind, uint32_t id, const char *name,
                        uint32_t version)
{
    put(to, kind, 1);
    put(to, id, 4);
    put_name(to, name);
    put(to, 0, 4);
    put(to, version, 4);
}

static void put_footer(GByteArray *to, uint32_t id)
{
    put(to, 0x7e, 1);
    put(to, id, 4);
}

static GByteArray *begin(void)
{
    GByteArray *to = g_byte_array_new();

    put_text(to, "QEVM");
    put(to, 3, 4);
    return to;
}

static void put_ram_list(GByteArray *to)
{
    put(to, RAM_TOTAL | 0x04, 8);
    put_name(to, "pc.ram");
    put(to, 0x2000, 8);
    put_name(to, "vga.vram");
    put(to, 0x1000, 8);
}

static GByteArray *begin_ram(void)
{
    GByteArray *to = begin();

    put_section(to, 1, 2, "ram", 4);
    put_ram_list(to);
    return to;
}

/* All kinds of records once. */
static GByteArray *whole_stream(bool footers)
{
    GByteArray *to = begin();

    put(to, 7, 1);
    put(to, 4, 4);
    put_text(to, "pc-9");
    put(to, 5, 1);
    put_name(to, "configuration/capabilities");
    put(to, 1, 4);
    put(to, 1, 4);
    put_name(to, "xbzrle");
    put(to, 8, 1);
    put(to, 2 << 16 | 4, 4);
    put(to, 0, 4);
    put_section(to, 1, 1, "block", 1);
    put(to, 2, 8);
    if (footers)
        put_footer(to, 1);
    put_section(to, 1, 2, "ram", 4);
    put_ram_list(to);
    put(to, 0x1000 | 0x02, 8);
    put_name(to, "pc.ram");
    put(to, 7, 1);
    put(to, 0x08 | 0x20, 8);
    put_many(to, 0x7e, 4096);
    put(to, 0x10, 8);
    if (footers)
        put_footer(to, 2);
    put(to, 3, 1);
    put(to, 2, 4);
    put(to, 0x1000 | 0x40 | 0x20, 8);
    put(to, 1, 1);
    put(to, 3, 2);
    put_many(to, 9, 3);
    put(to, 0x100, 8);
    put_name(to, "vga.vram");
    put(to, 2, 4);
    put_many(to, 8, 2);
    put(to, 0x10, 8);
    if (footers)
        put_footer(to, 2);
    put(to, 3, 1);
    put(to, 1, 4);
    put(to, 50 << 9 | 4, 8);
    put(to, 9, 8);
    put_name(to, "hd");
    put(to, 2, 8);
    if (footers)
        put_footer(to, 1);
    put_section(to, 4, 9, "dev", 6);
    put_many(to, 1, DEVICE_SIZE);
    if (footers)
        put_footer(to, 9);
    put(to, 0, 1);
    put(to, 6, 1);
    put(to, 2, 4);
    put_text(to, "{}");
    return to;
}

static const char *const names[] = {
    [VMSTATE_FILE_HEADER] = "header",   [VMSTATE_CONFIGURATION] = "machine",
    [VMSTATE_SECTION_OPENED] = "open",  [VMSTATE_SECTION_CLOSED] = "close",
    [VMSTATE_SECTION_BYTES] = "device", [VMSTATE_RAM_BLOCK] = "block",
    [VMSTATE_RAM_PAGE] = "page",        [VMSTATE_RAM_BYTES] = "ram",
    [VMSTATE_DISK_BLOCK] = "disk",      [VMSTATE_DISK_BYTES] = "disk-bytes",
    [VMSTATE_COMMAND] = "command",      [VMSTATE_END_OF_STATE] = "eof",
    [VMSTATE_RAM_LIST] = "list",        [VMSTATE_DISK_PROGRESS] = "progress",
    [VMSTATE_DESCRIPTION] = "json",     [VMSTATE_DESCRIPTION_BYTES] = "json-bytes",
};

/* Bytes are counted until something else comes: in how many pieces they come is open. */
static void log_event(GString *log, size_t *run, const struct vmstate_event *e)
{
    if (e->bytes) {
        *run += e->len;
        return;
    }
    if (*run)
        g_string_append_printf(log, "bytes %zu\n", *run);
    *run = 0;
    if (e->kind > VMSTATE_ENDED)
        g_string_append_printf(log, "%s", names[e->kind]);
    if (e->kind == VMSTATE_ENDED)
        g_string_append(log, "end");
    if (e->kind == VMSTATE_SECTION_OPENED || e->kind == VMSTATE_SECTION_CLOSED)
        g_string_append_printf(log, " %s %u", e->section->name, e->section->kind);
    if (e->kind == VMSTATE_SECTION_CLOSED)
        g_string_append_printf(log, " %u%s", (unsigned)e->section->body_size, e->footer ? "f" : "");
    if (e->kind == VMSTATE_RAM_BLOCK)
        g_string_append_printf(log, " %s %x", e->block->name, (unsigned)e->block->size);
    if (e->kind == VMSTATE_RAM_PAGE)
        g_string_append_printf(log, " %s %u %x %u", e->block->name, e->page,
                               (unsigned)e->page_offset, e->fill);
    if (e->text)
        g_string_append_printf(log, " %s", e->text);
    g_string_append_c(log, '\n');
}

struct result {
    bool whole;
    uint64_t offset;
    struct vmstate_error error;
};

/* Reads n bytes in pieces of `piece`; sections of unknown size have DEVICE_SIZE. */
static struct result read_all(const uint8_t *bytes, size_t n, size_t piece, GString *log)
{
    struct vmstate_stream *stream = vmstate_stream_new();
    struct result result = {0};
    size_t run = 0;

    for (size_t at = 0; at < n; at += piece) {
        /* a copy of its own, so that a sanitizer sees reads past the piece */
        uint8_t *copy = g_memdup2(bytes + at, MIN(piece, n - at));
        struct vmstate_input in = {copy, MIN(piece, n - at)};
        struct vmstate_event e;

        do {
            vmstate_stream_next(stream, &in, &e);
            if (e.kind == VMSTATE_NEEDS_SIZE)
                vmstate_stream_set_size(stream, DEVICE_SIZE);
            else if (log && e.kind != VMSTATE_NEEDS_BYTES)
                log_event(log, &run, &e);
        } while (e.kind != VMSTATE_NEEDS_BYTES && e.kind != VMSTATE_FAILED &&
                 e.kind != VMSTATE_ENDED);
        g_free(copy);
        if (e.kind == VMSTATE_FAILED || e.kind == VMSTATE_ENDED)
            break;
    }
    result.whole = vmstate_stream_finish(stream);
    result.offset = vmstate_stream_offset(stream);
    if (!result.whole)
        result.error = *vmstate_stream_error(stream);
    vmstate_stream_free(stream);
    return result;
}

static const char told[] =
    "header\nmachine pc-9\nbytes 43\ncommand\nbytes 4\nopen block 1\nclose block 1 8f\n"
    "open ram 1\nlist\nblock pc.ram 2000\nblock vga.vram 1000\npage pc.ram 0 1000 7\n"
    "page pc.ram 1 0 0\nbytes 4096\nclose ram 1 4168f\nopen ram 3\npage pc.ram 2 1000 0\n"
    "bytes 3\npage vga.vram 3 0 0\nbytes 2\nclose ram 3 45f\nopen block 3\nprogress\n"
    "disk hd\nclose block 3 27f\nopen dev 4\nbytes 5\nclose dev 4 5f\neof\njson\n"
    "bytes 2\nend\n";

static void tells_what_is_in_it(void **state)
{
    GByteArray *stream = whole_stream(true);
    GString *log = g_string_new(NULL);
    struct result result;

    put_many(stream, 0, 1); /* what follows is not part of it */
    result = read_all(stream->data, stream->len, stream->len, log);
    assert_true(result.whole);
    assert_int_equal(result.offset, stream->len - 1);
    assert_string_equal(log->str, told);
    g_string_free(log, TRUE);
    g_byte_array_unref(stream);
}

static void tells_the_same_in_pieces(void **state)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, 4095};
    GByteArray *stream = whole_stream(true);

    put_many(stream, 0, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        GString *log = g_string_new(NULL);

        assert_true(read_all(stream->data, stream->len, pieces[i], log).whole);
        assert_string_equal(log->str, told);
        g_string_free(log, TRUE);
    }
    g_byte_array_unref(stream);
}

static void reads_streams_without_footers(void **state)
{
    GByteArray *stream = whole_stream(false);

    assert_true(read_all(stream->data, stream->len, 5, NULL).whole);
    g_byte_array_unref(stream);
}

static void a_cut_stream_is_not_whole(void **state)
{
    GByteArray *stream = whole_stream(true);
    size_t eof = stream->len - 1 - 4 - 2; /* the one place where a stream may end early */

    for (size_t n = 0; n < stream->len; n++) {
        struct result result = read_all(stream->data, n, 1000, NULL);

        assert_int_equal(result.whole, n == eof);
        if (result.whole)
            continue;
        assert_int_equal(result.error.offset, n);
        assert_non_null(result.error.field);
        assert_non_null(strstr(result.error.reason, "input ends"));
    }
    g_byte_array_unref(stream);
}

/* Takes the stream; what comes is broken, in this field, for this reason. */
static void expect(GByteArray *stream, const char *section, const char *field, const char *reason)
{
    struct result result = read_all(stream->data, stream->len, stream->len, NULL);

    assert_false(result.whole);
    assert_string_equal(result.error.section, section);
    assert_string_equal(result.error.field, field);
    if (!strstr(result.error.reason, reason))
        assert_string_equal(result.error.reason, reason);
    assert_true(result.error.offset <= stream->len);
    g_byte_array_unref(stream);
}

static GByteArray *with(GByteArray *stream, uint64_t value, int bytes)
{
    put(stream, value, bytes);
    return stream;
}

static GByteArray *with_name(GByteArray *stream, const char *name)
{
    put_name(stream, name);
    return stream;
}

static void wrong_framing_is_named(void **state)
{
    GByteArray *other = g_byte_array_new(), *version = g_byte_array_new(), *s;

    put_text(other, "RDQM1234");
    expect(other, "", "file header", "QEVM");
    put_text(version, "QEVM");
    expect(with(version, 2, 4), "", "file header", "version 2");
    expect(with(begin(), 38, 1), "", "section type", "38 is no type");
    expect(with(with(begin(), 2, 1), 5, 4), "", "section id", "not begun");
    expect(with(with(with(begin(), 4, 1), 5, 4), 0, 1), "", "section name", "empty");
    s = with(with(begin(), 4, 1), 5, 4);
    expect(with(with(with(s, 2, 1), 'a' << 8, 2), 0, 8), "", "section name", "NUL");
    expect(with(with(begin(), 7, 1), 0xffffffff, 4), "", "machine type", "4294967295 bytes");
    s = begin();
    put_section(s, 1, 1, "block", 1);
    expect(with(with(s, 2, 8), 7, 1), "", "section type", "does not follow");
    expect(with(with(begin(), 8, 1), 6 << 16 | 4, 4), "", "command", "postcopy");
    s = begin();
    put_section(s, 1, 2, "ram", 4);
    put(s, 0x10, 8);
    expect(with(with(s, 0x7e, 1), 3, 4), "ram", "section footer", "section 3, not of 2");
    s = begin();
    put_section(s, 1, 2, "ram", 3);
    expect(s, "ram", "section name", "version 3 of ram");
    s = begin();
    put_section(s, 1, 2, "ram", 4);
    put(s, 0x10, 8);
    put_section(s, 1, 2, "ram", 4);
    expect(s, "", "section name", "second time");
}

static void wrong_ram_is_named(void **state)
{
    GByteArray *s;

    expect(with(begin_ram(), 0x80, 8), "ram", "record", "flags 0x80");
    expect(with(begin_ram(), 0x0a, 8), "ram", "record", "flags 0xa");
    expect(with(begin_ram(), 0x28, 8), "ram", "record", "there was none");
    expect(with(begin_ram(), 0x1004, 8), "ram", "record", "second list");
    expect(with_name(with(begin_ram(), 0x08, 8), "pc.rom"), "ram", "block of a page", "no block");
    expect(with_name(with(begin_ram(), 0x2008, 8), "pc.ram"), "ram", "block of a page", "outside");
    expect(with_name(with(begin_ram(), UINT64_MAX << 12 | 8, 8), "pc.ram"), "ram",
           "block of a page", "outside");
    s = with_name(with(begin_ram(), 0x40, 8), "pc.ram");
    expect(with(with(s, 1, 1), 4097, 2), "ram", "xbzrle page", "4097");
    s = with_name(with(begin_ram(), 0x40, 8), "pc.ram");
    expect(with(s, 0, 3), "ram", "xbzrle page", "coding 0");
    s = with_name(with(begin_ram(), 0x100, 8), "pc.ram");
    expect(with(s, 0x80000000, 4), "ram", "compressed page", "2147483648");
    s = begin();
    put_section(s, 1, 2, "ram", 4);
    s = with(with_name(with(s, 0x1004, 8), "a"), UINT64_MAX, 8);
    expect(s, "ram", "block list", "larger than their total");
    s = begin();
    put_section(s, 1, 2, "ram", 4);
    s = with(with_name(with(s, 0x2004, 8), "a"), 0x1000, 8);
    expect(with(with_name(s, "a"), 0x1000, 8), "ram", "block list", "twice");
}

static void many_blocks_have_an_end(void **state)
{
    GByteArray *s = begin();

    put_section(s, 1, 2, "ram", 4);
    put(s, 0x1004, 8);
    for (unsigned i = 0; i < 5000; i++) {
        put(s, 4, 1);
        put(s, i + 0x01010101, 4);
        put(s, 0, 8);
    }
    expect(s, "ram", "block list", "");
}

static void a_size_can_be_any(void **state)
{
    struct vmstate_stream *stream = vmstate_stream_new();
    GByteArray *s = begin();
    struct vmstate_input in;
    struct vmstate_event e;

    put_section(s, 4, 2, "dev", 1);
    in = (struct vmstate_input){s->data, s->len};
    while (vmstate_stream_next(stream, &in, &e) != VMSTATE_NEEDS_SIZE)
        assert_int_not_equal(e.kind, VMSTATE_FAILED);
    assert_string_equal(e.section->name, "dev");
    assert_int_equal(vmstate_stream_next(stream, &in, &e), VMSTATE_NEEDS_SIZE);
    vmstate_stream_set_size(stream, UINT64_MAX);
    assert_int_equal(vmstate_stream_next(stream, &in, &e), VMSTATE_NEEDS_BYTES);
    assert_null(vmstate_stream_error(stream));
    assert_false(vmstate_stream_finish(stream));
    assert_string_equal(vmstate_stream_error(stream)->section, "dev");
    vmstate_stream_free(stream);
    g_byte_array_unref(s);
}

static bool take(void *opaque, const uint8_t *bytes, size_t len)
{
    g_byte_array_append(opaque, bytes, (guint)len);
    return true;
}

static bool refuse(void *opaque, const uint8_t *bytes, size_t len)
{
    return false;
}

static void write_again(const GByteArray *stream, size_t piece, struct vmstate_writer *writer)
{
    struct vmstate_stream *reader = vmstate_stream_new();

    for (size_t at = 0; at < stream->len; at += piece) {
        struct vmstate_input in = {stream->data + at, MIN(piece, stream->len - at)};
        struct vmstate_event e;

        do {
            vmstate_stream_next(reader, &in, &e);
            if (e.kind == VMSTATE_NEEDS_SIZE)
                vmstate_stream_set_size(reader, DEVICE_SIZE);
            vmstate_writer_event(writer, &e);
        } while (e.kind != VMSTATE_NEEDS_BYTES && e.kind != VMSTATE_ENDED);
    }
    assert_true(vmstate_stream_finish(reader));
    vmstate_stream_free(reader);
}

static void what_is_told_can_be_written(void **state)
{
    static const size_t pieces[] = {1, 7, 4096, 100000};

    for (size_t i = 0; i < 2 * G_N_ELEMENTS(pieces); i++) {
        GByteArray *stream = whole_stream(i & 1), *copy = g_byte_array_new();
        struct vmstate_writer *writer = vmstate_writer_new(take, copy);

        write_again(stream, pieces[i / 2], writer);
        assert_true(vmstate_writer_ok(writer));
        assert_int_equal(vmstate_writer_offset(writer), stream->len);
        assert_int_equal(copy->len, stream->len);
        assert_memory_equal(copy->data, stream->data, stream->len);
        vmstate_writer_free(writer);
        g_byte_array_unref(copy);
        g_byte_array_unref(stream);
    }
}

static void a_writer_that_failed_stays_failed(void **state)
{
    GByteArray *stream = whole_stream(true);
    struct vmstate_writer *writer = vmstate_writer_new(refuse, NULL);

    write_again(stream, 100, writer);
    assert_false(vmstate_writer_ok(writer));
    assert_int_equal(vmstate_writer_offset(writer), 0);
    vmstate_writer_free(writer);
    g_byte_array_unref(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_in_it),
        cmocka_unit_test(what_is_told_can_be_written),
        cmocka_unit_test(a_writer_that_failed_stays_failed),
        cmocka_unit_test(tells_the_same_in_pieces),
        cmocka_unit_test(reads_streams_without_footers),
        cmocka_unit_test(a_cut_stream_is_not_whole),
        cmocka_unit_test(wrong_framing_is_named),
        cmocka_unit_test(wrong_ram_is_named),
        cmocka_unit_test(many_blocks_have_an_end),
        cmocka_unit_test(a_size_can_be_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
