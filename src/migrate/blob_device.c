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
    size_t base = out->len;
    bool ok = blob_save_body(&vmc_body, state, out, error) && save_trailer(state, out, error);

    return blob_finish(&vmc_body, out, base, ok, error);
}

bool blob_vmc_load(const uint8_t *bytes, size_t len, struct vmc_state *out,
                   struct fields_error *error)
{
    *out = (struct vmc_state){0};
    if (blob_load_body(&vmc_body, bytes, len, out, error))
        return true;
    blob_vmc_free(out);
    return false;
}

void blob_vmc_free(struct vmc_state *state)
{
    fields_free(&saved_vmc_table, state);
    fields_free(&saved_device_table, &state->identity);
    *state = (struct vmc_state){0};
}
