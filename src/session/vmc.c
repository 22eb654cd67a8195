/* SPDX-License-Identifier: MIT */
#include "session/vmc.h"

#include <spice/enums.h>
#include <string.h>

#include "base/log.h"
#include "channel/main.h"
#include "channel/vscard.h"
#include "session/server_impl.h"
#include "stream/pump.h"

enum {
    PATIENCE_MS = 10 * 1000, /* after the VM's start, for owners whose state is on its way */
    EARLY_MAX = 128 * 1024,  /* of a card reader, for an owner whose state is on its way */
    EMPTY_MS = 1000,         /* between two clients' cards: guests look at a reader that often */
    FETCH_MS = 200,          /* for the guest to fetch an answer */
    ERRORS_MAX = 10,         /* for a guest that asks on */
};

/* A card reader whose last client has left. */
enum leaving {
    LEFT_ALL_DONE,
    LEFT_ANSWERS, /* for the guest to fetch; the farewell is to come */
    LEFT_EMPTY,   /* the guest may not have noticed yet */
};

struct vmc_device {
    struct vmc_devices *all;
    struct char_device *device; /* NULL: removed */
    uint8_t type, id;
    bool pinned;
    char *name;
    GPtrArray *links; /* struct vmc_endpoint, in the order in which they came */
    struct vmc_endpoint *owner;
    struct buf early; /* what a card reader said to an owner whose state is on its way */
    enum leaving leaving;
    bool looking;            /* the guest runs, and has its time */
    unsigned errors;         /* it was answered since then */
    struct loop_timer *seen; /* runs while looking */
};

/* An id of a removed device, which these clients still know. */
struct retired {
    uint8_t type, id;
    GArray *clients; /* uint32_t */
};

struct vmc_devices {
    struct server *server;
    GPtrArray *list;    /* struct vmc_device */
    GPtrArray *dead;    /* removed ones: somebody below us may still be inside one */
    GPtrArray *retired; /* struct retired */
    struct loop_timer *patience;
    bool impatient;
};

static void device_free(gpointer opaque)
{
    struct vmc_device *self = opaque;

    g_ptr_array_free(self->links, TRUE);
    buf_free(&self->early);
    loop_timer_remove(self->seen);
    g_free(self->name);
    g_free(self);
}

static void retired_free(gpointer opaque)
{
    struct retired *self = opaque;

    g_array_free(self->clients, TRUE);
    g_free(self);
}

static void settle_all(struct vmc_devices *self);

static void on_patience(void *opaque)
{
    struct vmc_devices *self = opaque;

    self->impatient = true;
    settle_all(self);
}

struct vmc_devices *vmc_devices_new(struct server *server)
{
    struct vmc_devices *self = g_new0(struct vmc_devices, 1);

    self->server = server;
    self->list = g_ptr_array_new();
    self->dead = g_ptr_array_new_with_free_func(device_free);
    self->retired = g_ptr_array_new_with_free_func(retired_free);
    self->patience = loop_timer_add(server->loop, on_patience, self);
    return self;
}

void vmc_devices_free(struct vmc_devices *self)
{
    if (!self)
        return;
    g_ptr_array_free(self->list, TRUE);
    g_ptr_array_free(self->dead, TRUE);
    g_ptr_array_free(self->retired, TRUE);
    loop_timer_remove(self->patience);
    g_free(self);
}

/* ---- Who has a device ---- */

static void tell_opened(struct vmc_device *self)
{
    if (self->owner)
        vmc_link_set_opened(self->owner->link, char_device_port_opened(self->device));
}

/* A new owner meets a device that has just been opened. */
static void take(struct vmc_device *self, struct vmc_endpoint *link)
{
    const struct client *client = link->endpoint->client;

    log_info("client %08x (%s) has %s", client->id, client->peer, self->name);
    char_device_set_open(self->device, false);
    buf_reset(&self->early);
    self->owner = link;
    tell_opened(self);
    char_device_set_open(self->device, true);
    if (self->device && self->owner == link)
        vmc_link_writable(link->link);
}

