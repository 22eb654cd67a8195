/* SPDX-License-Identifier: MIT */
#include "follow.h"

#include <string.h>

struct follow {
    struct viewer *const *viewer;
    follow_listener listener;
    void *data;
    unsigned move;
    gint64 begun;
    bool under_way;
    bool switches;   /* the client connects to the target anew */
    bool up;         /* the session has been up */
    unsigned moved;  /* channels that got another socket */
    unsigned resets; /* of these, those that began anew */
    bool measures;   /* until the first picture after the move */
    gint64 gap;
};

struct follow *follow_new(struct viewer *const *viewer, follow_listener listener, void *data)
{
    struct follow *self = g_new0(struct follow, 1);

    self->viewer = viewer;
    self->listener = listener;
    self->data = data;
    return self;
}

void follow_free(struct follow *self)
{
    g_free(self);
}

static void tell(struct follow *self, const struct viewer_event *event, struct follow_step step)
{
    bool in_move = self->under_way || self->measures;

    step.time = event->time;
    step.move = in_move ? self->move : 0;
    step.since = in_move ? event->time - self->begun : 0;
    self->listener(self->data, &step);
}

static void begin(struct follow *self, const struct viewer_event *event, const char *what)
{
    if (self->under_way)
        return;
    self->under_way = self->measures = true;
    self->move++;
    self->begun = event->time;
    self->moved = self->resets = 0;
    self->switches = false;
    self->gap = 0;
    tell(self, event, (struct follow_step){.what = what});
}

static const char *outcome(const struct follow *self)
{
    if (self->switches)
        return "switch-host";
    if (!self->moved)
        return "stays";
    return self->resets ? "semi-seamless" : "seamless";
}

static void end(struct follow *self, const struct viewer_event *event)
{
    const char *how = outcome(self);

    tell(self, event, (struct follow_step){.what = "over", .how = how, .channels = self->moved});
    self->under_way = false;
    self->measures = strcmp(how, "stays") != 0;
}

/* "migrating" from the announcement to the end; "switching" until the main channel is up again. */
static void on_migration(struct follow *self, const struct viewer_event *event)
{
    if (!strcmp(event->text, "migrating")) {
        begin(self, event, "announced");
    } else if (!strcmp(event->text, "switching")) {
        begin(self, event, "told");
        self->switches = true;
        tell(self, event, (struct follow_step){.what = "switches", .how = "switch-host"});
    } else if (!strcmp(event->text, "none") && self->under_way && !self->switches) {
        end(self, event);
    }
}

static void on_moved(struct follow *self, const struct viewer_event *event)
{
    begin(self, event, "told"); /* unless it was announced */
    self->moved++;
    self->resets += event->values[1];
    tell(self, event,
         (struct follow_step){.what = "moved",
                              .channel = event->channel,
                              .port = event->values[0],
                              .how = event->values[1] ? "semi-seamless" : "seamless"});
}

static void on_open(struct follow *self, const struct viewer_event *event)
{
    bool main = event->channel->type == SPICE_CHANNEL_MAIN;

    if (!self->up || (self->under_way && self->switches))
        tell(self, event,
             (struct follow_step){.what = "linked",
                                  .channel = event->channel,
                                  .port = viewer_channel_port(event->channel)});
    if (main && self->under_way && self->switches)
        end(self, event);
    self->up |= main && self->move;
}

static void on_picture(struct follow *self, const struct viewer_event *event)
{
    if (!self->measures)
        return;
    self->gap = MAX(self->gap, viewer_pictures(*self->viewer)->last_gap);
    if (self->under_way)
        return;
    tell(self, event, (struct follow_step){.what = "picture", .gap = self->gap});
    self->measures = false;
}

void follow_event(struct follow *self, const struct viewer_event *event)
{
    if (event->kind == VIEWER_MIGRATION)
        on_migration(self, event);
    else if (event->kind == VIEWER_CHANNEL_MOVED)
        on_moved(self, event);
    else if (event->kind == VIEWER_CHANNEL_OPEN)
        on_open(self, event);
    else if (event->kind == VIEWER_PICTURE)
        on_picture(self, event);
    else if (event->kind == VIEWER_CHANNEL_CLOSED || event->kind == VIEWER_CHANNEL_ERROR)
        tell(self, event,
             (struct follow_step){
                 .what = "closed", .channel = event->channel, .reason = event->detail});
    else if (event->kind == VIEWER_DISCONNECTED)
        tell(self, event, (struct follow_step){.what = "lost", .reason = event->text});
}
