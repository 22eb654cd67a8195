/* SPDX-License-Identifier: MIT */
/* Writes bodies of MIGRATE_DATA, as the server's code makes them, into the folder it is given:
 * vmstate_dump.py reads them. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "migrate/blob.h"
#include "proto/agent_blob.h"
#include "vmstate/fields_buf.h"

static int put(const char *folder, const char *name, struct buf *body, bool saved)
{
    char path[4096];
    FILE *file;
    bool written;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = saved ? fopen(path, "wb") : NULL;
    if (!file)
        return 1;
    written = fwrite(body->data, 1, body->len, file) == body->len;
    buf_free(body);
    return fclose(file) || !written;
}

static int put_main(const char *folder)
{
    uint8_t waiting[35] = {1, 2, 3}, header[3] = "abc";
    struct saved_member members[] = {
        {.id = 7, .known = true, .started = true, .max_clipboard = -1},
        {.id = 8, .in = {.type = 4, .left = 9, .to = {SAVED_GUEST, 0}}},
    };
    uint32_t types[] = {1, 2};
    struct saved_selection selections[SAVED_AGENT_SELECTIONS] = {
        {.owner = {SAVED_CLIENT, 7}, .n_types = 2, .types = types},
    };
    struct main_state state = {
        .agent = {1, true, 9, UINT32_MAX, sizeof(waiting), 1, waiting},
        .client_agent_started = true,
        .a2c = {8, 1, 324, false, sizeof(header), header, 0, SAVED_FILTER_DISCARD},
        .c2a = {8721, SAVED_FILTER_PROTO_ERROR},
        .has_mouse_mode = true,
        .mouse_mode = {2},
        .has_hub = true,
        .hub = {.version = 1,
                .state = 3,
                .n_members = 2,
                .members = members,
                .in_charge = 7,
                .n_selections = SAVED_AGENT_SELECTIONS,
                .selections = selections},
    };
    struct buf body = BUF_INIT;

    return put(folder, "main", &body, blob_main_save(&state, &body, NULL));
}

static int put_display(const char *folder, const char *name, bool lossy)
{
    struct saved_surface list[] = {{0, 1, 2, 3, 4}, {1023, 0, 0, 0, 0}};
    uint64_t hashes[6] = {UINT64_MAX, 1, 2, 3, 4, 5};
    struct saved_tiles tiles[] = {{0, 65, 33, 32, 6, hashes}, {1023, 1, 1, 64, 1, hashes}};
    struct display_state state = {
        .message_serial = 28,
        .pixmap_cache_id = 1,
        .pixmap_cache_size = -1,
        .next_image_id = UINT64_MAX - 1,
        .surfaces = {lossy, 2, list},
        .tiles_count = 2,
        .tiles = tiles,
    };
    struct buf body = BUF_INIT;

    return put(folder, name, &body, blob_display_save(&state, &body, NULL));
}

static int put_inputs(const char *folder)
{
    struct saved_input list[] = {{SAVED_INPUT_SCAN, 0x1e, 0, 0}, {SAVED_INPUT_MOTION, -3, 4, 1}};
    struct inputs_state state = {3, {2, list}};
    struct buf body = BUF_INIT;

    return put(folder, "inputs", &body, blob_inputs_save(&state, &body, NULL));
}

static int put_vmc(const char *folder)
{
    uint8_t name[] = {'o', 'r', 'g', '.', 'x', 27};
    struct vmc_state state = {
        .device = {1, true, 0, UINT32_MAX, 0, 0, NULL},
        .has_identity = true,
        .identity = {10, 3, true, sizeof(name), name},
    };
    struct buf body = BUF_INIT;

    return put(folder, "vmc", &body, blob_vmc_save(&state, &body, NULL));
}

static int put_smartcard(const char *folder)
{
    uint8_t name[] = "smartcard", part[] = {0, 0, 0, 7, 0};
    struct vmc_state state = {
        .is_card = true,
        .device = {1, true, 0, UINT32_MAX, 0, 0, NULL},
        .reader_added = true,
        .read_size = sizeof(part),
        .read_data = part,
        .has_identity = true,
        .identity = {8, 0, false, sizeof(name) - 1, name},
    };
    struct buf body = BUF_INIT;

    return put(folder, "smartcard", &body, blob_vmc_save(&state, &body, NULL));
}

static int put_agent(const char *folder)
{
    struct saved_selection selections[3] = {{{SAVED_GUEST, 0}, 0, NULL}};
    struct saved_hub hub = {
        .version = 1, .state = 3, .n_selections = 3, .selections = selections, .guest.serial = {7}};
    struct buf record = BUF_INIT, body = BUF_INIT;
    uint8_t in[] = {1, 0, 0, 0}, text[] = {'r', 'e', 's', 't'};
    struct agent_blob blob = {
        .magic = AGENT_BLOB_MAGIC,
        .version = AGENT_BLOB_VERSION,
        .in_len = sizeof(in),
        .in = in,
        .own_messages = 10,
        .begun = 3,
        .text_len = sizeof(text),
        .text = text,
    };
    bool ok = fields_save(&saved_hub_table, 1, &hub, &record, 0, NULL);

    blob.hub_len = (uint32_t)record.len;
    blob.hub = record.data;
    ok = ok && fields_save(&agent_blob_table, 1, &blob, &body, 0, NULL);
    buf_free(&record);
    return put(folder, "agent", &body, ok);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    return put_main(argv[1]) || put_display(argv[1], "display", false) ||
           put_display(argv[1], "display-lossy", true) || put_inputs(argv[1]) || put_vmc(argv[1]) ||
           put_smartcard(argv[1]) || put_agent(argv[1]);
}
