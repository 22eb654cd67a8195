/* SPDX-License-Identifier: MIT */
/* The selection of a seat: owning it, others' offers, and texts through pipes. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "wayland_impl.h"

const char *const wayland_forms[] = {
    "text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "TEXT", "STRING", NULL};

static void tell_offered(struct wayland *self, bool has)
{
    if (!has && !self->has)
        return;
    self->has = has;
    self->news->offered(self->opaque, has);
}

/* ---- Others' offers ---- */

static void forget_offer(struct wayland_offer *offer)
{
    if (offer->proxy)
        zwlr_data_control_offer_v1_destroy(offer->proxy);
    *offer = (struct wayland_offer){.best = WAYLAND_NO_TEXT};
}

static void on_form(void *opaque, struct zwlr_data_control_offer_v1 *proxy, const char *form)
{
    struct wayland *self = opaque;

    if (proxy != self->next.proxy)
        return;
    self->next.ours = self->next.ours || !strcmp(form, self->mark);
    for (unsigned i = 0; wayland_forms[i] && i < self->next.best; i++) {
        if (!g_ascii_strcasecmp(form, wayland_forms[i]))
            self->next.best = i;
    }
}

static const struct zwlr_data_control_offer_v1_listener offer_listener = {on_form};

static void on_offer(void *opaque, struct zwlr_data_control_device_v1 *device,
                     struct zwlr_data_control_offer_v1 *proxy)
{
    struct wayland *self = opaque;

    forget_offer(&self->next);
    self->next.proxy = proxy;
    zwlr_data_control_offer_v1_add_listener(proxy, &offer_listener, self);
}

static void end_paste(struct wayland *self)
{
    if (!self->paste)
        return;
    text_reader_free(g_steal_pointer(&self->paste));
    self->news->text(self->opaque, "", 0);
}

/* We own, though another was told of since we claimed: its text is gone, ours nobody's. */
static void on_late_claim(struct wayland *self)
{
    if (!self->has)
        return;
    tell_offered(self, false);
    self->wants = false;
    self->undone = true;
}

static void on_selection(void *opaque, struct zwlr_data_control_device_v1 *device,
                         struct zwlr_data_control_offer_v1 *proxy)
{
    struct wayland *self = opaque;

    end_paste(self);
    forget_offer(&self->offer);
    if (proxy && proxy == self->next.proxy) {
        self->offer = self->next;
        self->next = (struct wayland_offer){.best = WAYLAND_NO_TEXT};
    }
    if (self->offer.ours)
        on_late_claim(self);
    else
        tell_offered(self, self->offer.best != WAYLAND_NO_TEXT);
}

static void on_primary(void *opaque, struct zwlr_data_control_device_v1 *device,
                       struct zwlr_data_control_offer_v1 *proxy)
{
    struct wayland *self = opaque;

    if (proxy && proxy == self->next.proxy)
        forget_offer(&self->next);
}

static void on_finished(void *opaque, struct zwlr_data_control_device_v1 *device)
{
    wayland_clip_end(opaque);
}

static const struct zwlr_data_control_device_v1_listener device_listener = {
    on_offer, on_selection, on_finished, on_primary};

static void on_text(void *opaque, const char *text, size_t len)
{
    struct wayland *self = opaque;

    self->news->text(self->opaque, text, len);
    text_reader_free(g_steal_pointer(&self->paste));
}

void wayland_clip_ask(struct wayland *self)
{
    int ends[2];

    if (self->paste)
        return; /* its answer is one to this, too */
    if (self->writable || !self->offer.proxy || self->offer.ours ||
        self->offer.best == WAYLAND_NO_TEXT || pipe2(ends, O_CLOEXEC) < 0) {
        self->news->text(self->opaque, "", 0);
        return;
    }
    zwlr_data_control_offer_v1_receive(self->offer.proxy, wayland_forms[self->offer.best], ends[1]);
    close(ends[1]);
    self->paste = text_reader_new(ends[0], HOST_CLIP_TEXT_MAX, self->text_ms, on_text, self);
}

/* ---- Our text for others ---- */

static void on_copied(void *opaque, struct text_writer *writer)
{
    struct wayland *self = opaque;

    for (unsigned i = 0; i < WAYLAND_COPIES; i++) {
        if (self->copies[i] == writer)
            text_writer_free(g_steal_pointer(&self->copies[i]));
    }
}

void wayland_clip_provide(struct wayland *self, const char *text, size_t len)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, len);

    for (unsigned i = 0; i < WAYLAND_COPIES; i++) {
        if (self->copies[i])
            text_writer_give(self->copies[i], bytes);
    }
}

static bool is_form(const char *form)
{
    for (unsigned i = 0; wayland_forms[i]; i++) {
        if (!strcmp(form, wayland_forms[i]))
            return true;
    }
    return false;
}

static void on_send(void *opaque, struct zwlr_data_control_source_v1 *source, const char *form,
                    int32_t fd)
{
    struct wayland *self = opaque;
    unsigned i = 0;

    while (i < WAYLAND_COPIES && self->copies[i])
        i++;
    if (source != self->source || i == WAYLAND_COPIES || !is_form(form)) {
        close(fd);
        return;
    }
    self->copies[i] = text_writer_new(fd, self->text_ms, on_copied, self);
    self->news->asked(self->opaque);
}

/* Who waits for a text gets none; who has begun to take one goes on. */
static void forget_source(struct wayland *self)
{
    if (!self->source)
        return;
    zwlr_data_control_source_v1_destroy(self->source);
    self->source = NULL;
    wayland_clip_provide(self, "", 0);
}

static void on_cancelled(void *opaque, struct zwlr_data_control_source_v1 *source)
{
    struct wayland *self = opaque;

    if (source == self->source)
        forget_source(self);
}

static const struct zwlr_data_control_source_v1_listener source_listener = {on_send, on_cancelled};

static void claim(struct wayland *self)
{
    struct zwlr_data_control_source_v1 *source =
        zwlr_data_control_manager_v1_create_data_source(self->manager);

    zwlr_data_control_source_v1_add_listener(source, &source_listener, self);
    for (unsigned i = 0; wayland_forms[i]; i++)
        zwlr_data_control_source_v1_offer(source, wayland_forms[i]);
    zwlr_data_control_source_v1_offer(source, self->mark);
    zwlr_data_control_device_v1_set_selection(self->device, source);
    forget_source(self);
    self->source = source;
    self->has = false; /* who wants that of us knows */
}

void wayland_clip_do(struct wayland *self)
{
    self->undone = false;
    if (!self->device)
        return;
    if (self->wants) {
        claim(self);
    } else if (self->source) {
        zwlr_data_control_device_v1_set_selection(self->device, NULL);
        forget_source(self);
    }
}

/* ---- Beginning and end ---- */

void wayland_clip_begin(struct wayland *self)
{
    self->device = zwlr_data_control_manager_v1_get_data_device(self->manager, self->seat);
    zwlr_data_control_device_v1_add_listener(self->device, &device_listener, self);
    self->undone = self->wants;
}

void wayland_clip_end(struct wayland *self)
{
    if (!self->device)
        return;
    end_paste(self);
    forget_offer(&self->next);
    forget_offer(&self->offer);
    forget_source(self);
    for (unsigned i = 0; i < WAYLAND_COPIES; i++)
        text_writer_free(g_steal_pointer(&self->copies[i]));
    zwlr_data_control_device_v1_destroy(self->device);
    self->device = NULL;
    tell_offered(self, false);
}
