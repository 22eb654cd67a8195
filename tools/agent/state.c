/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/log.h"
#include "bus.h"
#include "clip.h"
#include "port.h"
#include "vmstate/fields_buf.h"

enum {
    VERSION = 1, /* of fields: rows depend on none */
    LOAD_BUDGET = 4 << 20,
    LENGTHS = 13 * 4, /* the rows of the blob that are no bytes, at most */
};

G_STATIC_ASSERT(2 * AGENT_BLOB_BYTES_MAX + AGENT_BLOB_OWN_MAX + AGENT_BLOB_HUB_MAX + LENGTHS <=
                BUS_STATE_MAX);

/* ---- Save ---- */

/* The bytes of `from` become *bytes, which the blob owns. */
static void move_bytes(struct buf *from, uint32_t *len, uint8_t **bytes)
{
    *len = (uint32_t)from->len;
    *bytes = from->len ? g_memdup2(from->data, from->len) : NULL;
    buf_free(from);
}

static void save_hub(const struct main_state *main, struct agent_blob *out)
{
    struct fields_error error;
    struct buf bytes = BUF_INIT;

    if (!fields_save(&saved_hub_table, VERSION, &main->hub, &bytes, 0, &error))
        log_warn("the hub's state cannot be saved (%s: %s): the target begins anew", error.field,
                 error.reason);
    move_bytes(&bytes, &out->hub_len, &out->hub);
}

/* hub_save's bytes: first what waits for the guest, then the clipboard's own. */
static void save_bytes(const struct main_state *main, struct port *port, struct agent_blob *out)
{
    const struct saved_char_device *agent = &main->agent;
    struct buf in = BUF_INIT, waits = BUF_INIT, own = BUF_INIT;
    uint32_t old = main->hub.out_len;

    if (port) {
        port_drain(port, AGENT_BLOB_BYTES_MAX, &in);
        port_unread(port, &waits);
    }
    if (agent->write_size) {
        buf_append(&waits, agent->write_data, old);
        buf_append(&own, agent->write_data + old, agent->write_size - old);
    }
    move_bytes(&in, &out->in_len, &out->in);
    move_bytes(&waits, &out->out_len, &out->out);
    move_bytes(&own, &out->own_len, &out->own);
    out->own_messages = agent->write_num_client_tokens;
}

/* Only whole: half a text is no text. */
static void save_text(const struct clip *clip, struct agent_blob *out)
{
    size_t others = LENGTHS + out->in_len + out->out_len + out->own_len + out->hub_len;
    struct clip_words words = clip_unsaid(clip);

    out->begun = (uint32_t)words.begun;
    if (!words.len || words.len > AGENT_BLOB_TEXT_MAX || others + words.len > BUS_STATE_MAX)
        return;
    out->text_len = (uint32_t)words.len;
    out->text = g_memdup2(words.unsaid, words.len);
}

static GBytes *pack(const struct agent_blob *blob)
{
    const struct agent_blob nothing = {.magic = AGENT_BLOB_MAGIC, .version = AGENT_BLOB_VERSION};
    struct fields_error error;
    struct buf bytes = BUF_INIT;

    if (!fields_save(&agent_blob_table, VERSION, blob, &bytes, 0, &error)) {
        log_warn("the state cannot be saved (%s: %s): the target begins anew", error.field,
                 error.reason);
        buf_reset(&bytes);
        fields_save(&agent_blob_table, VERSION, &nothing, &bytes, 0, &error);
    }
    return g_bytes_new_take(bytes.data, bytes.len);
}

GBytes *state_save(struct hub *hub, struct clip *clip, struct port *port)
{
    struct agent_blob blob = {.magic = AGENT_BLOB_MAGIC, .version = AGENT_BLOB_VERSION};
    struct main_state main = {0};
    GBytes *bytes;

    hub_freeze(hub);
    hub_save(clip_client(clip), NULL, &main);
    if (main.has_hub) {
        save_hub(&main, &blob);
        save_bytes(&main, port, &blob);
        save_text(clip, &blob);
    }
    hub_thaw(hub);
    bytes = pack(&blob);
    fields_free(&agent_blob_table, &blob);
    fields_free(&saved_hub_table, &main.hub);
    g_free(main.agent.write_data);
    g_free(main.a2c.msg_header);
    return bytes;
}

/* ---- Load ---- */

static bool load_table(const struct field_table *table, const uint8_t *bytes, size_t len,
                       void *object)
{
    struct fields_input in = {.bytes = bytes, .len = len, .budget = LOAD_BUDGET};
    struct fields_error error;

    if (!fields_load(table, VERSION, &in, object, &error)) {
        log_warn("the state that came is of no use: %s: %s (offset %zu)", error.field, error.reason,
                 error.offset);
        return false;
    }
    return true;
}

/* The hub hears of it as it would of a client of the server. All tokens that are not on their way
 * come to the clipboard's side as news. */
static void fill_agent(const struct agent_blob *blob, struct main_state *main)
{
    struct buf bytes = BUF_INIT;

    if (blob->out_len)
        buf_append(&bytes, blob->out, blob->out_len);
    if (blob->own_len)
        buf_append(&bytes, blob->own, blob->own_len);
    main->has_hub = true;
    main->hub.out_len = blob->out_len;
    main->agent.version = SAVED_VERSION;
    main->agent.connected = true;
    main->agent.num_send_tokens = UINT32_MAX;
    main->agent.write_num_client_tokens = blob->own_messages;
    main->agent.write_size = (uint32_t)bytes.len;
    main->agent.write_data = bytes.data;
}

/* How much of what the guest was saying to the clipboard's side is still to come. */
static uint32_t end_of_message(const struct state *self)
{
    const struct saved_inflow *streams[] = {&self->main.hub.client_port,
                                            &self->main.hub.server_port};

    for (unsigned i = 0; i < G_N_ELEMENTS(streams); i++) {
        const struct saved_inflow *in = streams[i];
        if (in->left && in->to.kind == SAVED_CLIENT && in->to.id == self->client)
            return in->left;
    }
    return 0;
}

static bool load_hub(struct state *self)
{
    if (!self->blob.hub_len) {
        log_note("the state that came knows of no agent in the guest");
        return false;
    }
    if (!load_table(&saved_hub_table, self->blob.hub, self->blob.hub_len, &self->main.hub))
        return false;
    if (self->main.hub.n_members > 1) {
        log_warn("the state that came is of no use: it has more than one clipboard");
        return false;
    }
    self->client = self->main.hub.n_members ? self->main.hub.members[0].id : 0;
    if (!self->client || !self->main.hub.members[0].started)
        self->blob.own_messages = 0; /* of no session */
    self->words = (struct clip_words){self->blob.text, self->blob.text_len, self->blob.begun,
                                      end_of_message(self)};
    return true;
}

bool state_load(const uint8_t *bytes, size_t len, struct state *out)
{
    memset(out, 0, sizeof(*out));
    if (len > BUS_STATE_MAX) {
        log_warn("the state that came is of no use: %zu bytes", len);
        return false;
    }
    if (load_table(&agent_blob_table, bytes, len, &out->blob) && load_hub(out)) {
        fill_agent(&out->blob, &out->main);
        return true;
    }
    state_clear(out);
    return false;
}

void state_clear(struct state *self)
{
    fields_free(&agent_blob_table, &self->blob);
    fields_free(&saved_hub_table, &self->main.hub);
    g_free(self->main.agent.write_data);
    memset(self, 0, sizeof(*self));
}