static bool is_candidate(const struct vmc_endpoint *link)
{
    return pump_is_open(link->pump) && conn_phase(vmc_link_conn(link->link)) == CONN_ACTIVE;
}

static struct vmc_endpoint *next_owner(const struct vmc_device *self)
{
    for (guint i = 0; i < self->links->len; i++) {
        struct vmc_endpoint *link = g_ptr_array_index(self->links, i);
        if (is_candidate(link))
            return link;
    }
    return NULL;
}

static bool expects(const struct vmc_device *self)
{
    for (guint i = 0; i < self->links->len; i++) {
        const struct vmc_endpoint *link = g_ptr_array_index(self->links, i);
        if (pump_is_open(link->pump) && vmc_link_is_expected(link->link))
            return true;
    }
    return false;
}

/* Ids may differ between the hosts, so any link whose state is to come may be the owner's. */
static bool type_expects(const struct vmc_devices *self, uint8_t type)
{
    for (guint i = 0; !self->impatient && i < self->list->len; i++) {
        const struct vmc_device *device = g_ptr_array_index(self->list, i);
        if (device->type == type && expects(device))
            return true;
    }
    return false;
}

static bool is_card(const struct vmc_device *self)
{
    return self->type == SPICE_CHANNEL_SMARTCARD;
}

static void give_reader(struct char_device *device, const struct vsc_message *message)
{
    struct buf bytes = BUF_INIT;

    vsc_put_for_reader(&bytes, message);
    char_device_write(device, bytes.data, bytes.len);
    buf_free(&bytes);
}

/* QEMU's reader forgets what the guest waits for, and what it has not fetched, when the card is
 * pulled: so each question is answered first, and the guest has its time. */
static void give_error(struct char_device *device)
{
    static const uint8_t code[] = {0, 0, 0, VSC_GENERAL_ERROR};

    give_reader(device, &(struct vsc_message){VSC_ERROR, VSC_READER, sizeof(code), code});
}

/* The card is pulled, the reader gone. */
static void bid_farewell(struct char_device *device)
{
    give_reader(device, &(struct vsc_message){.type = VSC_CARD_REMOVE, .reader_id = VSC_READER});
    give_reader(device, &(struct vsc_message){.type = VSC_READER_REMOVE, .reader_id = VSC_READER});
}

/* A card reader has yet to hear that its last client left, or the guest to see it: with another
 * card in at once it would go on as if that were the first. */
static bool is_left_behind(struct vmc_device *self)
{
    if (self->leaving == LEFT_ALL_DONE)
        return false;
    if (!self->looking && self->all->server->vm_running) {
        self->looking = true;
        loop_timer_start(self->seen, self->leaving == LEFT_ANSWERS ? FETCH_MS : EMPTY_MS);
    }
    return true;
}

/* The host restores a device with its connection only if that is there by then: so it is opened as
 * soon as a client comes for it. */
static void settle(struct vmc_device *self)
{
    struct vmc_endpoint *next;

    if (self->owner || !self->device)
        return;
    if (!self->all->impatient && expects(self)) {
        char_device_set_open(self->device, true);
        return;
    }
    if (type_expects(self->all, self->type) || !self->all->server->vm_started_us ||
        is_left_behind(self))
        return;
    next = next_owner(self);
    if (next)
        take(self, next);
    else
        char_device_set_open(self->device, false);
}

static void on_seen(void *opaque)
{
    struct vmc_device *self = opaque;

    self->looking = false;
    if (self->leaving == LEFT_ANSWERS) {
        self->leaving = LEFT_EMPTY;
        bid_farewell(self->device);
        if (self->device)
            char_device_set_open(self->device, false);
    } else if (!char_device_queue(self->device)->len) {
        self->leaving = LEFT_ALL_DONE;
    }
    settle(self);
}

/* Opening a device may bring its host to remove another. */
static void settle_all(struct vmc_devices *self)
{
    g_autoptr(GPtrArray) now = g_ptr_array_copy(self->list, NULL, NULL);

    for (guint i = 0; i < now->len; i++)
        settle(g_ptr_array_index(now, i));
}

