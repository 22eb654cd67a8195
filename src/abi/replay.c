/* SPDX-License-Identifier: MIT */
/*
 * spice_replay_*: plays the recording of a display worker into a QXL instance. Messages to the
 * worker are carried out on the way, commands are returned, with host pointers, for memory slot
 * group 0. The file format is described in replay_input.h.
 *
 * Threads: one thread reads; commands may be freed by another while it does.
 */
#include "replay_command.h"
#include "replay_input.h"

#include <glib.h>
#include <spice.h>
#include <stdlib.h>
#include <string.h>

/* Visible even where the library is built with hidden visibility. */
#define EXPORT __attribute__((visibility("default")))

#define SURFACES_MAX            65536
#define SURFACE_WAIT_US         (5 * G_TIME_SPAN_SECOND)
#define SURFACE_FREE            UINT64_MAX
#define EVENT_COMMAND           0
#define EVENT_MESSAGE           1
#define PRIMARY_NUMBERS_PER_ROW 4

/* Numbers of the messages that matter here, as the recorder numbers them. */
enum worker_message {
    MESSAGE_DESTROY_SURFACES = 19,
    MESSAGE_CREATE_PRIMARY = 20,
    MESSAGE_DESTROY_PRIMARY = 21,
    MESSAGE_DESTROY_SURFACES_ASYNC = 28,
    MESSAGE_CREATE_PRIMARY_ASYNC = 29,
    MESSAGE_DESTROY_PRIMARY_ASYNC = 30,
};

struct SpiceReplay {
    struct replay_input *input;
    bool has_primary;
    struct replay_blocks *primary_memory;
    GMutex lock; /* guards what follows */
    GCond surface_freed;
    uint64_t *recorded; /* by the replay's number: the recording's, or SURFACE_FREE */
    bool *superseded;   /* the recording has given its number to a later surface */
    uint32_t surface_count;
};

struct replay_command {
    QXLCommandExt ext; /* first: callers know a command by this address */
    struct replay_blocks *blocks;
    uint32_t destroyed_surface; /* 0: none */
};

static uint32_t surface_find(void *opaque, uint32_t recorded)
{
    SpiceReplay *replay = opaque;
    uint32_t found = 0;

    if (recorded == UINT32_MAX)
        return recorded;
    g_mutex_lock(&replay->lock);
    for (uint32_t i = 0; i < replay->surface_count; i++) {
        if (replay->recorded[i] == recorded && !replay->superseded[i])
            found = i;
    }
    g_mutex_unlock(&replay->lock);
    return found;
}

/* Called with the lock held. Number 0 stays the primary surface's. */
static uint32_t surface_take_free(SpiceReplay *replay, uint32_t recorded)
{
    for (uint32_t i = 1; i < replay->surface_count; i++) {
        if (replay->recorded[i] == SURFACE_FREE) {
            replay->recorded[i] = recorded;
            replay->superseded[i] = false;
            return i;
        }
    }
    return 0;
}

static uint32_t surface_create(void *opaque, uint32_t recorded)
{
    SpiceReplay *replay = opaque;
    gint64 until = g_get_monotonic_time() + SURFACE_WAIT_US;
    bool in_time = true;
    uint32_t id;

    g_mutex_lock(&replay->lock);
    for (uint32_t i = 1; i < replay->surface_count; i++) {
        if (replay->recorded[i] == recorded)
            replay->superseded[i] = true;
    }
    while ((id = surface_take_free(replay, recorded)) == 0 && in_time)
        in_time = g_cond_wait_until(&replay->surface_freed, &replay->lock, until);
    g_mutex_unlock(&replay->lock);
    if (id == 0)
        replay_input_fail(replay->input);
    return id;
}

static void surface_release(SpiceReplay *replay, uint32_t id)
{
    g_mutex_lock(&replay->lock);
    if (id > 0 && id < replay->surface_count) {
        replay->recorded[id] = SURFACE_FREE;
        g_cond_signal(&replay->surface_freed);
    }
    g_mutex_unlock(&replay->lock);
}

static void destroy_primary(SpiceReplay *replay, QXLInstance *instance)
{
    replay->has_primary = false;
    spice_qxl_destroy_primary_surface(instance, 0);
    g_clear_pointer(&replay->primary_memory, replay_blocks_free);
}

/* A recording without the pixels gets an empty picture. */
static uint8_t *read_primary_pixels(SpiceReplay *replay, const QXLDevSurfaceCreate *surface)
{
    uint64_t expected = (uint64_t)surface->height * (uint64_t)llabs(surface->stride);
    size_t size;
    uint8_t *pixels = replay_input_block(replay->input, "data", 0, &size);

    if (size == 0 && expected <= REPLAY_COMMAND_MAX)
        return replay_input_alloc(replay->input, expected);
    if (size != expected)
        replay_input_fail(replay->input);
    return pixels;
}

