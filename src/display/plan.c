/* SPDX-License-Identifier: MIT */
/*
 * Tiles that need sending are joined to rectangles, first to the right, then downwards. A rectangle
 * may hold clean pixels (sending them again changes nothing); it must hold the whole box of every
 * dirty tile that it touches, or that tile's hash would describe a mixture.
 */
#include "display/blocks.h"
#include "display/motion.h"
#include "display/shown.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

/* Clean pixels that cost less than the messages a split would take: some 130 bytes each. */
#define WASTE_PIXELS 1024
/* And for large steps this part of what has to be sent. */
#define WASTE_PART 2

/* Clean tiles that a run may step over; what that costs is bounded by the waste. */
#define GAP_TILES (64 / TILE_SIZE)

/* A step in the making. */
struct patch {
    struct tile_range tiles;
    pixman_box32_t box;
    uint64_t useful; /* pixels of its tiles' boxes */
    bool made;       /* the step is ready, from blocks */
};

struct planner {
    struct shown *shown;
    struct tile_hashes *hashes;
    const struct pixels *px;
    uint64_t max_pixels;
    struct tile_range clip;             /* patches stay inside */
    const struct block_planner *blocks; /* NULL: none */
    bool keep_out;                      /* patches leave blocks that others take to them */
    struct plan_step *out;
};

static uint64_t box_area(const pixman_box32_t *box)
{
    return (uint64_t)(box->x2 - box->x1) * (uint64_t)(box->y2 - box->y1);
}

/* Whether the tile must be sent; one that changed back to what the client shows is settled. */
static bool tile_needed(struct planner *self, uint32_t col, uint32_t row)
{
    size_t index = shown_index(self->shown, col, row);

    if (self->shown->box[index].x2 == 0) {
        return false;
    }
    if (tile_hashes_get(self->hashes, self->px, col, row) != self->shown->hash[index]) {
        return true;
    }
    shown_settle(self->shown, self->hashes, self->px, col, row);
    return false;
}

/* Whether a patch may not grow over this tile. */
static bool tile_reserved(struct planner *self, uint32_t col, uint32_t row)
{
    return self->keep_out && blocks_reserved(self->blocks, col, row);
}

static struct patch tile_patch(const struct planner *self, uint32_t col, uint32_t row)
{
    struct tile_box tile = self->shown->box[shown_index(self->shown, col, row)];
    int32_t x = (int32_t)(col * TILE_SIZE), y = (int32_t)(row * TILE_SIZE);
    struct patch patch = {
        .tiles = {col, row, col + 1, row + 1},
        .box = {x + tile.x1, y + tile.y1, x + tile.x2, y + tile.y2},
    };

    patch.useful = box_area(&patch.box);
    return patch;
}

/* Joins `more` to `patch` unless that makes it too large or too wasteful. */
static bool patch_join(const struct planner *self, struct patch *patch, const struct patch *more)
{
    struct patch both = {
        .tiles = {MIN(patch->tiles.col1, more->tiles.col1),
                  MIN(patch->tiles.row1, more->tiles.row1),
                  MAX(patch->tiles.col2, more->tiles.col2),
                  MAX(patch->tiles.row2, more->tiles.row2)},
        .box = {MIN(patch->box.x1, more->box.x1), MIN(patch->box.y1, more->box.y1),
                MAX(patch->box.x2, more->box.x2), MAX(patch->box.y2, more->box.y2)},
        .useful = patch->useful + more->useful,
    };
    uint64_t area = box_area(&both.box);

    if (area > self->max_pixels || area > both.useful + both.useful / WASTE_PART + WASTE_PIXELS) {
        return false;
    }
    *patch = both;
    return true;
}

/* Joins what follows in the patch's only row. */
static void grow_right(struct planner *self, struct patch *patch)
{
    uint32_t row = patch->tiles.row1, gap = 0;

    for (uint32_t col = patch->tiles.col2; col < self->clip.col2 && gap <= GAP_TILES; col++) {
        struct patch more;

        if (!tile_needed(self, col, row)) {
            gap++;
            continue;
        }
        more = tile_patch(self, col, row);
        if (tile_reserved(self, col, row) || !patch_join(self, patch, &more)) {
            return;
        }
        gap = 0;
    }
}

static bool range_clean(struct planner *self, uint32_t row, uint32_t col1, uint32_t col2)
{
    for (uint32_t col = col1; col < col2; col++) {
        if (tile_needed(self, col, row)) {
            return false;
        }
    }
    return true;
}

/* Whether the columns of `both` hold nothing to be sent beside those of `part`, in part's rows. */
static bool beside_clean(struct planner *self, const struct patch *part, const struct patch *both)
{
    for (uint32_t row = part->tiles.row1; row < part->tiles.row2; row++) {
        if (!range_clean(self, row, both->tiles.col1, part->tiles.col1) ||
            !range_clean(self, row, part->tiles.col2, both->tiles.col2)) {
            return false;
        }
    }
    return true;
}

/* The run in the row below that begins under the patch, or a little to the left of it. */
static bool run_below(struct planner *self, const struct patch *patch, struct patch *run)
{
    uint32_t row = patch->tiles.row2;
    uint32_t col = patch->tiles.col1 - MIN(patch->tiles.col1 - self->clip.col1, GAP_TILES);

    while (col < patch->tiles.col2 && !tile_needed(self, col, row)) {
        col++;
    }
    if (col == patch->tiles.col2 || tile_reserved(self, col, row)) {
        return false;
    }
    *run = tile_patch(self, col, row);
    grow_right(self, run);
    return true;
}

