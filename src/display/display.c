/* SPDX-License-Identifier: MIT */
/* Calls of display.h as work for the worker's loop. */
#include "display/display.h"

#include <glib.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/log.h"
#include "display/device.h"
#include "display/session.h"
#include "display/worker.h"

struct display {
    struct loop *loop;
    struct worker *worker;
    struct display_session *session;
    gint wakeup_posted;
    gint oom_posted;
};

/* One call. Its arguments are copies but for the pointers of calls that wait. */
struct work {
    struct display *display;
    void (*run)(struct worker *worker, const struct work *work);
    bool heap;
    bool completes; /* async_complete(cookie) follows */
    uint64_t cookie;
    union {
        struct {
            QXLInstance *qxl;
        } begin;
        struct {
            enum display_channel channel;
            struct display_link link;
        } attach;
        void *token;
        struct {
            void *token;
            bool speaks;
        } migrate;
        uint8_t setting;
        unsigned max_monitors;
        QXLDevMemSlot slot;
        struct {
            uint32_t group, slot;
        } del_slot;
        struct {
            uint32_t id;
            QXLDevSurfaceCreate create;
        } surface;
        struct {
            uint32_t id;
            QXLRect rect;
            QXLRect *dirty;
            uint32_t n_dirty;
            bool clear;
        } area;
        struct {
            QXLPHYSICAL addr;
            uint32_t group;
        } monitors;
        struct {
            const QXLCommandExt *commands;
            uint32_t n;
        } load;
    };
};

static void run_work(void *opaque)
{
    struct work *work = opaque;

    work->run(work->display->worker, work);
    if (work->completes)
        device_complete(work->display->worker, work->cookie);
    if (work->heap)
        g_free(work);
}

static void post(struct display *self, const struct work *work)
{
    struct work *copy = g_memdup2(work, sizeof(*work));

    copy->display = self;
    copy->heap = true;
    loop_post(self->loop, run_work, copy);
}

static void call(struct display *self, struct work *work)
{
    work->display = self;
    loop_call(self->loop, run_work, work);
}

static void call_or_post(struct display *self, struct work *work, struct display_done done)
{
    switch (done.async) {
    case DISPLAY_WAIT:
        call(self, work);
        break;
    case DISPLAY_ASYNC:
        work->completes = true;
        work->cookie = done.cookie;
        post(self, work);
        break;
    }
}

/* Beginning and end -------------------------------------------------------------------------- */

static void begin(struct worker *none, const struct work *work)
{
    struct display *self = work->display;

    self->worker = worker_new(work->begin.qxl, self->loop, self->session);
}

static void end(struct worker *worker, const struct work *work)
{
    if (worker)
        worker_close(worker);
}

void display_free(struct display *self)
{
    if (!self)
        return;
    call(self, &(struct work){.run = end});
    loop_free(self->loop);
    if (self->worker)
        worker_free(self->worker);
    display_session_end(self->session);
    g_free(self);
}

struct display *display_new(QXLInstance *qxl, struct loop *main_loop,
                            const struct display_events *events, void *opaque)
{
    struct display *self = g_new0(struct display, 1);

    self->loop = loop_new_thread("spice-display");
    if (!self->loop) {
        log_warn("display %d: no thread for it", qxl->id);
        g_free(self);
        return NULL;
    }
    self->session = display_session_new(main_loop, events, opaque);
    call(self, &(struct work){.run = begin, .begin = {qxl}});
    if (self->worker)
        return self;
    display_free(self);
    return NULL;
}

/* Links -------------------------------------------------------------------------------------- */

void display_caps(enum display_channel channel, struct link_caps *out)
{
    *out = (struct link_caps){0};
    if (channel != DISPLAY_CHANNEL_DISPLAY)
        return;
    link_caps_set(out, SPICE_DISPLAY_CAP_MONITORS_CONFIG);
    link_caps_set(out, SPICE_DISPLAY_CAP_PREF_COMPRESSION);
}

static void attach(struct worker *worker, const struct work *work)
{
    links_attach(worker, work->attach.channel, &work->attach.link);
}

void display_attach(struct display *self, enum display_channel channel,
                    const struct display_link *link)
{
    post(self, &(struct work){.run = attach, .attach = {channel, *link}});
}

static void detach(struct worker *worker, const struct work *work)
{
    links_detach(worker, work->token);
}

void display_detach(struct display *self, void *token)
{
    post(self, &(struct work){.run = detach, .token = token});
}

static void migrate(struct worker *worker, const struct work *work)
{
    links_migrate(worker, work->migrate.token, work->migrate.speaks);
}

void display_migrate(struct display *self, void *token, bool speaks)
{
    post(self, &(struct work){.run = migrate, .migrate = {token, speaks}});
}

static void set_compression(struct worker *worker, const struct work *work)
{
    worker->scene.compression = work->setting;
}

void display_set_compression(struct display *self, uint8_t setting)
{
    post(self, &(struct work){.run = set_compression, .setting = setting});
}

/* The device --------------------------------------------------------------------------------- */

static void wakeup(struct worker *worker, const struct work *work)
{
    g_atomic_int_set(&work->display->wakeup_posted, 0);
    device_wakeup(worker);
}

