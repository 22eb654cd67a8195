/* SPDX-License-Identifier: MIT */
/*
 * The base of all interfaces, and the core interface: the program's event loop as seen by the
 * server.
 */
#ifndef SPICE_CORE_H_
#define SPICE_CORE_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include <stdint.h>
#ifdef _WIN32
#include <winsock2.h>
#include <windows.h>
typedef int socklen_t;
#else
#include <sys/socket.h>
#endif
#include <spice/qxl_dev.h>
#include <spice/vd_agent.h>
#include <spice/macros.h>

/* The server itself has to fill deprecated members and define deprecated functions. */
#ifdef SPICE_SERVER_INTERNAL
#undef SPICE_GNUC_DEPRECATED
#define SPICE_GNUC_DEPRECATED
#endif

typedef struct SpiceBaseInterface SpiceBaseInterface;
typedef struct SpiceBaseInstance SpiceBaseInstance;

/*
 * First member of every interface. The strings stay valid as long as the interface.
 * A server takes an interface whose major version equals its own and whose minor version is not
 * newer; members added by later minor versions are not touched in older ones.
 */
struct SpiceBaseInterface {
    const char *type; /* one of the SPICE_INTERFACE_* names */
    const char *description;
    uint32_t major_version;
    uint32_t minor_version;
};

/* First member of every instance: the way back to the callbacks. */
struct SpiceBaseInstance {
    const SpiceBaseInterface *sif;
};

#define SPICE_INTERFACE_CORE       "core"
#define SPICE_INTERFACE_CORE_MAJOR 1
#define SPICE_INTERFACE_CORE_MINOR 3
typedef struct SpiceCoreInterface SpiceCoreInterface;

/* Bits of the event mask of a watch. */
#define SPICE_WATCH_EVENT_READ  (1 << 0)
#define SPICE_WATCH_EVENT_WRITE (1 << 1)

/* Events of a channel, in the order in which a channel meets them. */
#define SPICE_CHANNEL_EVENT_CONNECTED    1 /* the socket is accepted */
#define SPICE_CHANNEL_EVENT_INITIALIZED  2 /* linked and authenticated */
#define SPICE_CHANNEL_EVENT_DISCONNECTED 3 /* gone; the last event of this channel */

/* Bits of SpiceChannelEventInfo.flags. */
#define SPICE_CHANNEL_EVENT_FLAG_TLS      (1 << 0) /* the channel is encrypted */
#define SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT (1 << 1) /* the *_ext addresses are filled in */

/* Defined by the program: whatever its event loop needs to know about a descriptor or timer. */
typedef struct SpiceWatch SpiceWatch;
typedef void (*SpiceWatchFunc)(int fd, int event, void *opaque);

typedef struct SpiceTimer SpiceTimer;
typedef void (*SpiceTimerFunc)(void *opaque);

/*
 * Who a channel belongs to and where it comes from. Owned by the server; it is the same address
 * for all events of one channel and is freed after SPICE_CHANNEL_EVENT_DISCONNECTED returned.
 */
typedef struct SpiceChannelEventInfo {
    int connection_id; /* one value for all channels of one client */
    int type;          /* SPICE_CHANNEL_MAIN ... */
    int id;
    int flags; /* SPICE_CHANNEL_EVENT_FLAG_* */
    /* Deprecated: too small for an IPv6 address. Local and peer address and their lengths. */
    struct sockaddr laddr SPICE_GNUC_DEPRECATED;
    struct sockaddr paddr SPICE_GNUC_DEPRECATED;
    socklen_t llen SPICE_GNUC_DEPRECATED;
    socklen_t plen SPICE_GNUC_DEPRECATED;
    /* Local and peer address; valid with SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT. */
    struct sockaddr_storage laddr_ext;
    struct sockaddr_storage paddr_ext;
    socklen_t llen_ext, plen_ext;
} SpiceChannelEventInfo;

/*
 * The event loop. The server calls these from the thread of the loop only, and the loop calls
 * SpiceTimerFunc and SpiceWatchFunc in that thread.
 */
struct SpiceCoreInterface {
    SpiceBaseInterface base;

    /* Makes a timer, not yet running. Owned by the caller; freed by timer_remove. */
    SpiceTimer *(*timer_add)(SpiceTimerFunc func, void *opaque);
    /* Runs func once, ms milliseconds from now; a running timer is set anew. */
    void (*timer_start)(SpiceTimer *timer, uint32_t ms);
    /* Stops a timer; nothing happens if it is not running. */
    void (*timer_cancel)(SpiceTimer *timer);
    /* Stops and frees a timer. May be called from within its own func. */
    void (*timer_remove)(SpiceTimer *timer);

    /* Calls func whenever fd has one of the events of event_mask (SPICE_WATCH_EVENT_*). The
     * descriptor is not owned. The watch is owned by the caller; freed by watch_remove. */
    SpiceWatch *(*watch_add)(int fd, int event_mask, SpiceWatchFunc func, void *opaque);
    /* Replaces the mask; 0 keeps the watch but silences it. */
    void (*watch_update_mask)(SpiceWatch *watch, int event_mask);
    /* Ends and frees a watch. May be called from within its own func; before fd is closed. */
    void (*watch_remove)(SpiceWatch *watch);

    /* Tells about a channel: event is SPICE_CHANNEL_EVENT_*. info stays the server's. */
    void (*channel_event)(int event, SpiceChannelEventInfo *info);
};

#endif /* SPICE_CORE_H_ */
