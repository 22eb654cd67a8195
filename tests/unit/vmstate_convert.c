/* SPDX-License-Identifier: MIT */
/* Small old streams: what is changed in them, and that a part of one is never taken for the whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "vmstate/convert.h"

static void put_be(GByteArray *to, uint64_t value, unsigned n)
{
    while (n--) {
        uint8_t byte = (uint8_t)(value >> 8 * n);

        g_byte_array_append(to, &byte, 1);
    }
}

static void put_name(GByteArray *to, const char *name)
{
    put_be(to, strlen(name), 1);
    g_byte_array_append(to, (const uint8_t *)name, (guint)strlen(name));
}

static void put_fill(GByteArray *to, uint8_t byte, unsigned n)
{
    while (n--)
        g_byte_array_append(to, &byte, 1);
}

/* One page of RAM, 16 MiB of video RAM of which nothing was sent. */
static GByteArray *begin_stream(void)
{
    GByteArray *to = g_byte_array_new();

    g_byte_array_append(to, (const uint8_t *)"QEVM\0\0\0\3\1", 9);
    put_be(to, 2, 4);
    put_name(to, "ram");
    put_be(to, 4, 8);
    put_be(to, 0x1001000 | 4, 8);
    put_name(to, "pc.ram");
    put_be(to, 0x1000, 8);
    put_name(to, "vga.vram");
    put_be(to, 0x1000000, 8);
    put_be(to, 2, 8);
    put_name(to, "pc.ram");
    put_be(to, 0x77, 1);
    put_be(to, 16, 8);
    put_be(to, 3, 1);
    put_be(to, 2, 4);
    put_be(to, 16, 8);
    return to;
}

static void begin_section(GByteArray *to, const char *name, uint32_t instance, uint32_t version)
{
    put_be(to, 4, 1);
    put_be(to, to->len, 4);
    put_name(to, name);
    put_be(to, instance, 4);
    put_be(to, version, 4);
}

static void put_section(GByteArray *to, const char *name, uint32_t version, unsigned size)
{
    begin_section(to, name, 0, version);
    put_fill(to, 0, size);
}

/* The PCI part, with its own version before it, and a body. */
static void put_pci(GByteArray *to, const char *name, uint32_t version, unsigned size)
{
    begin_section(to, name, 0, version);
    put_be(to, 2u << 24, 4);
    put_fill(to, 0, 256 + 16 + size);
}

static GByteArray *qemu_kvm_stream(void)
{
    GByteArray *to = begin_stream();

    put_section(to, "timer", 2, 24);
    put_section(to, "kvm-tpr-opt", 1, 144);
    put_section(to, "i8254", 2, 108);
    put_section(to, "serial", 3, 11);
    put_pci(to, "0000:00:01.2/uhci", 2, 35);
    put_pci(to, "0000:00:01.3/piix4_pm", 2, 36);
    put_section(to, "1/usb-ptr", 1, 298);
    put_be(to, 0, 1);
    return to;
}

static bool put(void *opaque, const uint8_t *bytes, size_t len)
{
    g_byte_array_append(opaque, bytes, (guint)len);
    return true;
}

static bool copy(void *opaque, uint64_t offset, const uint8_t *bytes, size_t len)
{
    return put(opaque, bytes, len);
}

/* Feeds len bytes; the caller frees it and looks at it. */
static struct vmstate_convert *run(const uint8_t *bytes, size_t len, size_t piece,
                                   struct vmstate_convert_options options, GByteArray *out,
                                   bool *whole)
{
    struct vmstate_convert_sink sink = {put, copy, out};
    const char *reason = NULL;
    struct vmstate_convert *self = vmstate_convert_new(&options, &sink, &reason);

    assert_non_null(self);
    *whole = true;
    for (size_t at = 0; at < len && *whole; at += piece)
        *whole = vmstate_convert_feed(self, bytes + at, MIN(piece, len - at));
    *whole = *whole && vmstate_convert_finish(self);
    return self;
}

static bool reports(const struct vmstate_convert *self, enum vmstate_convert_report which,
                    const char *part)
{
    const char *text;

    for (size_t i = 0; (text = vmstate_convert_report(self, which, i)); i++)
        if (strstr(text, part))
            return true;
    return false;
}

