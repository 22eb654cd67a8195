/* SPDX-License-Identifier: MIT */
/*
 * libvirt's save file: a header in the byte order of the host that wrote it, the domain's XML with
 * a cookie behind it, then the stream, compressed or not. Source: files that libvirt 9.0 wrote, and
 * the documentation of its image formats.
 */
#include "input_private.h"

#include <string.h>

#define MAGIC_SIZE  16
#define VERSION     2
#define DOMAIN_MOST (16u << 20)

struct save_header {
    char magic[MAGIC_SIZE];
    uint32_t version;
    uint32_t data_len; /* bytes of XML and cookie, each with its NUL */
    uint32_t was_running;
    uint32_t compressed;
    uint32_t cookie_offset; /* in the data; 0: no cookie */
    uint32_t unused[14];
};

G_STATIC_ASSERT(sizeof(struct save_header) == INPUT_HEAD);

static const char whole[] = "LibvirtQemudSave";
static const char partial[] = "LibvirtQemudPart";

/* By libvirt's numbers; the first is not compressed. */
static const char *const compressions[] = {"", "gzip", "bzip2", "xz", "lzop", "zstd"};

bool input_is_libvirt(const uint8_t *head, size_t len)
{
    return len >= MAGIC_SIZE &&
           (!memcmp(head, whole, MAGIC_SIZE) || !memcmp(head, partial, MAGIC_SIZE));
}

static void swap_header(struct save_header *header)
{
    header->version = GUINT32_SWAP_LE_BE(header->version);
    header->data_len = GUINT32_SWAP_LE_BE(header->data_len);
    header->was_running = GUINT32_SWAP_LE_BE(header->was_running);
    header->compressed = GUINT32_SWAP_LE_BE(header->compressed);
    header->cookie_offset = GUINT32_SWAP_LE_BE(header->cookie_offset);
}

static char *check_header(const struct save_header *header)
{
    if (!memcmp(header->magic, partial, MAGIC_SIZE))
        return g_strdup("a save file that libvirt did not finish");
    if (header->version == 0 || header->version > VERSION)
        return g_strdup_printf("version %u of libvirt's save file, only 1 and %u are known",
                               header->version, VERSION);
    if (header->compressed >= G_N_ELEMENTS(compressions))
        return g_strdup_printf("format %u of libvirt's save file is not known", header->compressed);
    if (header->data_len == 0 || header->data_len > DOMAIN_MOST)
        return g_strdup_printf("libvirt's save file is said to hold %u bytes of XML",
                               header->data_len);
    return NULL;
}

bool input_enter_libvirt(struct input *self, char **reason)
{
    struct save_header header;
    const char *tool;

    if (!input_read_all(self, &header, sizeof(header))) {
        *reason = g_strdup("the header of libvirt's save file is cut off");
        return false;
    }
    if (header.version > UINT16_MAX)
        swap_header(&header);
    *reason = check_header(&header);
    if (*reason)
        return false;
    g_free(self->domain);
    self->domain = g_malloc0((gsize)header.data_len + 1);
    if (!input_read_all(self, self->domain, header.data_len)) {
        *reason = g_strdup("the XML of libvirt's save file is cut off");
        return false;
    }
    input_wrapped(self, "libvirt's save file");
    if (self->total)
        self->total -= MIN(self->total, sizeof(header) + header.data_len);
    tool = compressions[header.compressed];
    if (!*tool)
        return true;
    g_string_append_printf(self->wrapping, ", compressed by %s", tool);
    return input_decode(self, input_decoder_named(tool), reason);
}