void vmc_devices_vm_started(struct vmc_devices *self)
{
    if (!self->impatient)
        loop_timer_start(self->patience, PATIENCE_MS);
    settle_all(self);
}

void vmc_devices_vm_stopped(struct vmc_devices *self)
{
    for (guint i = 0; i < self->list->len; i++) {
        struct vmc_device *device = g_ptr_array_index(self->list, i);
        device->looking = false;
        loop_timer_cancel(device->seen);
    }
}

void vmc_device_join(struct vmc_device *self, struct vmc_endpoint *link)
{
    link->device = self;
    g_ptr_array_add(self->links, link);
    settle(self);
}

/* The answers to the farewell are nobody's: see on_readable. */
static void let_go_of_card(struct vmc_device *self, const struct vmc_link *link)
{
    bool added = vmc_link_card_reader_added(link);

    char_device_drop_queue(self->device);
    self->errors = 0;
    self->leaving = char_device_queue(self->device)->len ? LEFT_EMPTY : LEFT_ALL_DONE;
    if (added)
        self->leaving = LEFT_ANSWERS;
    if (added && vmc_link_card_is_asked(link))
        give_error(self->device);
}

static void let_go(struct vmc_device *self)
{
    struct vmc_endpoint *owner = g_steal_pointer(&self->owner);

    if (self->device && is_card(self))
        let_go_of_card(self, owner->link);
    if (self->device && self->leaving != LEFT_ANSWERS)
        char_device_set_open(self->device, false);
}

void vmc_device_leave(struct vmc_devices *self, struct vmc_endpoint *link)
{
    struct vmc_device *device = link->device;

    link->device = NULL;
    if (!device)
        return;
    g_ptr_array_remove(device->links, link);
    if (device->owner == link)
        let_go(device);
    settle_all(self);
}

bool vmc_device_restore(struct vmc_device *self, struct vmc_endpoint *link, bool had_it)
{
    if (link->device != self) {
        if (link->device)
            g_ptr_array_remove(link->device->links, link);
        link->device = self;
        g_ptr_array_add(self->links, link);
    }
    if (had_it && self->owner)
        return false;
    if (had_it) {
        self->owner = link;
        char_device_set_open(self->device, true);
        tell_opened(self);
        vmc_link_card_said(link->link, self->early.data, self->early.len);
        buf_reset(&self->early);
    }
    settle_all(self->all);
    return true;
}

bool vmc_device_is_owner(const struct vmc_endpoint *link)
{
    return link->device && link->device->device && link->device->owner == link;
}

/* ---- The device's side ---- */

/* QEMU's card reader loses what is not read at once. */
static void listen_for_nobody(struct vmc_device *self)
{
    bool keep = type_expects(self->all, self->type);
    bool asked = false;
    uint8_t bytes[4096];
    size_t n;

    while ((n = char_device_read(self->device, bytes, sizeof(bytes))) > 0) {
        asked = true;
        if (keep && self->early.len + n <= EARLY_MAX)
            buf_append(&self->early, bytes, n);
    }
    if (asked && self->leaving == LEFT_ANSWERS && self->errors++ < ERRORS_MAX) {
        if (self->looking)
            loop_timer_start(self->seen, FETCH_MS);
        give_error(self->device);
    }
}

static void on_readable(void *owner)
{
    struct vmc_device *self = owner;

    if (self->owner)
        vmc_link_readable(self->owner->link);
    else if (is_card(self))
        listen_for_nobody(self);
}

static void on_writable(void *owner)
{
    struct vmc_device *self = owner;

    if (self->owner)
        vmc_link_writable(self->owner->link);
    else
        settle(self);
}

static void on_port_event(void *owner, uint8_t event)
{
    tell_opened(owner);
}

/* Every client that is here may know the id. */
static void retire(struct vmc_device *self)
{
    GPtrArray *clients = self->all->server->clients;
    struct retired *retired = g_new0(struct retired, 1);

    *retired = (struct retired){self->type, self->id, g_array_new(FALSE, FALSE, sizeof(uint32_t))};
    for (guint i = 0; i < clients->len; i++) {
        const struct client *client = g_ptr_array_index(clients, i);
        g_array_append_val(retired->clients, client->id);
    }
    g_ptr_array_add(self->all->retired, retired);
}

