/* SPDX-License-Identifier: MIT */
/* Server mode: the guest moves the pointer by what the client's mouse did. Client mode: the client
 * says where the pointer is; that needs the guest's agent, or a tablet and one screen to point at.
 */
#include <spice/enums.h>

#include "agent/hub.h"
#include "base/log.h"
#include "channel/main.h"
#include "session/server_impl.h"
#include "session/session_agent.h"

static const struct screen *only_screen(const struct server *self)
{
    const struct screen *screen;

    if (self->screens->len != 1)
        return NULL;
    screen = g_ptr_array_index(self->screens, 0);
    return screen->width ? screen : NULL;
}

static bool any_screen(const struct server *self)
{
    for (guint i = 0; i < self->screens->len; i++) {
        const struct screen *screen = g_ptr_array_index(self->screens, i);
        if (screen->width)
            return true;
    }
    return false;
}

uint32_t mouse_modes_supported(const struct server *self)
{
    uint32_t modes = SPICE_MOUSE_MODE_SERVER;

    if ((self->tablet && only_screen(self)) ||
        (any_screen(self) && hub_takes_mouse(agent_hub(self->agent))))
        modes |= SPICE_MOUSE_MODE_CLIENT;
    return modes;
}

static void tell_clients(struct server *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        struct client *client = g_ptr_array_index(self->clients, i);
        struct main_link *link = client->main ? endpoint_main_link(client->main) : NULL;
        if (link && client->told && conn_phase(main_link_conn(link)) == CONN_ACTIVE)
            main_set_mouse_mode(link, mouse_modes_supported(self), self->mouse_mode);
    }
}

void mouse_set_mode(struct server *self, uint32_t mode)
{
    if (mode != SPICE_MOUSE_MODE_SERVER && mode != SPICE_MOUSE_MODE_CLIENT)
        return;
    if (!(mouse_modes_supported(self) & mode)) {
        log_info("client mouse mode is wanted, but the guest has neither agent nor tablet");
        return;
    }
    if (self->mouse_mode == mode)
        return;
    self->mouse_mode = mode;
    tell_clients(self);
}

static void set_tablet_size(struct server *self)
{
    const struct screen *screen = only_screen(self);
    const SpiceTabletInterface *tablet;

    if (!self->tablet || !screen)
        return;
    tablet = (const SpiceTabletInterface *)(const void *)self->tablet->base.sif;
    tablet->set_logical_size(self->tablet, (int)screen->width, (int)screen->height);
}

void mouse_update(struct server *self)
{
    set_tablet_size(self);
    if (!(mouse_modes_supported(self) & self->mouse_mode))
        self->mouse_mode = SPICE_MOUSE_MODE_SERVER;
    tell_clients(self);
}
