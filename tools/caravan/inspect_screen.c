/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "screen.h"
#include "section_name.h"

/* The first device that shows something: behind a virtio-gpu that is not in use stands a VGA. */
static struct screen *open_screen(struct inspection *self, const char **reason)
{
    struct screen *screen = NULL;

    *reason = "it has no video device that can be drawn";
    for (guint i = 0; i < self->sections->len && !screen; i++) {
        const struct inspect_section *seen = self->sections->pdata[i];
        const struct screen_source source = {seen->tree, self->aside};

        if (!seen->tree || !screen_knows(seen->section.name) ||
            (self->wanted && !section_matches(&seen->section, self->wanted)))
            continue;
        screen = screen_open(&source, reason);
        self->shot.section = seen->section.name;
    }
    return screen;
}

static bool fail(const struct inspection *self, const char *reason)
{
    fflush(stdout);
    fprintf(stderr, "caravan vmstate inspect: no screenshot: %s\n", reason);
    return false;
}

/* A black picture should not come without a word. */
static void warn_of_absence(const struct inspection *self)
{
    if (ram_aside_any_encoded(self->aside))
        fprintf(stderr, "caravan vmstate inspect: some pages of video memory came as differences "
                        "or compressed; they are not drawn as they should be\n");
    for (size_t i = 0; i < ram_map_blocks(self->ram); i++) {
        const struct ram_block_map *block = ram_map_block(self->ram, i);
        uint64_t counts[RAM_PAGES];

        if (ram_aside_size(self->aside, block->name) && ram_block_count(block, counts) &&
            counts[RAM_ZERO] + counts[RAM_DATA] + counts[RAM_ENCODED] == 0)
            fprintf(stderr, "caravan vmstate inspect: the stream has no page of %s\n", block->name);
    }
}

bool inspect_screenshot(struct inspection *self)
{
    struct screen *screen;
    const char *reason;
    bool written;

    if (!ram_aside_ok(self->aside))
        return fail(self, "video memory could not be put aside: is the temporary folder full?");
    screen = open_screen(self, &reason);
    if (!screen)
        return fail(self, reason);
    written = screen_write(screen, self->shot.path, &reason);
    self->shot.width = screen->width;
    self->shot.height = screen->height;
    screen->free(screen);
    if (!written)
        return fail(self, reason ? reason : g_strerror(errno));
    self->shot.written = true;
    warn_of_absence(self);
    return true;
}
