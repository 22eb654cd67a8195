/* SPDX-License-Identifier: MIT */
/* The link stage's login by SASL. */
#include <glib.h>
#include <spice/protocol.h>
#include <string.h>

#include "wire/link_impl.h"

enum {
    MECHANISMS_MAX = 300, /* bytes of their names: what clients take */
    STEPS_MAX = 32,       /* real logins have two or three */
};

void link_sasl_begin(struct link *self)
{
    const char *names = self->ops->sasl_mechanisms(self->opaque);

    if (!names || strlen(names) > MECHANISMS_MAX) {
        link_fail(self, SPICE_LINK_ERR_ERROR, "no SASL mechanism to offer");
        return;
    }
    self->sasl_mechanisms = names;
    buf_u32(&self->output, (uint32_t)strlen(names));
    buf_append(&self->output, names, strlen(names));
    link_wait_for(self, PHASE_SASL_NAME_SIZE, sizeof(uint32_t));
}

void link_sasl_name_size(struct link *self, struct reader in)
{
    uint32_t size = reader_u32(&in);

    if (size < 1 || size > LINK_SASL_NAME_MAX)
        link_fail(self, SPICE_LINK_ERR_INVALID_DATA, "name of a SASL mechanism of a wrong size");
    else
        link_wait_for(self, PHASE_SASL_NAME, size);
}

static bool is_offered(const struct link *self, const char *name)
{
    g_auto(GStrv) names = g_strsplit(self->sasl_mechanisms, ",", -1);

    return *name && g_strv_contains((const char *const *)names, name);
}

void link_sasl_name(struct link *self, struct reader in)
{
    size_t size = reader_left(&in);

    memcpy(self->sasl_name, reader_bytes(&in, size), size);
    self->sasl_name[size] = 0;
    if (strlen(self->sasl_name) != size || !is_offered(self, self->sasl_name))
        link_fail(self, SPICE_LINK_ERR_INVALID_DATA, "SASL mechanism that was not offered");
    else
        link_wait_for(self, PHASE_SASL_DATA_SIZE, sizeof(uint32_t));
}

static void answer(struct link *self, const struct buf *data, bool done)
{
    buf_u32(&self->output, data->len ? (uint32_t)data->len + 1 : 0);
    if (data->len) {
        buf_append(&self->output, data->data, data->len);
        buf_u8(&self->output, 0);
    }
    buf_u8(&self->output, done);
}

static void handle_answer(struct link *self, enum link_sasl result, const struct buf *data)
{
    switch (result) {
    case LINK_SASL_MORE:
        answer(self, data, false);
        link_wait_for(self, PHASE_SASL_DATA_SIZE, sizeof(uint32_t));
        break;
    case LINK_SASL_DONE:
        answer(self, data, true);
        buf_u32(&self->output, SPICE_LINK_ERR_OK);
        self->state = LINK_LOGGED_IN;
        break;
    case LINK_SASL_FAILED:
        /* The client waits for data here: there is no place for a result. */
        link_fail(self, SPICE_LINK_ERR_PERMISSION_DENIED, "SASL login refused");
        break;
    }
}

static void step(struct link *self, const void *data, size_t len)
{
    const char *name = self->sasl_steps ? NULL : self->sasl_name;
    struct buf out = BUF_INIT;
    enum link_sasl result;

    if (++self->sasl_steps > STEPS_MAX) {
        link_fail(self, SPICE_LINK_ERR_INVALID_DATA, "SASL login of too many steps");
        return;
    }
    result = self->ops->sasl_step(self->opaque, name, data, len, &out);
    if (out.len >= LINK_SASL_DATA_MAX)
        link_fail(self, SPICE_LINK_ERR_ERROR, "SASL answer too long");
    else
        handle_answer(self, result, &out);
    buf_free(&out);
}

void link_sasl_data_size(struct link *self, struct reader in)
{
    uint32_t size = reader_u32(&in);

    if (size > LINK_SASL_DATA_MAX)
        link_fail(self, SPICE_LINK_ERR_INVALID_DATA, "too much SASL data");
    else if (size)
        link_wait_for(self, PHASE_SASL_DATA, size);
    else
        step(self, NULL, 0);
}

void link_sasl_data(struct link *self, struct reader in)
{
    size_t size = reader_left(&in);
    uint8_t *bytes = g_memdup2(reader_bytes(&in, size), size);

    /* The last byte should be a NUL: mechanisms may count on it. */
    bytes[size - 1] = 0;
    step(self, bytes, size - 1);
    g_free(bytes);
}