void display_wakeup(struct display *self)
{
    if (g_atomic_int_compare_and_exchange(&self->wakeup_posted, 0, 1))
        post(self, &(struct work){.run = wakeup});
}

static void oom(struct worker *worker, const struct work *work)
{
    g_atomic_int_set(&work->display->oom_posted, 0);
    device_oom(worker);
}

void display_oom(struct display *self)
{
    if (g_atomic_int_compare_and_exchange(&self->oom_posted, 0, 1))
        post(self, &(struct work){.run = oom});
}

static void start(struct worker *worker, const struct work *work)
{
    device_start(worker);
}

void display_start(struct display *self)
{
    post(self, &(struct work){.run = start});
}

static void stop(struct worker *worker, const struct work *work)
{
    device_stop(worker);
}

void display_stop(struct display *self)
{
    call(self, &(struct work){.run = stop});
}

static void add_memslot(struct worker *worker, const struct work *work)
{
    device_add_memslot(worker, &work->slot);
}

void display_add_memslot(struct display *self, const QXLDevMemSlot *slot, struct display_done done)
{
    call_or_post(self, &(struct work){.run = add_memslot, .slot = *slot}, done);
}

static void del_memslot(struct worker *worker, const struct work *work)
{
    memslots_del(worker->slots, work->del_slot.group, work->del_slot.slot);
}

void display_del_memslot(struct display *self, uint32_t group, uint32_t slot)
{
    post(self, &(struct work){.run = del_memslot, .del_slot = {group, slot}});
}

static void reset_memslots(struct worker *worker, const struct work *work)
{
    device_reset_memslots(worker);
}

void display_reset_memslots(struct display *self)
{
    post(self, &(struct work){.run = reset_memslots});
}

static void create_primary(struct worker *worker, const struct work *work)
{
    device_create_primary(worker, work->surface.id, &work->surface.create);
}

void display_create_primary(struct display *self, uint32_t id, const QXLDevSurfaceCreate *surface,
                            struct display_done done)
{
    call_or_post(self, &(struct work){.run = create_primary, .surface = {id, *surface}}, done);
}

static void destroy_surface(struct worker *worker, const struct work *work)
{
    device_destroy_surface(worker, work->surface.id);
}

void display_destroy_primary(struct display *self, uint32_t id, struct display_done done)
{
    display_destroy_surface(self, id, done);
}

void display_destroy_surface(struct display *self, uint32_t id, struct display_done done)
{
    call_or_post(self, &(struct work){.run = destroy_surface, .surface = {.id = id}}, done);
}

static void destroy_surfaces(struct worker *worker, const struct work *work)
{
    device_destroy_surfaces(worker);
}

void display_destroy_surfaces(struct display *self, struct display_done done)
{
    call_or_post(self, &(struct work){.run = destroy_surfaces}, done);
}

static void flush_surfaces(struct worker *worker, const struct work *work)
{
    device_flush_surfaces(worker);
}

void display_flush_surfaces(struct display *self, struct display_done done)
{
    call_or_post(self, &(struct work){.run = flush_surfaces}, done);
}

static void update_area(struct worker *worker, const struct work *work)
{
    if (work->completes)
        device_update_area_async(worker, work->area.id, &work->area.rect, work->area.clear);
    else
        device_update_area(worker, work->area.id, &work->area.rect, work->area.dirty,
                           work->area.n_dirty, work->area.clear);
}

void display_update_area(struct display *self, uint32_t id, const QXLRect *area, QXLRect *dirty,
                         uint32_t n_dirty, bool clear)
{
    call(self, &(struct work){.run = update_area,
                              .area = {id, *area, dirty, dirty ? n_dirty : 0, clear}});
}

void display_update_area_async(struct display *self, uint32_t id, const QXLRect *area, bool clear,
                               uint64_t cookie)
{
    post(self, &(struct work){.run = update_area,
                              .completes = true,
                              .cookie = cookie,
                              .area = {id, *area, NULL, 0, clear}});
}

static void monitors_config(struct worker *worker, const struct work *work)
{
    device_monitors_config(worker, work->monitors.addr, work->monitors.group);
}

void display_monitors_config(struct display *self, QXLPHYSICAL addr, int group, uint64_t cookie)
{
    post(self, &(struct work){.run = monitors_config,
                              .completes = true,
                              .cookie = cookie,
                              .monitors = {addr, (uint32_t)group}});
}

static void set_max_monitors(struct worker *worker, const struct work *work)
{
    scene_set_max_monitors(&worker->scene, work->max_monitors);
    links_wake(worker, DISPLAY_CHANNEL_DISPLAY);
}

void display_set_max_monitors(struct display *self, unsigned max)
{
    post(self, &(struct work){.run = set_max_monitors, .max_monitors = max});
}

static void reset_cursor(struct worker *worker, const struct work *work)
{
    device_reset_cursor(worker);
}

void display_reset_cursor(struct display *self)
{
    call(self, &(struct work){.run = reset_cursor});
}

static void loadvm(struct worker *worker, const struct work *work)
{
    ring_load(worker, work->load.commands, work->load.n);
}

void display_loadvm(struct display *self, const QXLCommandExt *commands, uint32_t n)
{
    call(self, &(struct work){.run = loadvm, .load = {commands, n}});
}