static void grow_down(struct planner *self, struct patch *patch)
{
    struct patch run;

    while (patch->tiles.row2 < self->clip.row2 && run_below(self, patch, &run)) {
        struct patch both = *patch;

        if (!patch_join(self, &both, &run) || !beside_clean(self, patch, &both) ||
            !beside_clean(self, &run, &both)) {
            return;
        }
        *patch = both;
    }
}

static void settle(struct planner *self, const struct tile_range *tiles)
{
    for (uint32_t row = tiles->row1; row < tiles->row2; row++) {
        for (uint32_t col = tiles->col1; col < tiles->col2; col++) {
            if (self->shown->box[shown_index(self->shown, col, row)].x2 > 0) {
                shown_settle(self->shown, self->hashes, self->px, col, row);
            }
        }
    }
}

/* The patch that begins with this tile, which needs sending. */
static struct patch take_patch(struct planner *self, uint32_t col, uint32_t row)
{
    struct patch patch = tile_patch(self, col, row);

    grow_right(self, &patch);
    grow_down(self, &patch);
    if (self->keep_out) {
        blocks_note_sent(self->blocks, &patch.tiles);
    }
    settle(self, &patch.tiles);
    return patch;
}

/* The step that begins with this tile, which needs sending. */
static struct patch take_step(struct planner *self, uint32_t col, uint32_t row)
{
    struct patch patch = {.made = true};

    if (!self->blocks ||
        !blocks_take(self->blocks, !self->keep_out, col, row, &patch.tiles, self->out)) {
        return take_patch(self, col, row);
    }
    settle(self, &patch.tiles);
    return patch;
}

static bool find_needed(struct planner *self, uint32_t *col, uint32_t *row)
{
    for (*row = self->clip.row1; *row < self->clip.row2; (*row)++) {
        for (*col = self->clip.col1; *col < self->clip.col2; (*col)++) {
            if (tile_needed(self, *col, *row)) {
                return true;
            }
        }
    }
    return false;
}

/* The newest small damage first; small ones with nothing left are forgotten on the way. */
static bool next_small(struct planner *self, struct patch *out)
{
    struct shown *shown = self->shown;

    while (shown->small_count > 0) {
        const pixman_box32_t *box = &shown->small[shown->small_count - 1];
        uint32_t col, row;

        self->clip = (struct tile_range){
            (uint32_t)box->x1 / TILE_SIZE,
            (uint32_t)box->y1 / TILE_SIZE,
            tiles_across((uint32_t)box->x2),
            tiles_across((uint32_t)box->y2),
        };
        if (find_needed(self, &col, &row)) {
            *out = take_step(self, col, row);
            return true;
        }
        shown->small_count--;
    }
    return false;
}

static bool next_of_sweep(struct planner *self, struct patch *out)
{
    uint32_t col, row;

    self->clip = (struct tile_range){0, 0, self->shown->cols, self->shown->rows};
    while (shown_first(self->shown, &col, &row)) {
        if (tile_needed(self, col, row)) {
            *out = take_step(self, col, row);
            return true;
        }
    }
    return false;
}

static bool next_patch(struct planner *self, struct patch *out)
{
    struct shown *shown = self->shown;

    if (shown->small_run < PLAN_SMALL_RUN && next_small(self, out)) {
        shown->small_run++;
        return true;
    }
    shown->small_run = 0;
    self->keep_out = self->blocks != NULL;
    return next_of_sweep(self, out);
}

bool plan_plain(const struct pixels *px, const pixman_box32_t *box, uint32_t *colour)
{
    uint32_t mask = px->format == SPICE_SURFACE_FMT_32_xRGB ? 0x00ffffff : 0xffffffff;
    uint32_t first = 0;

    if (pixels_bytes(px->format) != 4) {
        return false;
    }
    for (int32_t y = box->y1; y < box->y2; y++) {
        const uint8_t *row = pixels_row(px, (uint32_t)y);

        for (int32_t x = box->x1; x < box->x2; x++) {
            uint32_t v;

            memcpy(&v, row + (size_t)x * 4, 4);
            v = GUINT32_FROM_LE(v) & mask;
            if (x == box->x1 && y == box->y1) {
                first = v;
            } else if (v != first) {
                return false;
            }
        }
    }
    *colour = first;
    return true;
}

bool plan_next(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
               const struct plan_limits *limits, struct plan_step *out)
{
    struct planner planner = {
        .shown = self,
        .hashes = hashes,
        .px = px,
        .max_pixels = limits->max_pixels ? limits->max_pixels : PLAN_MAX_PIXELS,
        .out = out,
    };
    struct block_planner blocks = {
        .shown = self,
        .hashes = hashes,
        .px = px,
        .images = limits->images,
        .now_us = limits->now_us,
        .max_pixels = planner.max_pixels,
    };
    struct patch patch;

    *out = (struct plan_step){0};
    if (motion_next(self, hashes, px, out)) {
        return true;
    }
    planner.blocks = blocks_begin(&blocks) ? &blocks : NULL;
    if (!next_patch(&planner, &patch)) {
        return false;
    }
    if (patch.made) {
        return true;
    }
    out->box = patch.box;
    out->kind = plan_plain(px, &patch.box, &out->colour) ? PLAN_FILL : PLAN_IMAGE;
    return true;
}
