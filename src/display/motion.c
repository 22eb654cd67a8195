/* SPDX-License-Identifier: MIT */
#include "display/motion.h"

#include <glib.h>
#include <string.h>

#include "display/shown.h"

enum {
    BAND_TILES = 64 / TILE_SIZE,
    REACH = 64, /* rows above and below the damage from where content may have come */
    MIN_VOTES = 8,
    ENOUGH_VOTES = 128,          /* no further bands are asked */
    MIN_GAIN = 2048 / TILE_SIZE, /* rows of tiles */
    VAIN_LOOKS = 4,
    VAIN_EVERY = 8,
};

/* Of band rows that the client shows. */
struct place {
    uint64_t signature; /* 0: free */
    int32_t y;          /* NOWHERE: more than one */
};

#define NOWHERE (-1)

struct search {
    struct shown *shown;
    struct tile_hashes *hashes;
    const struct pixels *px;
    uint32_t col1, col2; /* of tiles, exclusive at the end */
    int32_t y1, y2;      /* rows looked at, whole tiles */
    int32_t from, to;    /* rows they may have come from, whole tiles; holds y1 to y2 */
    int32_t shift;       /* what is at y comes from y + shift */
    uint64_t *now,
        *old; /* one column of tiles: signatures from y1 to y2, and from `from` to `to` */
};

struct span {
    int32_t first, last; /* exclusive */
};

static void take_now(const struct search *self, uint32_t col)
{
    for (int32_t y = self->y1; y < self->y2; y += TILE_SIZE) {
        memcpy(self->now + (y - self->y1),
               tile_rows_get(self->hashes, self->px, col, (uint32_t)y / TILE_SIZE),
               TILE_SIZE * sizeof(self->now[0]));
    }
}

static void take_old(const struct search *self, uint32_t col)
{
    for (int32_t y = self->from; y < self->to; y += TILE_SIZE) {
        memcpy(self->old + (y - self->from), shown_row_hash(self->shown, col, (uint32_t)y),
               TILE_SIZE * sizeof(self->old[0]));
    }
}

/* When to look ------------------------------------------------------------------------------- */

static bool inside(const pixman_box32_t *inner, const pixman_box32_t *outer)
{
    return inner->x1 >= outer->x1 && inner->y1 >= outer->y1 && inner->x2 <= outer->x2 &&
           inner->y2 <= outer->y2;
}

static int64_t area(const pixman_box32_t *box)
{
    return (int64_t)(box->x2 - box->x1) * (box->y2 - box->y1);
}

static bool time_to_look(struct motion_watch *watch)
{
    if (!inside(&watch->fresh, &watch->vain) || area(&watch->fresh) < area(&watch->vain) / 2) {
        watch->vain = watch->fresh;
        watch->vain_count = 0;
        return true;
    }
    return watch->vain_count < VAIN_LOOKS || watch->vain_count % VAIN_EVERY == 0;
}

/* Which shift -------------------------------------------------------------------------------- */

struct band {
    uint32_t col1, col2;
    uint64_t *now; /* signature of each row from y1 to y2 */
    uint64_t *old; /* from `from` to `to`; 0: not known */
    struct place *places;
    uint32_t mask; /* a power of two of places, less one */
};

static uint64_t mix(uint64_t sum, uint64_t signature)
{
    return (sum + signature) * 0x9e3779b97f4a7c15u;
}

static void band_fill(const struct search *self, struct band *band)
{
    int32_t now = self->y2 - self->y1, old = self->to - self->from;

    memset(band->now, 0, (size_t)now * sizeof(band->now[0]));
    memset(band->old, 0, (size_t)old * sizeof(band->old[0]));
    for (uint32_t col = band->col1; col < band->col2; col++) {
        take_now(self, col);
        take_old(self, col);
        for (int32_t i = 0; i < now; i++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): take_now fills whole tiles */
            band->now[i] = mix(band->now[i], self->now[i]);
        }
        for (int32_t i = 0; i < old; i++) {
            band->old[i] = self->old[i] == TILE_HASH_UNKNOWN ? 0 : mix(band->old[i], self->old[i]);
        }
    }
}

static struct place *find_place(const struct band *band, uint64_t signature)
{
    uint32_t at = (uint32_t)(signature >> 32) & band->mask;

    while (band->places[at].signature != 0 && band->places[at].signature != signature) {
        at = (at + 1) & band->mask;
    }
    return &band->places[at];
}

