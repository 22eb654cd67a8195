/* SPDX-License-Identifier: MIT */
#include "state.h"
GBytes *state_save(struct hub *hub, struct port *port)
{
    return g_bytes_new("x", 1);
}
bool state_load(struct hub *hub, struct port *port, const uint8_t *bytes, size_t len,
                uint32_t client_id)
{
    return false;
}
