/* SPDX-License-Identifier: MIT */
/* Sources: spice/qxl_dev.h and spice/enums.h; IBM's VGA registers; the Bochs VBE interface. */
#include "words.h"

#include <string.h>
#include <glib.h>

struct word {
    uint64_t number;
    const char *word;
};

static const struct word qxl_modes[] = {
    {0, "undefined"}, {1, "VGA"}, {2, "compat"}, {3, "native"}, {0, NULL}};
static const struct word surface_formats[] = {
    {1, "1 bit, alpha"}, {8, "8 bits, alpha"}, {16, "x1r5g5b5"}, {32, "x8r8g8b8"},
    {80, "r5g6b5"},      {96, "a8r8g8b8"},     {0, NULL}};
static const struct word surface_types[] = {{0, "primary"}, {0, NULL}};
static const struct word mouse_modes[] = {{1, "server"}, {2, "client"}, {0, NULL}};
static const struct word filters[] = {
    {0, "passes"}, {1, "discards"}, {2, "protocol error"}, {3, "monitors' layout"}, {0, NULL}};
static const struct word input_kinds[] = {{0, "scan code"}, {1, "modifiers"}, {2, "motion"},
                                          {3, "position"},  {4, "wheel"},     {5, "buttons"},
                                          {0, NULL}};
static const struct word channel_types[] = {
    {1, "main"},     {2, "display"}, {3, "inputs"},     {4, "cursor"},
    {5, "playback"}, {6, "record"},  {8, "smart card"}, {9, "USB redirection"},
    {10, "port"},    {11, "webdav"}, {0, NULL}};
static const struct word guest_states[] = {
    {1, "open"}, {2, "asked for capabilities"}, {3, "ready"}, {0, NULL}};
static const struct word who_kinds[] = {
    {0, "nobody"}, {1, "the guest"}, {2, "a client"}, {0, NULL}};
static const struct word send_tokens[] = {{UINT32_MAX, "no flow control"}, {0, NULL}};
static const struct word yes_no[] = {{0, "no"}, {1, "yes"}, {0, NULL}};

static const char *const vbe_names[] = {
    "id",   "width",         "height",         "bits a pixel", "enable",
    "bank", "virtual width", "virtual height", "first column", "first row"};

/* By the section's name behind the slash (or the kind of a blob) and the end of the path; elements
 * have [n] behind it. */
static const struct {
    const char *section; /* NULL: any */
    const char *path;
    const struct word *words;
    const char *const *names; /* of elements */
    size_t n_names;
} rows[] = {
    {"qxl", "mode", qxl_modes, NULL, 0},
    {"qxl", "surface.format", surface_formats, NULL, 0},
    {"qxl", "surface.type", surface_types, NULL, 0},
    {"qxl", "active", yes_no, NULL, 0},
    {"main", "mouse_mode.mode", mouse_modes, NULL, 0},
    {"main", "msg_filter", filters, NULL, 0},
    {"main", "num_send_tokens", send_tokens, NULL, 0},
    {"main", "hub.state", guest_states, NULL, 0},
    {"agent", "hub.state", guest_states, NULL, 0},
    {"main", "owner.kind", who_kinds, NULL, 0},
    {"agent", "owner.kind", who_kinds, NULL, 0},
    {"main", "from.kind", who_kinds, NULL, 0},
    {"agent", "from.kind", who_kinds, NULL, 0},
    {"main", "to.kind", who_kinds, NULL, 0},
    {"agent", "to.kind", who_kinds, NULL, 0},
    {"inputs", "kind", input_kinds, NULL, 0},
    {"vmc", "channel_type", channel_types, NULL, 0},
    {"vmc", "num_send_tokens", send_tokens, NULL, 0},
    {"smartcard", "channel_type", channel_types, NULL, 0},
    {"smartcard", "num_send_tokens", send_tokens, NULL, 0},
    {NULL, "vbe_regs", NULL, vbe_names, G_N_ELEMENTS(vbe_names)},
};

static const char *const sequencer[] = {"reset", "clocking mode", "plane write mask",
                                        "character map", "memory mode"};
static const char *const graphics[] = {"set/reset",        "enable set/reset", "color compare",
                                       "rotate, function", "read map",         "graphics mode",
                                       "miscellaneous",    "color don't care", "bit mask"};
static const char *const attributes[] = {
    "palette 0",   "palette 1",    "palette 2",      "palette 3",    "palette 4",
    "palette 5",   "palette 6",    "palette 7",      "palette 8",    "palette 9",
    "palette 10",  "palette 11",   "palette 12",     "palette 13",   "palette 14",
    "palette 15",  "mode control", "overscan color", "color planes", "horizontal panning",
    "color select"};
static const char *const crtc[] = {"horizontal total",
                                   "horizontal display end",
                                   "horizontal blank start",
                                   "horizontal blank end",
                                   "horizontal sync start",
                                   "horizontal sync end",
                                   "vertical total",
                                   "overflow",
                                   "row scan preset",
                                   "maximum scan line",
                                   "cursor start",
                                   "cursor end",
                                   "start address high",
                                   "start address low",
                                   "cursor address high",
                                   "cursor address low",
                                   "vertical sync start",
                                   "vertical sync end",
                                   "vertical display end",
                                   "offset",
                                   "underline location",
                                   "vertical blank start",
                                   "vertical blank end",
                                   "mode control",
                                   "line compare"};

static const struct {
    const char *path;
    const char *const *names;
    size_t n_names;
} files[] = {
    {"vga.sr", sequencer, G_N_ELEMENTS(sequencer)},
    {"vga.gr", graphics, G_N_ELEMENTS(graphics)},
    {"vga.ar", attributes, G_N_ELEMENTS(attributes)},
    {"vga.cr", crtc, G_N_ELEMENTS(crtc)},
};

static const char *last_word(const char *section)
{
    const char *slash = strrchr(section, '/');

    return slash ? slash + 1 : section;
}

/* Whether the path, of n bytes, is `end` or has it behind a dot. */
static bool ends_with(const char *path, size_t n, const char *end)
{
    size_t m = strlen(end);

    return n >= m && !memcmp(path + n - m, end, m) && (n == m || path[n - m - 1] == '.');
}

static const char *find_word(const struct word *words, uint64_t number)
{
    while (words->word && words->number != number)
        words++;
    return words->word;
}

const char *words_for(const char *section, const struct vmstate_value *value)
{
    const char *bracket = strrchr(value->path, '[');
    size_t n = strlen(value->path);
    bool element = bracket && value->path[n - 1] == ']';

    if (value->kind == VMSTATE_VALUE_BYTES)
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t index;

        if (rows[i].section && strcmp(rows[i].section, last_word(section)))
            continue;
        if (rows[i].words && ends_with(value->path, n, rows[i].path))
            return find_word(rows[i].words, value->u);
        if (!rows[i].names || !element ||
            !ends_with(value->path, (size_t)(bracket - value->path), rows[i].path))
            continue;
        index = g_ascii_strtoull(bracket + 1, NULL, 10);
        return index < rows[i].n_names ? rows[i].names[index] : NULL;
    }
    return NULL;
}

const char *words_register(const char *section, const char *path, size_t i)
{
    size_t n = strlen(path);
    /* cirrus saves the graphics registers from the third on */
    size_t first =
        !strcmp(last_word(section), "cirrus_vga") && ends_with(path, n, "vga.gr") ? 2 : 0;

    for (size_t k = 0; k < G_N_ELEMENTS(files); k++)
        if (ends_with(path, n, files[k].path))
            return i + first < files[k].n_names ? files[k].names[i + first] : NULL;
    return NULL;
}
