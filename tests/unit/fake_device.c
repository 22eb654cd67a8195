/* SPDX-License-Identifier: MIT */
#include "fake_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

static struct fake_device *device_of(SpiceCharDeviceInstance *sin)
{
    return (struct fake_device *)sin;
}

static void host_state(SpiceCharDeviceInstance *sin, int connected)
{
    device_of(sin)->state = connected;
    device_of(sin)->states++;
}

static int host_read(SpiceCharDeviceInstance *sin, uint8_t *buf, int len)
{
    struct fake_device *self = device_of(sin);
    int n = MIN(len, (int)self->guest_out.len);

    if (n > 0)
        memcpy(buf, self->guest_out.data, (size_t)n);
    buf_consume(&self->guest_out, (size_t)n);
    return n;
}

static int host_write(SpiceCharDeviceInstance *sin, const uint8_t *buf, int len)
{
    struct fake_device *self = device_of(sin);
    size_t n = MIN((size_t)len, self->takes);

    buf_append(&self->guest_in, buf, n);
    self->takes -= n;
    if (self->written)
        self->written(self->opaque);
    return (int)n;
}

static void host_event(SpiceCharDeviceInstance *sin, uint8_t event)
{
    device_of(sin)->event = event;
}

static const SpiceCharDeviceInterface interface = {
    .base = {SPICE_INTERFACE_CHAR_DEVICE, "test", SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
             SPICE_INTERFACE_CHAR_DEVICE_MINOR},
    .state = host_state,
    .write = host_write,
    .read = host_read,
    .event = host_event,
    .flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE,
};

struct fake_device *fake_device_new(const char *subtype, const char *portname)
{
    struct fake_device *self = g_new0(struct fake_device, 1);

    self->sif = interface;
    self->sin = (SpiceCharDeviceInstance){
        .base = {&self->sif.base}, .subtype = subtype, .portname = portname};
    self->state = -1;
    self->takes = SIZE_MAX;
    return self;
}

void fake_device_free(struct fake_device *self)
{
    buf_free(&self->guest_in);
    buf_free(&self->guest_out);
    g_free(self);
}

void fake_device_expect(const struct fake_device *self, const char *text)
{
    assert_int_equal(self->guest_in.len, strlen(text));
    assert_memory_equal(self->guest_in.data, text, self->guest_in.len);
}
