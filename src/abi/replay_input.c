/* SPDX-License-Identifier: MIT */
#include "replay_input.h"

#include <errno.h>
#include <glib.h>
#include <spice/qxl_dev.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES  256
#define NUMBERS_MAX     8
#define READ_STEP_BYTES ((size_t)1 << 20)

struct replay_blocks {
    GPtrArray *memory;
};

struct replay_input {
    FILE *file;
    bool failed;
    struct replay_blocks *blocks;
    size_t used; /* bytes in blocks */
};

static struct replay_blocks *blocks_new(void)
{
    struct replay_blocks *blocks = g_new(struct replay_blocks, 1);

    blocks->memory = g_ptr_array_new_with_free_func(g_free);
    return blocks;
}

void replay_blocks_free(struct replay_blocks *blocks)
{
    if (blocks) {
        g_ptr_array_free(blocks->memory, TRUE);
        g_free(blocks);
    }
}

struct replay_input *replay_input_new(FILE *file)
{
    struct replay_input *input = g_new0(struct replay_input, 1);

    input->file = file;
    input->blocks = blocks_new();
    return input;
}

void replay_input_free(struct replay_input *input)
{
    if (!input)
        return;
    replay_blocks_free(input->blocks);
    fclose(input->file);
    g_free(input);
}

void replay_input_fail(struct replay_input *input)
{
    input->failed = true;
}

bool replay_input_failed(const struct replay_input *input)
{
    return input->failed;
}

struct replay_blocks *replay_input_take(struct replay_input *input)
{
    struct replay_blocks *blocks = input->blocks;

    input->blocks = blocks_new();
    input->used = 0;
    return blocks;
}

static bool reserve(struct replay_input *input, size_t size)
{
    if (input->failed)
        return false;
    if (size > REPLAY_COMMAND_MAX - input->used) {
        input->failed = true;
        return false;
    }
    input->used += size;
    return true;
}

void *replay_input_alloc(struct replay_input *input, size_t size)
{
    void *memory;

    if (!reserve(input, size))
        return NULL;
    memory = g_try_malloc0(MAX(size, 1));
    if (!memory) {
        input->failed = true;
        return NULL;
    }
    g_ptr_array_add(input->blocks->memory, memory);
    return memory;
}

/* Reads up to and without `stop`, or to the end of the file. Returns false at the end with
 * nothing read, on a read error or when the text is longer than a line may be. */
static bool read_text(struct replay_input *input, char *text, char stop)
{
    size_t length = 0;
    int c = 0;

    while (length < LINE_MAX_BYTES - 1 && (c = getc(input->file)) != EOF && c != stop)
        text[length++] = (char)c;
    text[length] = '\0';
    return c == stop || (c == EOF && length > 0 && !ferror(input->file));
}

static bool parse_number(const char **text, size_t size, uint64_t *value)
{
    unsigned bits = (unsigned)size * 8;
    char *end;

    if (**text == ' ')
        (*text)++;
    if (**text != '-' && !g_ascii_isdigit(**text))
        return false;
    errno = 0;
    if (**text == '-') {
        int64_t number = strtoll(*text, &end, 10);

        if (number < -(INT64_C(1) << (MIN(bits, 63) - 1)) && bits < 64)
            return false;
        *value = (uint64_t)number;
    } else {
        *value = strtoull(*text, &end, 10);
        if (bits < 64 && *value >> bits)
            return false;
    }
    if (errno || end == *text)
        return false;
    *text = end;
    return true;
}

static bool parse_line(const char *text, const char *label, uint64_t *values, size_t size,
                       size_t count)
{
    size_t length = strlen(label);

    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): text has a NUL */
    if (strncmp(text, label, length) != 0 || (length && text[length] != ' ' && count))
        return false;
    text += length;
    for (size_t i = 0; i < count; i++) {
        if (!parse_number(&text, size, &values[i]))
            return false;
    }
    return *text == '\0';
}

