/* SPDX-License-Identifier: MIT */
/*
 * The bodies of MIGRATE_DATA: header, struct, pointed data, and our trailer behind them. Without
 * the trailer they are byte for byte what other servers write and read; those ignore the trailer.
 *
 * A body came through a client's hands: load takes any bytes and gives a valid struct or an error.
 * Structs and layouts: proto/saved_state.h. Any thread.
 */
#ifndef CARAVAN_MIGRATE_BLOB_H
#define CARAVAN_MIGRATE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/saved_state.h"
#include "vmstate/fields.h"

struct buf;

/* Save: append the body to out (its offsets count from where it begins, so out may hold a message
 * header before it). False, with out as before, when the state is not valid or the body would be
 * larger than a receiver takes. Tile hashes that do not fit SAVED_TRAILER_MAX are such an error.
 *
 * Load: fill *out, whatever it held; on success it owns heap (the _free function), on failure it is
 * all zero. Bytes behind the pointed data that are no trailer are ignored; a broken trailer is an
 * error. error may be NULL. */

bool blob_main_save(const struct main_state *state, struct buf *out, struct fields_error *error);
bool blob_main_load(const uint8_t *bytes, size_t len, struct main_state *out,
                    struct fields_error *error);
void blob_main_free(struct main_state *state);

/* lossy: the sender wrote its surfaces with rectangles (its JPEG compression is on); nothing in the
 * bytes tells. save goes by state->surfaces.lossy. */
bool blob_display_save(const struct display_state *state, struct buf *out,
                       struct fields_error *error);
bool blob_display_load(const uint8_t *bytes, size_t len, bool lossy, struct display_state *out,
                       struct fields_error *error);
void blob_display_free(struct display_state *state);

bool blob_inputs_save(const struct inputs_state *state, struct buf *out,
                      struct fields_error *error);
bool blob_inputs_load(const uint8_t *bytes, size_t len, struct inputs_state *out,
                      struct fields_error *error);
void blob_inputs_free(struct inputs_state *state);

bool blob_vmc_save(const struct vmc_state *state, struct buf *out, struct fields_error *error);
bool blob_vmc_load(const uint8_t *bytes, size_t len, struct vmc_state *out,
                   struct fields_error *error);
/* Of a smart card's channel; save goes by state->is_card. */
bool blob_card_load(const uint8_t *bytes, size_t len, struct vmc_state *out,
                    struct fields_error *error);
void blob_vmc_free(struct vmc_state *state);

#endif
