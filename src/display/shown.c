/* SPDX-License-Identifier: MIT */
#include "display/shown.h"

#include <glib.h>
#include <string.h>

static bool set_init(struct tile_set *set, const struct shown *self)
{
    set->bits = g_try_new0(uint64_t, (size_t)self->words * self->rows);
    set->row_count = g_new0(uint32_t, self->rows);
    set->first_row = self->rows;
    return set->bits != NULL;
}

static void set_free(struct tile_set *set)
{
    g_free(set->bits);
    g_free(set->row_count);
}

static uint64_t *set_word(const struct shown *self, struct tile_set *set, uint32_t col,
                          uint32_t row)
{
    return &set->bits[(size_t)row * self->words + col / 64];
}

static void set_remove(const struct shown *self, struct tile_set *set, uint32_t col, uint32_t row)
{
    uint64_t *word = set_word(self, set, col, row);
    uint64_t bit = (uint64_t)1 << col % 64;

    if (*word & bit) {
        *word &= ~bit;
        set->row_count[row]--;
        set->count--;
    }
}

static void set_add(const struct shown *self, struct tile_set *set, uint32_t col, uint32_t row)
{
    uint64_t *word = set_word(self, set, col, row);
    uint64_t bit = (uint64_t)1 << col % 64;

    if (!(*word & bit)) {
        *word |= bit;
        set->row_count[row]++;
        set->count++;
        set->first_row = MIN(set->first_row, row);
    }
}

struct shown *shown_new(uint32_t width, uint32_t height)
{
    struct shown *self;
    size_t count = (size_t)tiles_across(width) * tiles_across(height);

    if (width == 0 || height == 0 || width > TILES_MAX_SIDE || height > TILES_MAX_SIDE) {
        return NULL;
    }
    self = g_new0(struct shown, 1);
    self->width = width;
    self->height = height;
    self->cols = tiles_across(width);
    self->rows = tiles_across(height);
    self->words = (self->cols + 63) / 64;
    self->hash = g_try_new0(uint64_t, count);
    self->row_hash = g_try_new(uint64_t, count * TILE_SIZE);
    self->box = g_try_new0(struct tile_box, count);
    if (!set_init(&self->now, self) || !set_init(&self->next, self) || !self->hash ||
        !self->row_hash || !self->box) {
        shown_free(self);
        return NULL;
    }
    shown_forget(self);
    return self;
}

void shown_free(struct shown *self)
{
    if (!self) {
        return;
    }
    set_free(&self->now);
    set_free(&self->next);
    g_free(self->hash);
    g_free(self->row_hash);
    g_free(self->box);
    g_free(self->blocks);
    g_free(self);
}

static void damage_tile(struct shown *self, uint32_t col, uint32_t row, const pixman_box32_t *box)
{
    struct tile_box *tile = &self->box[shown_index(self, col, row)];
    int32_t x = (int32_t)(col * TILE_SIZE), y = (int32_t)(row * TILE_SIZE);
    struct tile_box more = {
        .x1 = (uint8_t)MAX(box->x1 - x, 0),
        .y1 = (uint8_t)MAX(box->y1 - y, 0),
        .x2 = (uint8_t)MIN(box->x2 - x, TILE_SIZE),
        .y2 = (uint8_t)MIN(box->y2 - y, TILE_SIZE),
    };

    if (tile->x2 > 0) {
        tile->x1 = MIN(tile->x1, more.x1);
        tile->y1 = MIN(tile->y1, more.y1);
        tile->x2 = MAX(tile->x2, more.x2);
        tile->y2 = MAX(tile->y2, more.y2);
        return; /* already in a set */
    }
    *tile = more;
    set_add(self, &self->next, col, row);
}

static bool box_inside(const pixman_box32_t *inner, const pixman_box32_t *outer)
{
    return inner->x1 >= outer->x1 && inner->y1 >= outer->y1 && inner->x2 <= outer->x2 &&
           inner->y2 <= outer->y2;
}

/* Remembers the box as the newest small damage; those it covers need no place of their own. */
static void note_small(struct shown *self, const pixman_box32_t *box)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < self->small_count; i++) {
        if (!box_inside(&self->small[i], box)) {
            self->small[kept++] = self->small[i];
        }
    }
    if (kept == SHOWN_SMALL_MAX) {
        kept--;
        memmove(self->small, self->small + 1, kept * sizeof(self->small[0]));
    }
    self->small[kept] = *box;
    self->small_count = kept + 1;
}