static void on_removed(void *owner)
{
    struct vmc_device *self = owner;

    log_info("%s is removed", self->name);
    retire(self);
    g_ptr_array_remove(self->all->list, self);
    g_ptr_array_add(self->all->dead, self);
    self->device = NULL;
    self->owner = NULL;
    loop_timer_cancel(self->seen);
    for (guint i = 0; i < self->links->len; i++) {
        struct vmc_endpoint *link = g_ptr_array_index(self->links, i);
        link->device = NULL;
        pump_close(link->pump, "its device was removed");
    }
    g_ptr_array_set_size(self->links, 0);
}

static const struct char_device_user device_user = {
    .readable = on_readable,
    .writable = on_writable,
    .port_event = on_port_event,
    .removed = on_removed,
};

/* ---- Ids and names ---- */

static bool is_known(const struct vmc_devices *self, const struct retired *retired)
{
    for (guint i = 0; i < retired->clients->len; i++) {
        if (client_find(self->server, g_array_index(retired->clients, uint32_t, i)))
            return true;
    }
    return false;
}

static void forget_retired(struct vmc_devices *self)
{
    for (guint i = self->retired->len; i-- > 0;) {
        if (!is_known(self, g_ptr_array_index(self->retired, i)))
            g_ptr_array_remove_index(self->retired, i);
    }
}

static bool is_retired(const struct vmc_devices *self, uint8_t type, uint8_t id)
{
    for (guint i = 0; i < self->retired->len; i++) {
        const struct retired *retired = g_ptr_array_index(self->retired, i);
        if (retired->type == type && retired->id == id)
            return true;
    }
    return false;
}

/* The lowest that no device has and no client knows; -1: none is left. */
static int free_id(const struct vmc_devices *self, uint8_t type)
{
    for (int id = 0; id <= UINT8_MAX; id++) {
        if (!vmc_device_find(self, type, (uint8_t)id) && !is_retired(self, type, (uint8_t)id))
            return id;
    }
    return -1;
}

/* Clients that have had their list are told of the new one, but for those on their way: they would
 * look for it at the target. */
static void announce(const struct vmc_device *self)
{
    const struct main_channel_id id = {self->type, self->id};
    GPtrArray *clients = self->all->server->clients;

    for (guint i = 0; i < clients->len; i++) {
        const struct client *client = g_ptr_array_index(clients, i);
        struct main_link *link = client->main ? endpoint_main_link(client->main) : NULL;
        if (link && client->listed && client->move.source == MOVE_STAY &&
            conn_phase(main_link_conn(link)) == CONN_ACTIVE)
            main_send_channels(link, &id, 1);
    }
}

bool vmc_device_add(struct vmc_devices *self, struct char_device *device, uint8_t channel_type,
                    int pinned)
{
    const char *port = char_device_port_name(device);
    const char *name = port ? port : char_device_subtype(device);
    struct vmc_device *new;
    int id;

    g_ptr_array_set_size(self->dead, 0);
    forget_retired(self);
    id = pinned >= 0 ? pinned : free_id(self, channel_type);
    if (id < 0 || vmc_device_find(self, channel_type, (uint8_t)id)) {
        log_warn("character device %s is not taken: channel id %d is in use; devices with numbers "
                 "of their own and devices without do not go together",
                 name, id);
        return false;
    }
    new = g_new0(struct vmc_device, 1);
    *new = (struct vmc_device){self, device, channel_type, (uint8_t)id, pinned >= 0};
    new->seen = loop_timer_add(self->server->loop, on_seen, new);
    new->name = g_strdup(name);
    new->links = g_ptr_array_new();
    g_ptr_array_add(self->list, new);
    char_device_set_user(device, &device_user, new);
    announce(new);
    return true;
}

struct vmc_device *vmc_device_find(const struct vmc_devices *self, uint8_t channel_type,
                                   uint8_t channel_id)
{
    for (guint i = 0; i < self->list->len; i++) {
        struct vmc_device *device = g_ptr_array_index(self->list, i);
        if (device->type == channel_type && device->id == channel_id)
            return device;
    }
    return NULL;
}

