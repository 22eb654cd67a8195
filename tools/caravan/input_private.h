/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_INPUT_PRIVATE_H
#define CARAVAN_INPUT_PRIVATE_H

#include <glib.h>

#include "input.h"

#define INPUT_HEAD 92 /* bytes that tell every kind; as many as libvirt's header has */

struct input {
    int fd;
    uint8_t held[INPUT_HEAD];
    size_t held_at, held_len;
    GArray *tools; /* struct input_tool */
    uint64_t total;
    GString *wrapping;
    char *domain;
    char *problem;
};

struct input_tool {
    GPid pid;
    const char *name; /* static; NULL: a copier whose own end does not matter */
};

/* The tool's words for a kind; argv is static. */
struct input_decoder {
    const char *name;
    const char *magic;
    const char *const *argv;
};

/* The decoder of this name or with this magic, NULL: none. */
const struct input_decoder *input_decoder_named(const char *name);
const struct input_decoder *input_decoder_of(const uint8_t *head, size_t len);

/* Appends to the words that tell what the stream came in. */
void input_wrapped(struct input *self, const char *what);

/* Has the tool decode what is not read yet. False and *reason when it cannot be started. */
bool input_decode(struct input *self, const struct input_decoder *decoder, char **reason);

/* Reads exactly n bytes; false when the input ends before, or fails. */
bool input_read_all(struct input *self, void *to, size_t n);

/* Whether the head is that of libvirt's save file, or of a qcow2 image. */
bool input_is_libvirt(const uint8_t *head, size_t len);
bool input_is_qcow2(const uint8_t *head, size_t len);

/* Takes libvirt's header and XML off, and starts the tool that it names. */
bool input_enter_libvirt(struct input *self, char **reason);

/* Puts the snapshot's state (NULL: there is only one) into the place of the image. */
bool input_enter_qcow2(struct input *self, const char *path, const char *snapshot, char **reason);

#endif