static void store(void *at, size_t size, uint64_t value)
{
    uint8_t byte = (uint8_t)value;
    uint16_t half = (uint16_t)value;
    uint32_t word = (uint32_t)value;

    switch (size) {
    case 1:
        memcpy(at, &byte, 1);
        break;
    case 2:
        memcpy(at, &half, 2);
        break;
    case 4:
        memcpy(at, &word, 4);
        break;
    default:
        memcpy(at, &value, 8);
        break;
    }
}

void replay_input_numbers(struct replay_input *input, const char *label, void *at, size_t size,
                          size_t count)
{
    uint64_t values[NUMBERS_MAX];
    char text[LINE_MAX_BYTES];

    if (input->failed)
        return;
    if (count > NUMBERS_MAX || !read_text(input, text, '\n') ||
        !parse_line(text, label, values, size, count)) {
        input->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        store((uint8_t *)at + i * size, size, values[i]);
}

uint32_t replay_input_number(struct replay_input *input, const char *label)
{
    uint32_t value = 0;

    replay_input_numbers(input, label, &value, sizeof(value), 1);
    return value;
}

/* The block's bytes, in memory that grows as they arrive: a length is not believed beforehand. */
static uint8_t *read_bytes(struct replay_input *input, size_t front, size_t size)
{
    size_t have = front;
    uint8_t *memory = NULL;

    while (have < front + size || !memory) {
        size_t step = MIN(front + size - have, READ_STEP_BYTES);
        uint8_t *grown = g_try_realloc(memory, have + step + 1);

        if (!grown || fread(grown + have, 1, step, input->file) != step) {
            g_free(grown ? grown : memory);
            return NULL;
        }
        memory = grown;
        have += step;
    }
    memset(memory, 0, front);
    memory[have] = 0;
    return memory;
}

static bool read_block_header(struct replay_input *input, const char *label, size_t *size)
{
    char text[LINE_MAX_BYTES], expected[LINE_MAX_BYTES];
    uint64_t value;

    g_snprintf(expected, sizeof(expected), "binary 0 %s", label);
    if (!read_text(input, text, ':') || !parse_line(text, expected, &value, sizeof(value), 1) ||
        value > REPLAY_COMMAND_MAX)
        return false;
    *size = (size_t)value;
    return true;
}

static bool read_block_end(struct replay_input *input)
{
    int c = getc(input->file);

    return c == '\n' || (c == EOF && !ferror(input->file));
}

uint8_t *replay_input_block(struct replay_input *input, const char *label, size_t front,
                            size_t *size)
{
    uint8_t *memory;

    *size = 0;
    if (input->failed || !read_block_header(input, label, size)) {
        input->failed = true;
        return NULL;
    }
    if (!reserve(input, front + *size + 1))
        return NULL;
    memory = read_bytes(input, front, *size);
    if (!memory || !read_block_end(input)) {
        g_free(memory);
        input->failed = true;
        return NULL;
    }
    g_ptr_array_add(input->blocks->memory, memory);
    return memory;
}

static QXLDataChunk *link_chunk(QXLDataChunk *previous, uint8_t *memory, size_t size)
{
    QXLDataChunk *chunk = (QXLDataChunk *)memory;

    chunk->data_size = (uint32_t)size;
    if (previous) {
        previous->next_chunk = (uintptr_t)chunk;
        chunk->prev_chunk = (uintptr_t)previous;
    }
    return chunk;
}

uint8_t *replay_input_chunks(struct replay_input *input, const char *label, size_t front,
                             size_t *total)
{
    uint64_t counts[2] = {0, 0};
    QXLDataChunk *chunk = NULL;
    uint8_t *first = NULL;
    size_t size;

    *total = 0;
    replay_input_numbers(input, "data_chunks", counts, sizeof(counts[0]), G_N_ELEMENTS(counts));
    for (uint64_t i = 0; !input->failed && i <= counts[0]; i++) {
        size_t before = first ? 0 : front;
        uint8_t *memory = replay_input_block(input, label, before + sizeof(QXLDataChunk), &size);

        if (!memory)
            return NULL;
        first = first ? first : memory;
        chunk = link_chunk(chunk, memory + before, size);
        *total += size;
    }
    if (*total != counts[1])
        input->failed = true;
    return input->failed ? NULL : first;
}