static void note_fresh(struct motion_watch *watch, const pixman_box32_t *box)
{
    pixman_box32_t *fresh = &watch->fresh;

    if (watch->fresh_pixels == 0) {
        *fresh = *box;
    }
    fresh->x1 = MIN(fresh->x1, box->x1);
    fresh->y1 = MIN(fresh->y1, box->y1);
    fresh->x2 = MAX(fresh->x2, box->x2);
    fresh->y2 = MAX(fresh->y2, box->y2);
    watch->fresh_pixels += (uint64_t)(box->x2 - box->x1) * (uint64_t)(box->y2 - box->y1);
}

void shown_damage(struct shown *self, const pixman_box32_t *box)
{
    pixman_box32_t in = {
        .x1 = MAX(box->x1, 0),
        .y1 = MAX(box->y1, 0),
        .x2 = MIN(box->x2, (int32_t)self->width),
        .y2 = MIN(box->y2, (int32_t)self->height),
    };

    if (in.x1 >= in.x2 || in.y1 >= in.y2) {
        return;
    }
    for (int32_t row = in.y1 / TILE_SIZE; row <= (in.y2 - 1) / TILE_SIZE; row++) {
        for (int32_t col = in.x1 / TILE_SIZE; col <= (in.x2 - 1) / TILE_SIZE; col++) {
            damage_tile(self, (uint32_t)col, (uint32_t)row, &in);
        }
    }
    if ((int64_t)(in.x2 - in.x1) * (in.y2 - in.y1) <= PLAN_SMALL_PIXELS) {
        note_small(self, &in);
    }
    note_fresh(&self->watch, &in);
}

void shown_damage_all(struct shown *self)
{
    pixman_box32_t all = {0, 0, (int32_t)self->width, (int32_t)self->height};

    shown_damage(self, &all);
    self->small_count = 0;
}

void shown_forget(struct shown *self)
{
    size_t count = (size_t)self->cols * self->rows;

    memset(self->hash, 0, count * sizeof(self->hash[0]));
    memset(self->row_hash, 0, count * TILE_SIZE * sizeof(self->row_hash[0]));
    shown_damage_all(self);
    self->watch.fresh_pixels = 0;
}

bool shown_dirty(const struct shown *self)
{
    return self->now.count > 0 || self->next.count > 0;
}

void shown_settle(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                  uint32_t col, uint32_t row)
{
    size_t index = shown_index(self, col, row);

    self->hash[index] = tile_hashes_get(hashes, px, col, row);
    memcpy(self->row_hash + index * TILE_SIZE, tile_rows_get(hashes, px, col, row),
           TILE_SIZE * sizeof(self->row_hash[0]));
    self->box[index] = (struct tile_box){0};
    set_remove(self, &self->now, col, row);
    set_remove(self, &self->next, col, row);
}

/* Narrows the range of rows, exclusive at the end, to where two tiles differ; may become empty. */
static void rows_differing(const uint64_t *a, const uint64_t *b, uint8_t *first, uint8_t *last)
{
    while (*last > 0 && a[*last - 1] == b[*last - 1]) {
        (*last)--;
    }
    while (*first < *last && a[*first] == b[*first]) {
        (*first)++;
    }
}

void shown_compare(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                   uint32_t col, uint32_t row)
{
    size_t index = shown_index(self, col, row);
    const uint64_t *rows = self->row_hash + index * TILE_SIZE;
    struct tile_box box = {.x2 = (uint8_t)MIN(TILE_SIZE, self->width - col * TILE_SIZE),
                           .y2 = (uint8_t)MIN(TILE_SIZE, self->height - row * TILE_SIZE)};

    rows_differing(rows, tile_rows_get(hashes, px, col, row), &box.y1, &box.y2);
    if (box.y1 == box.y2) {
        shown_settle(self, hashes, px, col, row);
        return;
    }
    self->hash[index] = tile_rows_hash(rows);
    if (self->box[index].x2 == 0) {
        set_add(self, &self->next, col, row);
    }
    self->box[index] = box;
}

static uint32_t first_col(const struct shown *self, const struct tile_set *set, uint32_t row)
{
    const uint64_t *words = &set->bits[(size_t)row * self->words];
    uint32_t i = 0;

    while (i + 1 < self->words && words[i] == 0) {
        i++;
    }
    return i * 64 + (uint32_t)__builtin_ctzll(words[i]);
}

bool shown_first(struct shown *self, uint32_t *col, uint32_t *row)
{
    struct tile_set *set = &self->now;

    if (set->count == 0) {
        struct tile_set done = self->now;

        self->now = self->next;
        self->next = done;
        self->next.first_row = self->rows;
    }
    if (set->count == 0) {
        return false;
    }
    while (set->row_count[set->first_row] == 0) {
        set->first_row++;
    }
    *row = set->first_row;
    *col = first_col(self, set, *row);
    return true;
}
