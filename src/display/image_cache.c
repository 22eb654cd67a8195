/* SPDX-License-Identifier: MIT */
#include "display/image_cache.h"

#include <glib.h>

/* Where a content is; only the newest image that has it is listed. */
struct entry {
    uint64_t hash; /* first: the key */
    struct image *image;
    uint32_t col, row;
};

struct image {
    struct cached_image public; /* first */
    GList link;                 /* in `used` */
};

struct image_cache {
    uint64_t max_pixels, pixels;
    size_t blocks; /* of all images */
    uint64_t salt;
    uint32_t last;
    GQueue used;        /* struct image, the latest first */
    GHashTable *places; /* struct entry by its hash, owned */
    GArray *evicted;    /* ids to be told */
};

struct image_cache *image_cache_new(uint64_t pixels, uint64_t salt)
{
    struct image_cache *self = g_new0(struct image_cache, 1);

    self->max_pixels = MIN(pixels, IMAGE_CACHE_MAX_PIXELS);
    self->salt = salt & ~(uint64_t)UINT32_MAX;
    g_queue_init(&self->used);
    self->places = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    self->evicted = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    return self;
}

static size_t image_blocks(const struct cached_image *image)
{
    return (size_t)image->cols * image->rows;
}

static uint64_t image_pixels(const struct cached_image *image)
{
    return (uint64_t)image->width * image->height;
}

/* Takes the places of the image's blocks off the list, unless a newer image has them. */
static void unlist(struct image_cache *self, const struct image *image)
{
    const struct cached_image *public = &image->public;

    for (size_t i = 0; i < image_blocks(public); i++) {
        const struct entry *entry = g_hash_table_lookup(self->places, &public->blocks[i]);

        if (entry && entry->image == image)
            g_hash_table_remove(self->places, &public->blocks[i]);
    }
}

static void evict(struct image_cache *self, struct image *image)
{
    g_array_append_val(self->evicted, image->public.id);
    unlist(self, image);
    self->pixels -= image_pixels(&image->public);
    self->blocks -= image_blocks(&image->public);
    g_queue_unlink(&self->used, &image->link);
    g_free(image->public.blocks);
    g_free(image);
}

void image_cache_forget(struct image_cache *self)
{
    while (self->used.tail)
        evict(self, self->used.tail->data);
}

void image_cache_free(struct image_cache *self)
{
    if (!self)
        return;
    image_cache_forget(self);
    g_hash_table_destroy(self->places);
    g_array_free(self->evicted, TRUE);
    g_free(self);
}

const struct cached_image *image_cache_find(const struct image_cache *self, uint64_t hash,
                                            uint32_t *col, uint32_t *row)
{
    const struct entry *entry = g_hash_table_lookup(self->places, &hash);

    if (!entry)
        return NULL;
    *col = entry->col;
    *row = entry->row;
    return &entry->image->public;
}

void image_cache_use(struct image_cache *self, const struct cached_image *image)
{
    struct image *own = (struct image *)(uintptr_t)image;

    g_queue_unlink(&self->used, &own->link);
    g_queue_push_head_link(&self->used, &own->link);
}

/* A content that is listed already stays where it is unless this image is newer. */
static void list(struct image_cache *self, struct image *image, bool newer)
{
    const struct cached_image *public = &image->public;

    for (uint32_t row = 0; row < public->rows; row++) {
        for (uint32_t col = 0; col < public->cols; col++) {
            const uint64_t *hash = &public->blocks[(size_t)row * public->cols + col];
            struct entry *entry;

            if (!newer && g_hash_table_contains(self->places, hash))
                continue;
            entry = g_new(struct entry, 1);
            *entry = (struct entry){*hash, image, col, row};
            g_hash_table_replace(self->places, &entry->hash, entry);
        }
    }
}

static bool is_full(const struct image_cache *self, uint64_t pixels)
{
    return self->pixels + pixels > self->max_pixels || self->used.length >= IMAGE_CACHE_MAX_IMAGES;
}

/* A copy that is counted, in no list yet. */
static struct image *take(struct image_cache *self, const struct cached_image *image, uint64_t id)
{
    struct image *own = g_new0(struct image, 1);

    own->public = *image;
    own->public.id = id;
    own->public.blocks = g_memdup2(image->blocks, sizeof(uint64_t) * image_blocks(image));
    own->link.data = own;
    self->pixels += image_pixels(image);
    self->blocks += image_blocks(image);
    return own;
}

uint64_t image_cache_add(struct image_cache *self, const struct cached_image *image)
{
    uint64_t pixels = image_pixels(image);
    struct image *own;

    if (pixels == 0 || pixels > self->max_pixels || self->last == UINT32_MAX)
        return 0;
    while (is_full(self, pixels))
        evict(self, self->used.tail->data);
    own = take(self, image, self->salt | ++self->last);
    g_queue_push_head_link(&self->used, &own->link);
    list(self, own, true);
    return own->public.id;
}

const struct cached_image *image_cache_before(const struct image_cache *self,
                                              const struct cached_image *image)
{
    const struct image *own = (const struct image *)image;
    const GList *link = own ? own->link.next : self->used.head;

    return link ? &((const struct image *)link->data)->public : NULL;
}

uint64_t image_cache_newest(const struct image_cache *self)
{
    return self->salt | self->last;
}

void image_cache_trim(struct image_cache *self, size_t bytes)
{
    while (self->blocks * sizeof(uint64_t) + self->used.length * IMAGE_CACHE_CARRIED > bytes)
        evict(self, self->used.tail->data);
}

void image_cache_go_on(struct image_cache *self, uint64_t newest)
{
    self->salt = newest & ~(uint64_t)UINT32_MAX;
    self->last = (uint32_t)newest;
}

void image_cache_restore(struct image_cache *self, const struct cached_image *image)
{
    struct image *own;

    if (is_full(self, image_pixels(image))) {
        image_cache_drop(self, image->id);
        return;
    }
    own = take(self, image, image->id);
    g_queue_push_tail_link(&self->used, &own->link);
    list(self, own, false);
}

void image_cache_drop(struct image_cache *self, uint64_t id)
{
    g_array_append_val(self->evicted, id);
}

bool image_cache_next_evicted(struct image_cache *self, uint64_t *id)
{
    if (self->evicted->len == 0)
        return false;
    *id = g_array_index(self->evicted, uint64_t, self->evicted->len - 1);
    g_array_set_size(self->evicted, self->evicted->len - 1);
    return true;
}

uint64_t image_cache_max_pixels(const struct image_cache *self)
{
    return self->max_pixels;
}

size_t image_cache_count(const struct image_cache *self)
{
    return self->used.length;
}

uint64_t image_cache_pixels(const struct image_cache *self)
{
    return self->pixels;
}
