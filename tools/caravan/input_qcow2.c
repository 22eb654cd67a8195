/* SPDX-License-Identifier: MIT */
/*
 * The state that savevm left in a qcow2 image. No tool of QEMU's hands it out; but it lies right
 * behind the end of the virtual disk, rounded up to what one table of clusters covers. So qemu-img
 * makes an overlay over the image's file, takes the snapshot up and enlarges the disk over the
 * state, all within the overlay: the image itself is only read.
 */
#include "input_private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK (64u << 10)

struct snapshot {
    char *name;
    uint64_t size;   /* bytes of its state */
    uint64_t offset; /* of the state, as a place on an enlarged disk */
};

bool input_is_qcow2(const uint8_t *head, size_t len)
{
    return len >= 4 && !memcmp(head, "QFI\xfb", 4);
}

/* Runs qemu-img; false and *reason when it fails. *out (g_free it) may be NULL. */
static bool qemu_img(char **out, char **reason, const char *const *argv)
{
    char *said = NULL;
    GError *error = NULL;
    int status = 0;
    bool fine;

    fine = g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, out, &said,
                        &status, &error);
    if (!fine) {
        *reason = g_strdup_printf("a qcow2 image needs qemu-img (qemu-utils): %s", error->message);
        g_error_free(error);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        fine = false;
        *reason = g_strdup(g_strstrip(said));
    }
    g_free(said);
    return fine;
}

#define QEMU_IMG(out, reason, ...)                                                                 \
    qemu_img(out, reason, (const char *const[]){"qemu-img", __VA_ARGS__, NULL})

static gint64 number(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node) : -1;
}

static bool has_wide_entries(JsonObject *info)
{
    JsonObject *data;

    if (!json_object_has_member(info, "format-specific"))
        return false;
    data = json_object_get_object_member(info, "format-specific");
    if (!data || !json_object_has_member(data, "data"))
        return false;
    data = json_object_get_object_member(data, "data");
    return data && json_object_get_boolean_member_with_default(data, "extended-l2", FALSE);
}

/* Picks the snapshot from the list, which has to be unmistakable. */
static char *pick(JsonArray *list, const char *wanted, struct snapshot *snapshot)
{
    GString *names = g_string_new(NULL);
    unsigned n = 0;

    for (guint i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *row = json_array_get_object_element(list, i);
        const char *name = json_object_get_string_member_with_default(row, "name", "");
        const char *id = json_object_get_string_member_with_default(row, "id", "");
        gint64 size = number(row, "vm-state-size");

        if (size <= 0)
            continue;
        g_string_append_printf(names, "%s'%s'", names->len ? ", " : "", name);
        if (wanted && strcmp(wanted, name) && strcmp(wanted, id))
            continue;
        if (n++)
            continue;
        snapshot->name = g_strdup(*name ? name : id);
        snapshot->size = (uint64_t)size;
    }
    if (n == 1)
        return g_string_free(names, TRUE), NULL;
    if (names->len == 0)
        g_string_assign(names, "a qcow2 image without the state of a VM (savevm makes one)");
    else if (wanted)
        g_string_prepend(names, "the image has no (or more than one) such snapshot, but ");
    else
        g_string_prepend(names, "the image has several snapshots, choose by IMAGE#NAME: ");
    return g_string_free(names, FALSE);
}

static char *read_info(JsonNode *root, const char *wanted, uint64_t file_size,
                       struct snapshot *snapshot)
{
    JsonObject *info = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
    gint64 disk, cluster;
    uint64_t covers;
    char *reason;

    if (!info)
        return g_strdup("qemu-img info said nothing that can be read");
    disk = number(info, "virtual-size");
    cluster = number(info, "cluster-size");
    if (disk < 0 || disk > INT64_MAX / 4 || cluster < 512 || cluster > (2 << 20))
        return g_strdup("qemu-img info tells no size of the disk and its clusters");
    reason = pick(json_object_has_member(info, "snapshots")
                      ? json_object_get_array_member(info, "snapshots")
                      : NULL,
                  wanted, snapshot);
    if (reason)
        return reason;
    if (snapshot->size > file_size)
        return g_strdup("the image's state is said to be larger than the image");
    covers = (uint64_t)cluster * ((uint64_t)cluster / (has_wide_entries(info) ? 16 : 8));
    snapshot->offset = ((uint64_t)disk + covers - 1) / covers * covers;
    return NULL;
}

