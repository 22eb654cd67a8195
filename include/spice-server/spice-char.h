/* SPDX-License-Identifier: MIT */
/*
 * Character devices: byte streams between the guest and the server, named by what speaks there
 * (subtype): the guest's agent, smart cards, USB redirection, or a named port.
 * All in the thread of the event loop.
 */
#ifndef SPICE_CHAR_H_
#define SPICE_CHAR_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include "spice-core.h"

SPICE_BEGIN_DECLS

#define SPICE_INTERFACE_CHAR_DEVICE       "char_device"
#define SPICE_INTERFACE_CHAR_DEVICE_MAJOR 1
#define SPICE_INTERFACE_CHAR_DEVICE_MINOR 3
typedef struct SpiceCharDeviceInterface SpiceCharDeviceInterface;
typedef struct SpiceCharDeviceInstance SpiceCharDeviceInstance;
typedef struct SpiceCharDeviceState SpiceCharDeviceState; /* the server's */

typedef enum {
    /* The program calls spice_server_char_device_wakeup when the guest can take bytes again. */
    SPICE_CHAR_DEVICE_NOTIFY_WRITABLE = 1 << 0,
} spice_char_device_flags;

struct SpiceCharDeviceInterface {
    SpiceBaseInterface base;

    /* Opens (connected 1) or closes (0) the host's end, as the guest sees it. The server closes a
     * device, too, when what the guest sends there makes no sense. */
    void (*state)(SpiceCharDeviceInstance *sin, int connected);

    /* Offers len bytes for the guest. Must not block. Returns how many were taken, perhaps fewer
     * than len or 0, or a negative value on error; errno says nothing. len is not negative. */
    int (*write)(SpiceCharDeviceInstance *sin, const uint8_t *buf, int len);

    /* Fetches up to len bytes of the guest. Must not block. Returns how many are in buf, 0 when
     * there are none, or a negative value on error; errno says nothing. len is not negative. */
    int (*read)(SpiceCharDeviceInstance *sin, uint8_t *buf, int len);

    /* Tells about the client's end of a port: SPICE_PORT_EVENT_*. Since 1.2. */
    void (*event)(SpiceCharDeviceInstance *sin, uint8_t event);
    spice_char_device_flags flags; /* since 1.3 */
};

struct SpiceCharDeviceInstance {
    SpiceBaseInstance base;
    const char *subtype; /* one of the recognized subtypes, or "port" */
    SpiceCharDeviceState *st;
    const char *portname; /* for "port": its name, reversed domain style */
};

/* Tells that there is something to read, or room to write (see flags). */
void spice_server_char_device_wakeup(SpiceCharDeviceInstance *sin);

/* Tells about the guest's end of a port: SPICE_PORT_EVENT_*. */
void spice_server_port_event(SpiceCharDeviceInstance *sin, uint8_t event);

/* Returns the subtypes known, "port" left out, ended by NULL. The list and its strings are the
 * library's and must not be changed. Any thread. */
const char **spice_server_char_device_recognized_subtypes(void);

SPICE_END_DECLS

#endif /* SPICE_CHAR_H_ */
