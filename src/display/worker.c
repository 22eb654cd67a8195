/* SPDX-License-Identifier: MIT */
#include "display/worker.h"

#include "base/log.h"

enum {
    COMPLAIN_EVERY_S = 60,
    MAX_SURFACES = 65536,
};

static void on_reveal(void *opaque)
{
    damage_reveal(opaque);
}

struct worker *worker_new(QXLInstance *qxl, struct loop *loop, struct display_session *session)
{
    struct worker *self = g_new0(struct worker, 1);
    QXLDevInitInfo *info = &self->info;

    self->qxl = qxl;
    self->device = SPICE_CONTAINEROF(qxl->base.sif, QXLInterface, base);
    self->loop = loop;
    self->session = session;
    self->device->get_init_info(qxl, info);
    self->slots = memslots_new(info->num_memslots_groups, info->num_memslots, info->memslot_id_bits,
                               info->memslot_gen_bits);
    if (!self->slots || info->n_surfaces == 0 || info->n_surfaces > MAX_SURFACES) {
        log_warn("display %d: the device says it has %u groups of %u slots and %u surfaces",
                 qxl->id, info->num_memslots_groups, info->num_memslots, info->n_surfaces);
        memslots_free(self->slots);
        g_free(self);
        return NULL;
    }
    self->surfaces = surfaces_new(info->n_surfaces);
    self->extra = g_new0(struct surface_extra, info->n_surfaces);
    scene_init(&self->scene, loop);
    self->scene.id = (uint8_t)qxl->id;
    self->reveal = loop_timer_add(loop, on_reveal, self);
    self->pointer.visible = true;
    self->held = g_array_new(FALSE, FALSE, sizeof(QXLReleaseInfoExt));
    self->links = g_ptr_array_new();
    return self;
}

void worker_close(struct worker *self)
{
    self->scene.running = false;
    links_close(self);
    loop_timer_remove(self->reveal);
    self->reveal = NULL;
}

void worker_free(struct worker *self)
{
    for (uint32_t id = 0; id < self->info.n_surfaces; id++) {
        if (self->extra[id].exists)
            pixman_region32_fini(&self->extra[id].dirty);
    }
    g_ptr_array_free(self->links, TRUE);
    scene_clear(&self->scene);
    surfaces_free(self->surfaces);
    memslots_free(self->slots);
    cursor_free(self->pointer.shape);
    g_array_free(self->held, TRUE);
    g_free(self->extra);
    g_free(self);
}

void worker_complain(struct worker *self, enum complaint kind, const char *reason)
{
    int64_t now = loop_now_us();

    if (self->complained_us[kind] &&
        now - self->complained_us[kind] < (int64_t)COMPLAIN_EVERY_S * G_USEC_PER_SEC) {
        self->complaints_kept_back[kind]++;
        return;
    }
    log_warn("display %d: dropped what the guest sent: %s (and %u like it before)", self->qxl->id,
             reason ? reason : "wrong", self->complaints_kept_back[kind]);
    self->complained_us[kind] = now;
    self->complaints_kept_back[kind] = 0;
}