static void tells_what_it_changes(void **state)
{
    GByteArray *stream = qemu_kvm_stream(), *out = g_byte_array_new();
    struct vmstate_convert_options options = {.machine = "pc-i440fx-7.2"};
    bool whole;
    struct vmstate_convert *self = run(stream->data, stream->len, 100, options, out, &whole);

    assert_string_equal(vmstate_convert_error(self), "");
    assert_true(whole);
    assert_string_equal(vmstate_convert_source(self), "qemu-kvm-1.0, saved under TCG");
    assert_true(reports(self, VMSTATE_REPORT_EDITS, "i8254: version 2 -> 3"));
    assert_true(reports(self, VMSTATE_REPORT_EDITS, "48 bytes put in before tmr.timer"));
    assert_true(reports(self, VMSTATE_REPORT_EDITS, "becomes 0000:00:01.2/1/usb-ptr"));
    assert_true(reports(self, VMSTATE_REPORT_EDITS, "becomes 0000:00:02.0/vga.vram"));
    assert_true(reports(self, VMSTATE_REPORT_COMMAND, "-device usb-tablet,bus=usb-bus.0,port=1"));
    vmstate_convert_free(self);
    g_byte_array_unref(stream);
    g_byte_array_unref(out);
}

static void a_cut_stream_is_never_whole(void **state)
{
    GByteArray *stream = qemu_kvm_stream();

    for (size_t n = 0; n < stream->len; n++) {
        GByteArray *out = g_byte_array_new();
        bool whole;
        struct vmstate_convert_options options = {0};
        struct vmstate_convert *self = run(stream->data, n, 1 + n % 97, options, out, &whole);

        if (whole)
            fail_msg("%zu of %u bytes pass for a stream", n, stream->len);
        assert_true(*vmstate_convert_error(self));
        assert_null(vmstate_convert_report(self, VMSTATE_REPORT_REFUSALS, 0));
        vmstate_convert_free(self);
        g_byte_array_unref(out);
    }
    g_byte_array_unref(stream);
}

/* A stream with one more section is refused, in these words. */
static void expect_refusal(const char *name, uint32_t version, const char *words)
{
    GByteArray *stream = qemu_kvm_stream(), *out = g_byte_array_new();
    struct vmstate_convert_options options = {0};
    struct vmstate_convert *self;
    bool whole;

    g_byte_array_set_size(stream, stream->len - 1);
    put_section(stream, name, version, 5);
    put_be(stream, 0, 1);
    self = run(stream->data, stream->len, stream->len, options, out, &whole);
    assert_false(whole);
    assert_true(reports(self, VMSTATE_REPORT_REFUSALS, name));
    assert_true(reports(self, VMSTATE_REPORT_REFUSALS, words));
    vmstate_convert_free(self);
    g_byte_array_unref(stream);
    g_byte_array_unref(out);
}

static void what_is_not_known_is_refused_by_name(void **state)
{
    expect_refusal("0000:00:09.0/quantum", 1, "no layout");
    expect_refusal("port92", 7, "version 7");
    expect_refusal("2/usb-kbd/x", 1, "no layout");
}

/* Saved under KVM: its clock is there, and timers that ran in the kernel are not. */
static GByteArray *kvm_stream(void)
{
    GByteArray *to = begin_stream();

    begin_section(to, "timer", 0, 2);
    put_fill(to, 0, 16);
    put_be(to, 5000, 8);
    put_section(to, "kvmclock", 1, 8);
    begin_section(to, "i8254", 0, 2);
    put_fill(to, 0, 4 + 13);
    put_be(to, 2, 1); /* the mode of its first channel */
    put_fill(to, 0, 2 + 16 + 64);
    put_be(to, UINT64_MAX, 8);
    put_be(to, 0, 1);
    return to;
}

static void timers_of_the_kernel_are_armed(void **state)
{
    GByteArray *stream = kvm_stream(), *out = g_byte_array_new();
    struct vmstate_convert_options options = {.from = "qemu-kvm-1.0"};
    bool whole;
    struct vmstate_convert *self = run(stream->data, stream->len, 7, options, out, &whole);

    assert_string_equal(vmstate_convert_error(self), "");
    assert_true(whole);
    assert_true(reports(self, VMSTATE_REPORT_EDITS, "kvmclock: left out"));
    assert_true(reports(self, VMSTATE_REPORT_EDITS, "irq_timer -1 -> 5001"));
    vmstate_convert_free(self);
    g_byte_array_set_size(out, 0);
    options.kvm = true;
    self = run(stream->data, stream->len, 7, options, out, &whole);
    assert_true(whole);
    assert_false(reports(self, VMSTATE_REPORT_EDITS, "kvmclock"));
    vmstate_convert_free(self);
    g_byte_array_unref(stream);
    g_byte_array_unref(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_it_changes),
        cmocka_unit_test(a_cut_stream_is_never_whole),
        cmocka_unit_test(what_is_not_known_is_refused_by_name),
        cmocka_unit_test(timers_of_the_kernel_are_armed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