static void band_index(const struct search *self, struct band *band)
{
    memset(band->places, 0, ((size_t)band->mask + 1) * sizeof(band->places[0]));
    for (int32_t y = self->from; y < self->to; y++) {
        uint64_t signature = band->old[y - self->from];
        struct place *place;

        if (signature == 0) {
            continue;
        }
        place = find_place(band, signature);
        place->y = place->signature == 0 ? y : NOWHERE;
        place->signature = signature;
    }
}

/* A vote for each row that changed and was in one place; votes[0] is the shift from - y2. */
static void band_vote(const struct search *self, const struct band *band, uint32_t *votes)
{
    for (int32_t y = self->y1; y < self->y2; y++) {
        uint64_t signature = band->now[y - self->y1];
        const struct place *place;

        if (signature == 0 || signature == band->old[y - self->from]) {
            continue;
        }
        place = find_place(band, signature);
        if (place->signature != 0 && place->y != NOWHERE) {
            votes[place->y - y - (self->from - self->y2)]++;
        }
    }
}

static uint32_t most_votes(struct search *self, const uint32_t *votes)
{
    int32_t n = self->y2 - self->y1 + self->to - self->from, best = 0;

    for (int32_t i = 1; i < n; i++) {
        if (votes[i] > votes[best]) {
            best = i;
        }
    }
    self->shift = best + self->from - self->y2;
    return votes[best];
}

static bool find_shift(struct search *self)
{
    size_t now = (size_t)(self->y2 - self->y1), old = (size_t)(self->to - self->from);
    uint32_t *votes = g_new0(uint32_t, now + old);
    struct band band = {.now = g_new(uint64_t, now), .old = g_new(uint64_t, old), .mask = 1};
    uint32_t most = 0;

    while (band.mask < 2 * old) {
        band.mask = 2 * band.mask + 1;
    }
    band.places = g_new(struct place, (size_t)band.mask + 1);
    for (uint32_t col = self->col1; col < self->col2 && most < ENOUGH_VOTES; col += BAND_TILES) {
        band.col1 = col;
        band.col2 = MIN(col + BAND_TILES, self->col2);
        band_fill(self, &band);
        band_index(self, &band);
        band_vote(self, &band, votes);
        most = most_votes(self, votes);
    }
    g_free(votes);
    g_free(band.now);
    g_free(band.old);
    g_free(band.places);
    return most >= MIN_VOTES;
}

/* Which rectangle ---------------------------------------------------------------------------- */

/* What a copy does to each row of a tile: 1 sets it right, -1 spoils it. Column by column. */
struct gains {
    int32_t y1, y2; /* rows that may have come from there */
    uint32_t cols;
    int8_t *gain;
};

static void gains_fill(const struct search *self, struct gains *gains)
{
    const uint64_t *now = self->now + (gains->y1 - self->y1);
    const uint64_t *old = self->old + (gains->y1 - self->from), *source = old + self->shift;
    int32_t height = gains->y2 - gains->y1;
    int8_t *gain = gains->gain;

    for (uint32_t col = self->col1; col < self->col2; col++) {
        take_now(self, col);
        take_old(self, col);
        for (int32_t i = 0; i < height; i++) {
            gain[i] = (int8_t)((source[i] == now[i]) - (old[i] == now[i]));
        }
        gain += height;
    }
}

static int32_t best_run(const int32_t *values, int32_t n, struct span *out)
{
    int32_t best = 0, sum = 0, first = 0;

    *out = (struct span){0, 0};
    for (int32_t i = 0; i < n; i++) {
        if (sum <= 0) {
            sum = 0;
            first = i;
        }
        sum += values[i];
        if (sum > best) {
            best = sum;
            *out = (struct span){first, i + 1};
        }
    }
    return best;
}

static int32_t best_cols(const struct gains *gains, struct span rows, struct span *out)
{
    int32_t height = gains->y2 - gains->y1, best;
    int32_t *sums = g_new0(int32_t, gains->cols);

    for (uint32_t col = 0; col < gains->cols; col++) {
        for (int32_t i = rows.first; i < rows.last; i++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): every gain is set */
            sums[col] += gains->gain[(size_t)col * (size_t)height + (size_t)i];
        }
    }
    best = best_run(sums, (int32_t)gains->cols, out);
    g_free(sums);
    return best;
}

static int32_t best_rows(const struct gains *gains, struct span cols, struct span *out)
{
    int32_t height = gains->y2 - gains->y1, best;
    int32_t *sums = g_new0(int32_t, height);

    for (int32_t col = cols.first; col < cols.last; col++) {
        for (int32_t i = 0; i < height; i++) {
            sums[i] += gains->gain[(size_t)col * (size_t)height + (size_t)i];
        }
    }
    best = best_run(sums, height, out);
    g_free(sums);
    return best;
}

