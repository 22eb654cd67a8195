/* SPDX-License-Identifier: MIT */
#include "display/qxl/guest.h"

#include <glib.h>
#include <string.h>

struct guest guest_make(const struct memslots *slots, uint32_t group, uint32_t flags)
{
    return (struct guest){.slots = slots, .group = group, .flags = flags};
}

bool guest_fail(struct guest *self, enum qxl_read_status status, const char *reason)
{
    if (self->status == QXL_READ_OK) {
        self->status = status;
        self->reason = reason;
    }
    return false;
}

enum qxl_read_status guest_finish(const struct guest *self, const char **reason)
{
    *reason = self->reason;
    return self->status;
}

bool guest_copy(struct guest *self, QXLPHYSICAL addr, void *out, size_t size, const char *what)
{
    const void *from = memslots_map(self->slots, self->group, addr, size);

    if (!from)
        return guest_fail(self, QXL_READ_BAD_ADDRESS, what);
    memcpy(out, from, size);
    return true;
}

struct chunk {
    QXLPHYSICAL next;
    size_t size;
    const uint8_t *data; /* borrowed */
};

static bool read_chunk(struct guest *self, QXLPHYSICAL addr, struct chunk *out)
{
    QXLDataChunk header;
    size_t room = memslots_room(self->slots, self->group, addr);

    if (!guest_copy(self, addr, &header, sizeof(header), "chunk is not in a memory slot"))
        return false;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): copied just now */
    if (header.data_size > room - sizeof(header))
        return guest_fail(self, QXL_READ_BAD_ADDRESS, "chunk's data exceeds its memory slot");
    const uint8_t *at = memslots_map(self->slots, self->group, addr, sizeof(header));
    *out = (struct chunk){header.next_chunk, header.data_size, at + sizeof(header)};
    return true;
}

/* Fills [done, size) of out from `chunk` on. Chunks of no data are legal, so a loop shows in their
 * number alone. */
static bool copy_chunks(struct guest *self, struct chunk chunk, size_t size, uint8_t *out)
{
    size_t done = 0;

    for (unsigned n = 0; n < QXL_MAX_CHUNKS; n++) {
        size_t part = MIN(chunk.size, size - done);
        if (part)
            memcpy(out + done, chunk.data, part);
        done += part;
        if (done == size)
            return true;
        if (chunk.next == 0)
            return guest_fail(self, QXL_READ_BAD_VALUE, "chunk list is too short");
        if (!read_chunk(self, chunk.next, &chunk))
            return false;
    }
    return guest_fail(self, QXL_READ_TOO_LARGE, "chunk list has too many chunks");
}

static bool collect(struct guest *self, struct chunk first, size_t size, uint8_t **out)
{
    /* A list that names one chunk over and over can claim any size, but not beyond our bound. */
    if (size > QXL_MAX_IMAGE_BYTES)
        return guest_fail(self, QXL_READ_TOO_LARGE, "chunk list is too large");
    uint8_t *bytes = g_malloc(MAX(size, 1));
    if (!copy_chunks(self, first, size, bytes)) {
        g_free(bytes);
        return false;
    }
    *out = bytes;
    return true;
}

bool guest_chunks(struct guest *self, QXLPHYSICAL addr, size_t size, uint8_t **out)
{
    struct chunk first;

    return read_chunk(self, addr, &first) && collect(self, first, size, out);
}

bool guest_chunks_borrow(struct guest *self, QXLPHYSICAL addr, size_t size, const uint8_t **out,
                         uint8_t **owned)
{
    struct chunk first;

    *owned = NULL;
    if (!read_chunk(self, addr, &first))
        return false;
    if (first.size >= size) {
        *out = first.data;
        return true;
    }
    if (!collect(self, first, size, owned))
        return false;
    *out = *owned;
    return true;
}

bool coord_ok(int32_t v)
{
    return v >= -DRAW_COORD_MAX && v <= DRAW_COORD_MAX;
}

bool box_from_rect(const QXLRect *rect, pixman_box32_t *out)
{
    *out = (pixman_box32_t){rect->left, rect->top, rect->right, rect->bottom};
    return coord_ok(rect->left) && coord_ok(rect->top) && coord_ok(rect->right) &&
           coord_ok(rect->bottom) && rect->left <= rect->right && rect->top <= rect->bottom;
}

pixman_box32_t box_clamp(const QXLRect *rect)
{
    pixman_box32_t box = {
        CLAMP(rect->left, -DRAW_COORD_MAX, DRAW_COORD_MAX),
        CLAMP(rect->top, -DRAW_COORD_MAX, DRAW_COORD_MAX),
        CLAMP(rect->right, -DRAW_COORD_MAX, DRAW_COORD_MAX),
        CLAMP(rect->bottom, -DRAW_COORD_MAX, DRAW_COORD_MAX),
    };

    return box.x1 < box.x2 && box.y1 < box.y2 ? box : (pixman_box32_t){0};
}
