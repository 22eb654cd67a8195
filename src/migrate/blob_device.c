/* SPDX-License-Identifier: MIT */
/* Bodies of the character devices' channels. */
#include <glib.h>

#include "base/buf.h"
#include "migrate/blob_impl.h"

static bool load_identity(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct vmc_state *state = opaque;

    if (state->has_identity)
        return blob_fail(error, in->pos, "device", "listed twice");
    state->has_identity = true;
    return fields_load(&saved_device_table, SAVED_TRAILER_VERSION, in, &state->identity, error);
}

static const struct record_kind vmc_records[] = {
    {SAVED_TAG_DEVICE, load_identity},
};

static const struct body vmc_body = {
    .magic = SAVED_MAGIC_VMC,
    .max = SAVED_VMC_MAX,
    .table = &saved_vmc_table,
    .records = vmc_records,
    .n_records = G_N_ELEMENTS(vmc_records),
};

static const struct body card_body = {
    .magic = SAVED_MAGIC_CARD,
    .max = SAVED_VMC_MAX,
    .table = &saved_card_table,
    .records = vmc_records,
    .n_records = G_N_ELEMENTS(vmc_records),
};

static const struct body *body_of(bool is_card)
{
    return is_card ? &card_body : &vmc_body;
}

static bool save_trailer(const struct vmc_state *state, struct buf *out, struct fields_error *error)
{
    size_t at;

    if (!state->has_identity)
        return true;
    at = blob_begin_trailer(out);
    return blob_save_record(SAVED_TAG_DEVICE, &saved_device_table, &state->identity, out, error) &&
           blob_end_trailer(out, at, error);
}

bool blob_vmc_save(const struct vmc_state *state, struct buf *out, struct fields_error *error)
{
    const struct body *body = body_of(state->is_card);
    size_t base = out->len;
    bool ok = blob_save_body(body, state, out, error) && save_trailer(state, out, error);

    return blob_finish(body, out, base, ok, error);
}

static bool load(const uint8_t *bytes, size_t len, bool is_card, struct vmc_state *out,
                 struct fields_error *error)
{
    *out = (struct vmc_state){.is_card = is_card};
    if (blob_load_body(body_of(is_card), bytes, len, out, error))
        return true;
    blob_vmc_free(out);
    return false;
}

bool blob_vmc_load(const uint8_t *bytes, size_t len, struct vmc_state *out,
                   struct fields_error *error)
{
    return load(bytes, len, false, out, error);
}

bool blob_card_load(const uint8_t *bytes, size_t len, struct vmc_state *out,
                    struct fields_error *error)
{
    return load(bytes, len, true, out, error);
}

void blob_vmc_free(struct vmc_state *state)
{
    fields_free(&saved_card_table, state);
    fields_free(&saved_device_table, &state->identity);
    *state = (struct vmc_state){0};
}
