/* SPDX-License-Identifier: MIT */
#include "display/canvas/canvas.h"

#include <glib.h>
#include <spice/qxl_dev.h>

#include "display/canvas/paint.h"

/* More boxes than this are reported as their extents: the planner works in tiles anyway. */
#define DAMAGE_BOXES_MAX 64

static bool draw_nothing(struct job *job)
{
    pixman_region32_clear(&job->region);
    return true;
}

static bool (*const kinds[])(struct job *) = {
    [QXL_DRAW_NOP] = draw_nothing,
    [QXL_DRAW_FILL] = draw_bitwise,
    [QXL_DRAW_OPAQUE] = draw_bitwise,
    [QXL_DRAW_COPY] = draw_bitwise,
    [QXL_COPY_BITS] = draw_copy_bits,
    [QXL_DRAW_BLEND] = draw_bitwise,
    [QXL_DRAW_BLACKNESS] = draw_bitwise,
    [QXL_DRAW_WHITENESS] = draw_bitwise,
    [QXL_DRAW_INVERS] = draw_bitwise,
    [QXL_DRAW_ROP3] = draw_bitwise,
    [QXL_DRAW_STROKE] = draw_stroke,
    [QXL_DRAW_TEXT] = draw_text,
    [QXL_DRAW_TRANSPARENT] = draw_transparent,
    [QXL_DRAW_ALPHA_BLEND] = draw_alpha_blend,
    [QXL_DRAW_COMPOSITE] = draw_composite,
};

/* bbox cut by the surface and the clip. */
static bool init_region(struct job *job)
{
    const struct draw *draw = job->draw;
    pixman_region32_t clip;

    pixman_region32_init(&job->region);
    if (draw->bbox.x1 >= draw->bbox.x2 || draw->bbox.y1 >= draw->bbox.y2)
        return true;
    pixman_region32_union_rect(&job->region, &job->region, 0, 0, job->dst->width, job->dst->height);
    pixman_region32_intersect_rect(&job->region, &job->region, draw->bbox.x1, draw->bbox.y1,
                                   (unsigned)(draw->bbox.x2 - draw->bbox.x1),
                                   (unsigned)(draw->bbox.y2 - draw->bbox.y1));
    if (!draw->clipped)
        return true;
    if (!pixman_region32_init_rects(&clip, draw->clip_rects, (int)draw->n_clip_rects))
        return job_fail(job, "no memory for the clip");
    bool ok = pixman_region32_intersect(&job->region, &job->region, &clip);
    pixman_region32_fini(&clip);
    return ok || job_fail(job, "no memory for the clip");
}

static void report_damage(const struct job *job, pixman_region32_t *damage_out)
{
    pixman_region32_t *region = (pixman_region32_t *)&job->region;

    if (pixman_region32_n_rects(region) > DAMAGE_BOXES_MAX)
        pixman_region32_reset(damage_out, pixman_region32_extents(region));
    else
        pixman_region32_copy(damage_out, region);
}

bool canvas_draw(struct surfaces *surfaces, const struct draw *draw, pixman_region32_t *damage_out,
                 const char **reason)
{
    struct job job = {
        .surfaces = surfaces,
        .dst = surfaces_get(surfaces, draw->surface_id),
        .draw = draw,
    };

    *reason = NULL;
    pixman_region32_clear(damage_out);
    if (!job.dst) {
        *reason = "command draws on a surface that does not exist";
        return false;
    }
    if (draw->kind >= G_N_ELEMENTS(kinds)) {
        *reason = "command is of an unknown kind";
        return false;
    }
    bool ok = init_region(&job);
    if (ok && pixman_region32_not_empty(&job.region))
        ok = kinds[draw->kind](&job);
    if (ok)
        report_damage(&job, damage_out);
    *reason = ok ? NULL : job.reason;
    pixman_region32_fini(&job.region);
    return ok;
}
