/* SPDX-License-Identifier: MIT */
/* spice_server_add_interface and its opposite: which kind goes where. */
#include <spice.h>
#include <string.h>

#include "abi/later.h"
#include "base/log.h"
#include "session/server.h"

#define KINDS(ROW)                                                                                 \
    ROW(KEYBOARD, SpiceKbdInstance, server_add_keyboard)                                           \
    ROW(MOUSE, SpiceMouseInstance, server_add_mouse)                                               \
    ROW(TABLET, SpiceTabletInstance, server_add_tablet)                                            \
    ROW(MIGRATION, SpiceMigrateInstance, server_add_migration)                                     \
    ROW(CHAR_DEVICE, SpiceCharDeviceInstance, server_add_char_device)                              \
    ROW(QXL, QXLInstance, server_add_qxl)

static bool version_fits(const SpiceBaseInterface *sif, uint32_t major)
{
    if (sif->major_version == major)
        return true;
    log_warn("interface %s: version %u.%u is not supported (%u.x is)", sif->type,
             sif->major_version, sif->minor_version, major);
    return false;
}

/* The instance of each kind of device that has been added, to find its server again. One server a
 * process in every host we know; a second one has its own entries. */
static GHashTable *owners(void)
{
    static GHashTable *table;

    if (!table)
        table = g_hash_table_new(NULL, NULL);
    return table;
}

int spice_server_add_interface(SpiceServer *s, SpiceBaseInstance *sin)
{
    struct server *server = (struct server *)(void *)s;
    const char *type = sin->sif->type;
    bool taken = false, known = false;

#define ROW(KIND, instance, add)                                                                   \
    if (!strcmp(type, SPICE_INTERFACE_##KIND)) {                                                   \
        known = true;                                                                              \
        taken = version_fits(sin->sif, SPICE_INTERFACE_##KIND##_MAJOR) &&                          \
                add(server, (instance *)(void *)sin);                                              \
    }
    KINDS(ROW)
#undef ROW
    if (!known) {
        if (later_add_interface(sin) < 0) {
            log_warn("interface %s is not known and stays unused", type);
            return 0;
        }
        return 0;
    }
    if (taken)
        g_hash_table_insert(owners(), sin, server);
    return taken ? 0 : -1;
}

int spice_server_remove_interface(SpiceBaseInstance *sin)
{
    const char *type = sin->sif->type;
    struct server *server = g_hash_table_lookup(owners(), sin);
    bool removed = false;

    if (!server)
        return later_remove_interface(sin);
    if (!strcmp(type, SPICE_INTERFACE_TABLET))
        removed = server_remove_tablet(server, (SpiceTabletInstance *)(void *)sin);
    else if (!strcmp(type, SPICE_INTERFACE_MIGRATION))
        removed = server_remove_migration(server, (SpiceMigrateInstance *)(void *)sin);
    else if (!strcmp(type, SPICE_INTERFACE_CHAR_DEVICE))
        removed = server_remove_char_device(server, (SpiceCharDeviceInstance *)(void *)sin);
    else if (!strcmp(type, SPICE_INTERFACE_QXL))
        removed = server_remove_qxl(server, (QXLInstance *)(void *)sin);
    else
        log_warn("interface %s cannot be removed", type);
    if (removed)
        g_hash_table_remove(owners(), sin);
    return removed ? 0 : -1;
}

int spice_server_kbd_leds(SpiceKbdInstance *sin, int leds)
{
    struct server *server = g_hash_table_lookup(owners(), sin);

    if (server)
        server_kbd_leds(server, (uint8_t)leds);
    return 0;
}

void spice_qxl_set_device_info(QXLInstance *instance, const char *device_address,
                               uint32_t device_display_id_start, uint32_t device_display_id_count)
{
    struct server *server = g_hash_table_lookup(owners(), instance);

    if (server)
        server_set_device_info(server, instance, device_address, device_display_id_start,
                               device_display_id_count);
}
