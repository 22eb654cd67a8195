/* SPDX-License-Identifier: MIT */
/* Files on their way from clients to the guest. Each client numbers its own; towards the guest a
 * file keeps its client's number unless another client uses that one. */
#include "agent/hub_impl.h"

static struct file *file_at(struct hub *hub, guint i)
{
    return &g_array_index(hub->files, struct file, i);
}

/* Index, or -1. */
static int find_of(struct hub *hub, const struct hub_client *client, uint32_t id)
{
    for (guint i = 0; i < hub->files->len; i++) {
        if (file_at(hub, i)->client == client && file_at(hub, i)->id == id)
            return (int)i;
    }
    return -1;
}

static int find_guest(struct hub *hub, uint32_t guest_id)
{
    for (guint i = 0; i < hub->files->len; i++) {
        if (file_at(hub, i)->guest_id == guest_id)
            return (int)i;
    }
    return -1;
}

static void say_status(struct party *to, uint32_t id, uint32_t result)
{
    struct buf body = BUF_INIT;

    buf_u32(&body, id);
    buf_u32(&body, result);
    party_send(to, VD_AGENT_FILE_XFER_STATUS, body.data, body.len);
    buf_free(&body);
}

/* Clients that know no details hear of an error. */
static uint32_t result_for(const struct hub_client *client, uint32_t result)
{
    return result > VD_AGENT_FILE_XFER_STATUS_SUCCESS &&
                   !(client->party.caps & CAP(FILE_XFER_DETAILED_ERRORS))
               ? VD_AGENT_FILE_XFER_STATUS_ERROR
               : result;
}

static void refuse(struct hub_client *client, uint32_t id, uint32_t result)
{
    say_status(&client->party, id, result_for(client, result));
}

/* The result to refuse it with, or CAN_SEND_DATA. */
static uint32_t judge(struct hub *hub, const struct hub_client *client, uint32_t id)
{
    unsigned n = 0;

    for (guint i = 0; i < hub->files->len; i++)
        n += file_at(hub, i)->client == client;
    if (!hub->switches.file_xfer || hub->guest.caps & CAP(FILE_XFER_DISABLED))
        return VD_AGENT_FILE_XFER_STATUS_DISABLED;
    if (!party_is_ready(&hub->guest))
        return VD_AGENT_FILE_XFER_STATUS_VDAGENT_NOT_CONNECTED;
    if (n >= FILES_EACH || hub->files->len >= FILES_MAX || find_of(hub, client, id) >= 0)
        return VD_AGENT_FILE_XFER_STATUS_ERROR;
    return VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA;
}

static uint32_t free_guest_id(struct hub *hub, uint32_t wanted)
{
    while (find_guest(hub, wanted) >= 0)
        wanted += 0x10000;
    return wanted;
}

static void begin(struct inflow *in, uint32_t type, uint32_t guest_id, const struct reader *rest_of,
                  uint32_t rest)
{
    struct reader more = *rest_of;
    size_t here = reader_left(&more);
    struct buf head = BUF_INIT;

    buf_u32(&head, guest_id);
    buf_append(&head, reader_bytes(&more, here), here);
    in->to = &in->from->hub->guest;
    party_begin(in->to, in, type, head.data, head.len, (uint32_t)head.len + rest);
    buf_free(&head);
}

static bool guest_is_busy(const struct hub *hub)
{
    return hub->guest.source || !party_room(&hub->guest);
}

bool on_file_start(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct hub *hub = in->from->hub;
    struct hub_client *client = in->from->client;
    struct file file = {client, reader_u32(body), 0};
    uint32_t result = judge(hub, client, file.id);

    if (result != VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA) {
        refuse(client, file.id, result);
        return true;
    }
    if (guest_is_busy(hub))
        return false;
    file.guest_id = free_guest_id(hub, file.id);
    g_array_append_val(hub->files, file);
    begin(in, type, file.guest_id, body, rest);
    return true;
}

bool on_file_data(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct hub *hub = in->from->hub;
    int i = find_of(hub, in->from->client, reader_u32(body));

    if (i < 0)
        return true;
    if (guest_is_busy(hub))
        return false;
    begin(in, type, file_at(hub, (guint)i)->guest_id, body, rest);
    return true;
}

/* Passes a status on, with its details if the receiver knows them. */
static void pass_status(struct party *to, uint32_t id, uint32_t result, struct reader *body)
{
    size_t more = reader_left(body);
    struct buf out = BUF_INIT;

    if (to->client && !(to->client->party.caps & CAP(FILE_XFER_DETAILED_ERRORS)))
        more = 0;
    buf_u32(&out, id);
    buf_u32(&out, to->client ? result_for(to->client, result) : result);
    buf_append(&out, reader_bytes(body, more), more);
    party_send(to, VD_AGENT_FILE_XFER_STATUS, out.data, out.len);
    buf_free(&out);
}

bool on_file_status(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct party *from = in->from;
    struct hub *hub = from->hub;
    uint32_t id = reader_u32(body);
    uint32_t result = reader_u32(body);
    int i = from->client ? find_of(hub, from->client, id) : find_guest(hub, id);
    struct file file;

    if (i < 0)
        return true;
    file = *file_at(hub, (guint)i);
    if (result != VD_AGENT_FILE_XFER_STATUS_CAN_SEND_DATA)
        g_array_remove_index(hub->files, (guint)i);
    if (from->client)
        pass_status(&hub->guest, file.guest_id, result, body);
    else
        pass_status(&file.client->party, file.id, result, body);
    return true;
}

void files_client_left(struct hub_client *client)
{
    struct hub *hub = client->party.hub;

    for (guint i = hub->files->len; i-- > 0;) {
        struct file file = *file_at(hub, i);
        if (file.client != client)
            continue;
        g_array_remove_index(hub->files, i);
        if (party_is_ready(&hub->guest))
            say_status(&hub->guest, file.guest_id, VD_AGENT_FILE_XFER_STATUS_CANCELLED);
    }
}

void files_guest_left(struct hub *self)
{
    for (guint i = 0; i < self->files->len; i++)
        refuse(file_at(self, i)->client, file_at(self, i)->id, VD_AGENT_FILE_XFER_STATUS_CANCELLED);
    g_array_set_size(self->files, 0);
}

void files_end(struct hub *self)
{
    for (guint i = 0; i < self->files->len; i++) {
        const struct file *file = file_at(self, i);
        refuse(file->client, file->id, VD_AGENT_FILE_XFER_STATUS_DISABLED);
        say_status(&self->guest, file->guest_id, VD_AGENT_FILE_XFER_STATUS_CANCELLED);
    }
    g_array_set_size(self->files, 0);
}
