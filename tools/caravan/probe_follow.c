/* SPDX-License-Identifier: MIT */
/* `caravan probe --follow`: how the steps of a move are told. */
#include <stdio.h>

#include "follow.h"
#include "probe.h"

static void print_as_json(const struct probe *probe, const struct follow_step *step)
{
    JsonObject *object = probe_object(step->time, "move");

    json_object_set_int_member(object, "move", step->move);
    json_object_set_string_member(object, "step", step->what);
    json_object_set_double_member(object, "ms", step->since / 1e3);
    if (step->channel) {
        json_object_set_string_member(object, "type", step->channel->type_name);
        json_object_set_int_member(object, "id", step->channel->id);
    }
    if (step->port)
        json_object_set_int_member(object, "port", step->port);
    if (step->how)
        json_object_set_string_member(object, "how", step->how);
    if (step->channels)
        json_object_set_int_member(object, "channels", step->channels);
    if (step->gap)
        json_object_set_double_member(object, "gap_ms", step->gap / 1e3);
    if (step->reason)
        json_object_set_string_member(object, "reason", step->reason);
    probe_print(probe, object);
}

static void print_as_text(const struct follow_step *step)
{
    if (step->move)
        printf("move %u  %+10.1f ms  ", step->move, step->since / 1e3);
    else
        printf("%14.6f s       ", step->time / 1e6);
    if (step->channel)
        printf("%s %d ", step->channel->type_name, step->channel->id);
    printf("%s", step->what);
    if (step->how)
        printf(": %s", step->how);
    if (step->channels)
        printf(", %u channels", step->channels);
    if (step->port)
        printf(", port %d", step->port);
    if (step->gap)
        printf(": the longest time without one was %.1f ms", step->gap / 1e3);
    if (step->reason)
        printf(": %s", step->reason);
    putchar('\n');
    fflush(stdout);
}

void probe_on_step(void *data, const struct follow_step *step)
{
    const struct probe *probe = data;

    if (probe->text)
        print_as_text(step);
    else
        print_as_json(probe, step);
}
