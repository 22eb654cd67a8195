/* SPDX-License-Identifier: MIT */
#include "display/blocks.h"

#include <glib.h>

struct block {
    uint32_t pass;   /* when the next four were found */
    uint32_t area;   /* pixels */
    uint32_t needed; /* of them, to be sent */
    bool flat;
    uint64_t content;
    int64_t sent_us[2]; /* the last two times that most of it was sent; 0: never */
};

/* In blocks. */
struct block_rect {
    uint32_t col, row, cols, rows;
};

/* Whether a block goes with a step. */
struct match {
    const struct cached_image *image; /* NULL: into a new image */
    uint32_t col, row;                /* of the image, where the step begins */
};

static uint32_t block_cols(const struct block_planner *self)
{
    return (self->shown->cols + BLOCK_TILES - 1) / BLOCK_TILES;
}

static uint32_t block_rows(const struct block_planner *self)
{
    return (self->shown->rows + BLOCK_TILES - 1) / BLOCK_TILES;
}

static struct tile_range rect_tiles(const struct block_planner *self, const struct block_rect *rect)
{
    return (struct tile_range){
        rect->col * BLOCK_TILES,
        rect->row * BLOCK_TILES,
        MIN((rect->col + rect->cols) * BLOCK_TILES, self->shown->cols),
        MIN((rect->row + rect->rows) * BLOCK_TILES, self->shown->rows),
    };
}

static pixman_box32_t rect_box(const struct block_planner *self, const struct block_rect *rect)
{
    return (pixman_box32_t){
        (int32_t)(rect->col * BLOCK_SIZE),
        (int32_t)(rect->row * BLOCK_SIZE),
        (int32_t)MIN((rect->col + rect->cols) * BLOCK_SIZE, self->shown->width),
        (int32_t)MIN((rect->row + rect->rows) * BLOCK_SIZE, self->shown->height),
    };
}

static uint64_t rect_area(const struct block_planner *self, const struct block_rect *rect)
{
    pixman_box32_t box = rect_box(self, rect);

    return (uint64_t)(box.x2 - box.x1) * (uint64_t)(box.y2 - box.y1);
}

bool blocks_begin(struct block_planner *self)
{
    struct shown *shown = self->shown;

    if (!self->images || image_cache_max_pixels(self->images) < BLOCK_SIZE * BLOCK_SIZE) {
        return false;
    }
    self->max_pixels = MIN(self->max_pixels, image_cache_max_pixels(self->images));
    if (!shown->blocks) {
        shown->blocks = g_try_new0(struct block, (size_t)block_cols(self) * block_rows(self));
    }
    shown->pass++;
    return shown->blocks != NULL;
}

static uint32_t tile_needs(const struct block_planner *self, uint32_t col, uint32_t row,
                           uint64_t hash)
{
    size_t index = shown_index(self->shown, col, row);
    struct tile_box box = self->shown->box[index];

    if (self->shown->hash[index] == hash) {
        return 0;
    }
    return (uint32_t)(box.x2 - box.x1) * (uint32_t)(box.y2 - box.y1);
}

static void study(const struct block_planner *self, struct block *block,
                  const struct block_rect *rect)
{
    struct tile_range tiles = rect_tiles(self, rect);
    pixman_box32_t box = rect_box(self, rect);
    uint64_t hash[BLOCK_TILES * BLOCK_TILES];
    size_t n = 0;

    block->needed = 0;
    block->flat = true;
    for (uint32_t row = tiles.row1; row < tiles.row2; row++) {
        for (uint32_t col = tiles.col1; col < tiles.col2; col++, n++) {
            hash[n] = tile_hashes_get(self->hashes, self->px, col, row);
            block->needed += tile_needs(self, col, row, hash[n]);
            block->flat = block->flat && hash[n] == hash[0];
        }
    }
    block->area = (uint32_t)rect_area(self, rect);
    block->content = shown_block_content(hash, n, self->px->format, (uint32_t)(box.x2 - box.x1),
                                         (uint32_t)(box.y2 - box.y1));
    block->pass = self->shown->pass;
}

static struct block *look(const struct block_planner *self, uint32_t col, uint32_t row)
{
    struct block *block = &self->shown->blocks[(size_t)row * block_cols(self) + col];

    if (block->pass != self->shown->pass) {
        study(self, block, &(struct block_rect){col, row, 1, 1});
    }
    return block;
}

static bool mostly_needed(const struct block *block)
{
    return block->needed * 2 > block->area;
}

static bool worth_a_hit(const struct block *block)
{
    return block->needed >= BLOCK_KNOWN_PIXELS || mostly_needed(block);
}

static bool known(const struct block_planner *self, const struct block *block)
{
    uint32_t col, row;

    return image_cache_find(self->images, block->content, &col, &row) != NULL;
}

static bool storable(const struct block_planner *self, const struct block *block)
{
    bool hot = block->sent_us[1] && self->now_us - block->sent_us[1] < BLOCK_HOT_US;

    return !block->flat && !hot && mostly_needed(block) && !known(self, block);
}

bool blocks_reserved(const struct block_planner *self, uint32_t col, uint32_t row)
{
    const struct block *block = look(self, col / BLOCK_TILES, row / BLOCK_TILES);

    return storable(self, block) || (!block->flat && worth_a_hit(block) && known(self, block));
}

static void note_sent(const struct block_planner *self, const struct block_rect *rect)
{
    for (uint32_t row = rect->row; row < rect->row + rect->rows; row++) {
        for (uint32_t col = rect->col; col < rect->col + rect->cols; col++) {
            struct block *block = look(self, col, row);

            if (mostly_needed(block)) {
                block->sent_us[1] = block->sent_us[0];
                block->sent_us[0] = self->now_us;
            }
        }
    }
}