static void create_primary(SpiceReplay *replay, QXLInstance *instance)
{
    QXLDevSurfaceCreate surface = {0};
    uint32_t geometry[PRIMARY_NUMBERS_PER_ROW] = {0}, modes[PRIMARY_NUMBERS_PER_ROW] = {0};

    replay_input_numbers(replay->input, "", geometry, sizeof(geometry[0]), G_N_ELEMENTS(geometry));
    replay_input_numbers(replay->input, "", modes, sizeof(modes[0]), G_N_ELEMENTS(modes));
    surface.width = geometry[0];
    surface.height = geometry[1];
    surface.stride = (int32_t)geometry[2];
    surface.format = geometry[3];
    surface.position = modes[0];
    surface.mouse_mode = modes[1];
    surface.flags = modes[2];
    surface.type = modes[3];
    surface.mem = (uintptr_t)read_primary_pixels(replay, &surface);
    if (replay_input_failed(replay->input))
        return;
    if (replay->has_primary)
        destroy_primary(replay, instance);
    replay_blocks_free(replay->primary_memory);
    replay->primary_memory = replay_input_take(replay->input);
    replay->has_primary = true;
    spice_qxl_create_primary_surface(instance, 0, &surface);
}

static void destroy_surfaces(SpiceReplay *replay, QXLInstance *instance)
{
    replay->has_primary = false;
    spice_qxl_destroy_surfaces(instance);
}

static const struct {
    enum worker_message message;
    void (*act)(SpiceReplay *replay, QXLInstance *instance);
} worker_messages[] = {
    {MESSAGE_DESTROY_SURFACES, destroy_surfaces},
    {MESSAGE_CREATE_PRIMARY, create_primary},
    {MESSAGE_DESTROY_PRIMARY, destroy_primary},
    {MESSAGE_DESTROY_SURFACES_ASYNC, destroy_surfaces},
    {MESSAGE_CREATE_PRIMARY_ASYNC, create_primary},
    {MESSAGE_DESTROY_PRIMARY_ASYNC, destroy_primary},
};

/* Messages without a row have no body and mean nothing for the picture. */
static void act_on_message(SpiceReplay *replay, QXLInstance *instance, uint64_t message)
{
    for (size_t i = 0; i < G_N_ELEMENTS(worker_messages); i++) {
        if ((uint64_t)worker_messages[i].message == message)
            worker_messages[i].act(replay, instance);
    }
}

static struct replay_command *make_command(SpiceReplay *replay, uint32_t type, void *body)
{
    struct replay_command *command = g_new0(struct replay_command, 1);
    const QXLSurfaceCmd *surface = body;

    command->ext.cmd.type = type;
    command->ext.cmd.data = (uintptr_t)body;
    command->blocks = replay_input_take(replay->input);
    if (type == QXL_CMD_SURFACE && surface->type == QXL_SURFACE_CMD_DESTROY)
        command->destroyed_surface = surface->surface_id;
    ((QXLReleaseInfo *)body)->id = (uintptr_t)command;
    return command;
}

EXPORT QXLCommandExt *spice_replay_next_cmd(SpiceReplay *replay, QXLInstance *instance)
{
    struct replay_surfaces surfaces = {surface_find, surface_create, replay};
    enum { COUNTER, WHAT, TYPE, TIME, EVENT_NUMBERS };
    uint64_t event[EVENT_NUMBERS] = {0};
    void *body = NULL;

    if (!replay)
        return NULL;
    do {
        replay_input_numbers(replay->input, "event", event, sizeof(event[0]), EVENT_NUMBERS);
        if (!replay_input_failed(replay->input) && event[WHAT] == EVENT_MESSAGE)
            act_on_message(replay, instance, event[TYPE]);
    } while (!replay_input_failed(replay->input) && event[WHAT] != EVENT_COMMAND);
    if (!replay_input_failed(replay->input) && event[TYPE] <= UINT32_MAX)
        body = replay_command_read(replay->input, &surfaces, (uint32_t)event[TYPE]);
    if (!body) {
        replay_input_fail(replay->input);
        replay_blocks_free(replay_input_take(replay->input));
        return NULL;
    }
    return &make_command(replay, (uint32_t)event[TYPE], body)->ext;
}

EXPORT void spice_replay_free_cmd(SpiceReplay *replay, QXLCommandExt *cmd)
{
    void *memory = cmd;
    struct replay_command *command = memory;

    if (!replay || !command)
        return;
    surface_release(replay, command->destroyed_surface);
    replay_blocks_free(command->blocks);
    g_free(command);
}

EXPORT SpiceReplay *spice_replay_new(FILE *file, int nsurfaces)
{
    SpiceReplay *replay;
    unsigned version = 0;

    if (!file || fscanf(file, "SPICE_REPLAY %u", &version) != 1 || version != 1 ||
        getc(file) != '\n') {
        g_warning("not a recording of a known version");
        return NULL;
    }
    replay = g_new0(SpiceReplay, 1);
    replay->input = replay_input_new(file);
    replay->surface_count = (uint32_t)CLAMP(nsurfaces, 1, SURFACES_MAX);
    replay->recorded = g_new(uint64_t, replay->surface_count);
    replay->superseded = g_new0(bool, replay->surface_count);
    memset(replay->recorded, 0xff, replay->surface_count * sizeof(replay->recorded[0]));
    replay->recorded[0] = 0;
    g_mutex_init(&replay->lock);
    g_cond_init(&replay->surface_freed);
    return replay;
}

/* Closes the file given to spice_replay_new(). */
EXPORT void spice_replay_free(SpiceReplay *replay)
{
    if (!replay)
        return;
    replay_input_free(replay->input);
    replay_blocks_free(replay->primary_memory);
    g_free(replay->recorded);
    g_free(replay->superseded);
    g_mutex_clear(&replay->lock);
    g_cond_clear(&replay->surface_freed);
    g_free(replay);
}