static bool is_named(const struct vmc_device *self, uint8_t type, const struct saved_device *saved)
{
    return self->type == type && strlen(self->name) == saved->name_len &&
           (!saved->name_len || !memcmp(self->name, saved->name, saved->name_len));
}

/* The device of that name; of several the one with the same id. */
static struct vmc_device *find_named(const struct vmc_devices *self, uint8_t type,
                                     const struct saved_device *saved)
{
    struct vmc_device *found = NULL, *same_id = vmc_device_find(self, type, saved->channel_id);
    unsigned n = 0;

    if (same_id && is_named(same_id, type, saved))
        return same_id;
    for (guint i = 0; i < self->list->len; i++) {
        struct vmc_device *device = g_ptr_array_index(self->list, i);
        if (is_named(device, type, saved)) {
            found = device;
            n++;
        }
    }
    return n == 1 ? found : NULL;
}

/* All of one name, or of names that are ids. */
static bool is_slot(uint8_t type)
{
    return type == SPICE_CHANNEL_USBREDIR || type == SPICE_CHANNEL_SMARTCARD;
}

/* Sockets for USB devices are alike, so their order counts, unless one side names them. */
static struct vmc_device *find_slot(const struct vmc_endpoint *link,
                                    const struct saved_device *saved)
{
    struct vmc_device *device = link->device;
    bool named;

    if (!device)
        return NULL;
    named = device->pinned || saved->channel_id != device->id ||
            (saved->name_len && memchr(saved->name, '.', saved->name_len));
    return !named || is_named(device, device->type, saved) ? device : NULL;
}

/* The name is the client's word. */
static void say_unmatched(const struct vmc_endpoint *link, const struct saved_device *saved)
{
    const struct client *client = link->endpoint->client;
    g_autofree char *name = g_strndup((const char *)saved->name, saved->name_len);
    g_autofree char *shown = g_strescape(name ? name : "", NULL);

    log_warn(
        "client %08x (%s): its %s link %u belonged to the device \"%s\" at the source; here is "
        "none that is the same for sure; give both hosts the same devices and names",
        client->id, client->peer, link->endpoint->ops->name, link->endpoint->request.channel_id,
        shown);
}

struct vmc_device *vmc_device_match(const struct vmc_devices *self, const struct vmc_endpoint *link,
                                    const struct vmc_state *state)
{
    const struct link_request *request = &link->endpoint->request;
    const struct saved_device *saved = &state->identity;
    struct vmc_device *found;

    if (!state->has_identity)
        found = link->device;
    else if (saved->channel_type != request->channel_type)
        found = NULL;
    else if (is_slot(request->channel_type))
        found = find_slot(link, saved);
    else
        found = find_named(self, request->channel_type, saved);
    if (!found)
        say_unmatched(link, saved);
    return found;
}

bool vmc_devices_have(const struct vmc_devices *self, uint8_t type)
{
    for (guint i = 0; i < self->list->len; i++) {
        if (((const struct vmc_device *)g_ptr_array_index(self->list, i))->type == type)
            return true;
    }
    return false;
}

/* Which port an arriving link is for is known with its state only. */
bool vmc_device_accepts(const struct vmc_devices *self, const struct link_request *request,
                        bool by_move)
{
    if (vmc_device_find(self, request->channel_type, request->channel_id))
        return true;
    return by_move && !is_slot(request->channel_type) &&
           vmc_devices_have(self, request->channel_type);
}

void vmc_devices_list(const struct vmc_devices *self, GArray *list)
{
    for (guint i = 0; i < self->list->len; i++) {
        const struct vmc_device *device = g_ptr_array_index(self->list, i);
        const struct main_channel_id id = {device->type, device->id};
        g_array_append_val(list, id);
    }
}

const char *vmc_device_name(const struct vmc_device *self)
{
    return self->name;
}

uint8_t vmc_device_id(const struct vmc_device *self)
{
    return self->id;
}

struct char_device *vmc_device_char(const struct vmc_device *self)
{
    return self->device;
}