void blocks_note_sent(const struct block_planner *self, const struct tile_range *tiles)
{
    uint32_t col = tiles->col1 / BLOCK_TILES, row = tiles->row1 / BLOCK_TILES;

    note_sent(self, &(struct block_rect){col, row, (tiles->col2 - 1) / BLOCK_TILES + 1 - col,
                                         (tiles->row2 - 1) / BLOCK_TILES + 1 - row});
}

/* Growing ------------------------------------------------------------------------------------ */

static bool image_has(const struct cached_image *image, uint32_t col, uint32_t row,
                      uint64_t content)
{
    return col < image->cols && row < image->rows &&
           image->blocks[(size_t)row * image->cols + col] == content;
}

/* Whether the block dx to the right of and dy below the step's first one goes with the step. */
static bool goes_along(const struct block_planner *self, const struct match *match,
                       const struct block *block, uint32_t dx, uint32_t dy)
{
    if (match->image) {
        return image_has(match->image, match->col + dx, match->row + dy, block->content);
    }
    return block->flat || storable(self, block);
}

static void grow_right(const struct block_planner *self, const struct match *match,
                       struct block_rect *rect)
{
    struct block_rect more = *rect;

    for (more.cols++; rect->col + more.cols <= block_cols(self); more.cols++) {
        const struct block *block = look(self, rect->col + more.cols - 1, rect->row);

        if (!goes_along(self, match, block, more.cols - 1, 0) ||
            rect_area(self, &more) > self->max_pixels) {
            return;
        }
        if (block->needed > 0) {
            rect->cols = more.cols;
        }
    }
}

static void grow_down(const struct block_planner *self, const struct match *match,
                      struct block_rect *rect)
{
    struct block_rect more = *rect;

    for (more.rows++; rect->row + more.rows <= block_rows(self); more.rows++) {
        uint64_t needed = 0;

        if (rect_area(self, &more) > self->max_pixels) {
            return;
        }
        for (uint32_t dx = 0; dx < rect->cols; dx++) {
            const struct block *block = look(self, rect->col + dx, rect->row + more.rows - 1);

            if (!goes_along(self, match, block, dx, more.rows - 1)) {
                return;
            }
            needed += block->needed;
        }
        if (needed > 0) {
            rect->rows = more.rows;
        }
    }
}

/* Steps -------------------------------------------------------------------------------------- */

/*
 * The image that has the block. A flat block is in many, mostly without what is beside it: so the
 * next one to the right that is not flat decides.
 */
static bool find_image(const struct block_planner *self, const struct block_rect *rect,
                       struct match *out)
{
    const struct block *first = look(self, rect->col, rect->row);

    for (uint32_t dx = 0; rect->col + dx < block_cols(self); dx++) {
        const struct block *block = look(self, rect->col + dx, rect->row);

        if (block->flat) {
            continue;
        }
        out->image = image_cache_find(self->images, block->content, &out->col, &out->row);
        out->col -= dx; /* wraps to what is outside */
        return out->image && image_has(out->image, out->col, out->row, first->content);
    }
    return false;
}

static bool take_known(const struct block_planner *self, struct block_rect *rect,
                       struct plan_step *out)
{
    struct match match = {0};

    if (!worth_a_hit(look(self, rect->col, rect->row)) || !find_image(self, rect, &match)) {
        return false;
    }
    grow_right(self, &match, rect);
    grow_down(self, &match, rect);
    image_cache_use(self->images, match.image);
    *out = (struct plan_step){.kind = PLAN_CACHED,
                              .box = rect_box(self, rect),
                              .image = match.image->id,
                              .image_width = match.image->width,
                              .image_height = match.image->height,
                              .src_x = (int32_t)(match.col * BLOCK_SIZE),
                              .src_y = (int32_t)(match.row * BLOCK_SIZE)};
    return true;
}

static uint64_t keep(const struct block_planner *self, const struct block_rect *rect,
                     const pixman_box32_t *box)
{
    size_t n = 0;
    struct cached_image image = {
        .width = (uint32_t)(box->x2 - box->x1),
        .height = (uint32_t)(box->y2 - box->y1),
        .cols = rect->cols,
        .rows = rect->rows,
        .blocks = g_new(uint64_t, (size_t)rect->cols * rect->rows),
    };
    uint64_t id;

    for (uint32_t row = rect->row; row < rect->row + rect->rows; row++) {
        for (uint32_t col = rect->col; col < rect->col + rect->cols; col++) {
            image.blocks[n++] = look(self, col, row)->content;
        }
    }
    id = image_cache_add(self->images, &image);
    g_free(image.blocks);
    return id;
}

static bool take_new(const struct block_planner *self, struct block_rect *rect,
                     struct plan_step *out)
{
    const struct block *first = look(self, rect->col, rect->row);
    struct match match = {0};

    if (!storable(self, first) && !(first->flat && mostly_needed(first))) {
        return false;
    }
    grow_right(self, &match, rect);
    grow_down(self, &match, rect);
    note_sent(self, rect);
    *out = (struct plan_step){.box = rect_box(self, rect)};
    out->kind = plan_plain(self->px, &out->box, &out->colour) ? PLAN_FILL : PLAN_IMAGE;
    if (out->kind == PLAN_IMAGE) {
        out->image = keep(self, rect, &out->box);
    }
    return true;
}

bool blocks_take(const struct block_planner *self, bool known_only, uint32_t col, uint32_t row,
                 struct tile_range *tiles, struct plan_step *out)
{
    struct block_rect rect = {col / BLOCK_TILES, row / BLOCK_TILES, 1, 1};

    if (!take_known(self, &rect, out) && (known_only || !take_new(self, &rect, out))) {
        return false;
    }
    *tiles = rect_tiles(self, &rect);
    return true;
}