static bool ask_info(const char *image, const char *wanted, uint64_t file_size,
                     struct snapshot *snapshot, char **reason)
{
    char *text = NULL;
    JsonNode *root;

    if (!QEMU_IMG(&text, reason, "info", "--output=json", image))
        return false;
    root = json_from_string(text, NULL);
    *reason = read_info(root, wanted, file_size, snapshot);
    if (root)
        json_node_unref(root);
    g_free(text);
    return !*reason;
}

static JsonObject *layer(const char *driver, const char *name, JsonObject *file)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "driver", driver);
    if (name)
        json_object_set_string_member(object, "filename", name);
    if (file)
        json_object_set_object_member(object, "file", file);
    return object;
}

/* QEMU's json: name of a node. Takes the object. */
static char *node_name(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    char *text = json_to_string(node, FALSE);
    char *name = g_strconcat("json:", text, NULL);

    g_free(text);
    json_object_unref(object);
    json_node_unref(node);
    return name;
}

/* Copies the state out of the overlay's enlarged disk. */
static bool copy_state(const char *image, const struct snapshot *snapshot, const char *out,
                       char **reason)
{
    uint64_t blocks = (snapshot->size + BLOCK - 1) / BLOCK;
    char *size = g_strdup_printf("%" G_GUINT64_FORMAT, snapshot->offset + blocks * BLOCK);
    char *from = g_strconcat("if=", image, NULL);
    char *to = g_strconcat("of=", out, NULL);
    char *bs = g_strdup_printf("bs=%u", BLOCK);
    char *skip = g_strdup_printf("skip=%" G_GUINT64_FORMAT, snapshot->offset / BLOCK);
    bool fine = QEMU_IMG(NULL, reason, "resize", "-q", image, size) &&
                QEMU_IMG(NULL, reason, "dd", "-O", "raw", bs, skip, from, to);

    g_free(size);
    g_free(from);
    g_free(to);
    g_free(bs);
    g_free(skip);
    return fine;
}

static bool extract(struct input *self, const char *path, const struct snapshot *snapshot,
                    const char *folder, char **reason)
{
    char *overlay = g_build_filename(folder, "overlay", NULL);
    char *state = g_build_filename(folder, "state", NULL);
    char *under = node_name(layer("raw", NULL, layer("file", path, NULL)));
    JsonObject *stack = layer("qcow2", NULL, layer("qcow2", NULL, layer("file", overlay, NULL)));
    struct snapshot taken_up = {0}; /* its disk may be of another size than today's */
    char *image;
    bool fine;

    json_object_set_null_member(stack, "backing");
    image = node_name(stack);
    fine =
        QEMU_IMG(NULL, reason, "create", "-q", "-f", "qcow2", "-F", "raw", "-b", under, overlay) &&
        QEMU_IMG(NULL, reason, "snapshot", "-q", "-a", snapshot->name, image) &&
        ask_info(image, snapshot->name, self->total, &taken_up, reason) &&
        copy_state(image, &taken_up, state, reason);
    if (fine) {
        int fd = open(state, O_RDWR | O_CLOEXEC);

        fine = fd >= 0 && ftruncate(fd, (off_t)snapshot->size) == 0 &&
               dup3(fd, self->fd, O_CLOEXEC) >= 0;
        if (!fine)
            *reason = g_strdup(g_strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    g_unlink(overlay);
    g_unlink(state);
    g_free(overlay);
    g_free(state);
    g_free(under);
    g_free(image);
    g_free(taken_up.name);
    return fine;
}

bool input_enter_qcow2(struct input *self, const char *path, const char *wanted, char **reason)
{
    char *full = g_canonicalize_filename(path, NULL);
    char *image = node_name(layer("qcow2", NULL, layer("file", full, NULL)));
    struct snapshot snapshot = {0};
    char *folder = NULL;
    bool fine = ask_info(image, wanted, self->total, &snapshot, reason);

    if (fine) {
        folder = g_dir_make_tmp("caravan-XXXXXX", NULL);
        fine = folder && extract(self, full, &snapshot, folder, reason);
        if (!folder)
            *reason = g_strdup("no folder for temporary files; TMPDIR names one");
    }
    if (fine) {
        char *what = g_strdup_printf("snapshot '%s' of a qcow2 image", snapshot.name);

        input_wrapped(self, what);
        g_free(what);
        self->held_len = 0;
        self->total = snapshot.size;
    }
    if (folder)
        g_rmdir(folder);
    g_free(folder);
    g_free(snapshot.name);
    g_free(image);
    g_free(full);
    return fine;
}
