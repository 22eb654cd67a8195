/* SPDX-License-Identifier: MIT */
/* GL: descriptors are closed, draws complete at once, so that the guest never waits. */
#include "abi/later.h"

#include <spice/macros.h>
#include <unistd.h>

void spice_qxl_gl_scanout(QXLInstance *qxl, int fd, uint32_t width, uint32_t height,
                          uint32_t stride, uint32_t format, int y_0_top)
{
    if (fd >= 0) {
        later_say(LATER_GL);
        close(fd);
    }
}

void spice_qxl_gl_draw_async(QXLInstance *qxl, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                             uint64_t cookie)
{
    const QXLInterface *sif = SPICE_CONTAINEROF(qxl->base.sif, const QXLInterface, base);

    later_say(LATER_GL);
    if (sif->async_complete) {
        sif->async_complete(qxl, cookie);
    }
}