/* A good rectangle, if not always the best: columns for all rows, rows for these, columns again. */
static bool find_box(const struct search *self, pixman_box32_t *box)
{
    struct gains gains = {
        .y1 = MAX(self->y1, self->from - self->shift),
        .y2 = MIN(MIN(self->y2, self->to - self->shift),
                  (int32_t)self->shown->height - MAX(self->shift, 0)),
        .cols = self->col2 - self->col1,
    };
    struct span cols, rows = {0, gains.y2 - gains.y1};
    int32_t gain;

    if (rows.last <= 0) {
        return false;
    }
    gains.gain = g_new(int8_t, (size_t)gains.cols * (size_t)rows.last);
    gains_fill(self, &gains);
    best_cols(&gains, rows, &cols);
    best_rows(&gains, cols, &rows);
    gain = best_cols(&gains, rows, &cols);
    g_free(gains.gain);
    box->x1 = ((int32_t)self->col1 + cols.first) * TILE_SIZE;
    box->x2 = MIN(((int32_t)self->col1 + cols.last) * TILE_SIZE, (int32_t)self->shown->width);
    box->y1 = gains.y1 + rows.first;
    box->y2 = gains.y1 + rows.last;
    return gain >= MIN_GAIN;
}

/* What the client shows then ----------------------------------------------------------------- */

static void move_column(const struct search *self, uint32_t col, const pixman_box32_t *box)
{
    take_old(self, col);
    for (int32_t y = box->y1; y < box->y2; y++) {
        *shown_row_hash(self->shown, col, (uint32_t)y) = self->old[y + self->shift - self->from];
    }
}

static void move_shown(const struct search *self, const pixman_box32_t *box)
{
    for (uint32_t col = (uint32_t)box->x1 / TILE_SIZE; col < tiles_across((uint32_t)box->x2);
         col++) {
        move_column(self, col, box);
        for (uint32_t row = (uint32_t)box->y1 / TILE_SIZE; row < tiles_across((uint32_t)box->y2);
             row++) {
            shown_compare(self->shown, self->hashes, self->px, col, row);
        }
    }
}

static struct search search_around(struct shown *shown, const pixman_box32_t *damage)
{
    struct search self = {
        .shown = shown,
        .col1 = (uint32_t)damage->x1 / TILE_SIZE,
        .col2 = tiles_across((uint32_t)damage->x2),
        .y1 = damage->y1 / TILE_SIZE * TILE_SIZE,
        .y2 = (int32_t)tiles_across((uint32_t)damage->y2) * TILE_SIZE,
    };

    self.from = MAX(self.y1 - REACH, 0);
    self.to = MIN(self.y2 + REACH, (int32_t)shown->rows * TILE_SIZE);
    return self;
}

/* Row by row, as pixels lie in memory. */
static void hash_all(const struct search *self)
{
    for (int32_t y = self->y1; y < self->y2; y += TILE_SIZE) {
        for (uint32_t col = self->col1; col < self->col2; col++) {
            tile_hashes_get(self->hashes, self->px, col, (uint32_t)y / TILE_SIZE);
        }
    }
}

static bool look(struct search *self, struct plan_step *out)
{
    bool found;

    hash_all(self);
    self->now = g_new(uint64_t, self->y2 - self->y1);
    self->old = g_new(uint64_t, self->to - self->from);
    found = find_shift(self) && find_box(self, &out->box);
    if (found) {
        move_shown(self, &out->box);
    }
    g_free(self->now);
    g_free(self->old);
    return found;
}

bool motion_next(struct shown *shown, struct tile_hashes *hashes, const struct pixels *px,
                 struct plan_step *out)
{
    struct motion_watch *watch = &shown->watch;
    bool large = watch->fresh_pixels > PLAN_SMALL_PIXELS, due = large && time_to_look(watch);
    struct search search;

    watch->fresh_pixels = 0;
    watch->vain_count += large;
    if (!due) {
        return false;
    }
    search = search_around(shown, &watch->fresh);
    search.hashes = hashes;
    search.px = px;
    if (!look(&search, out)) {
        return false;
    }
    watch->vain_count = 0;
    out->kind = PLAN_COPY;
    out->colour = 0;
    out->src_x = out->box.x1;
    out->src_y = out->box.y1 + search.shift;
    return true;
}
