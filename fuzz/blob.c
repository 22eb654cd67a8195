/* SPDX-License-Identifier: MIT */
/*
 * Migration bodies that came through a client's hands.
 * Input: one byte of kind (main, display, display with lossy surfaces, inputs, a character device, a
 * card reader), then the body.
 * What loads is valid, and saving it gives a body that loads and saves to itself.
 */
#include <string.h>

#include "base/buf.h"
#include "vmstate/fields_buf.h"
#include "fuzz/fuzz.h"
#include "migrate/blob.h"

union state {
    struct main_state main;
    struct display_state display;
    struct inputs_state inputs;
    struct vmc_state vmc;
};

static bool load_main(const uint8_t *b, size_t n, union state *s, struct fields_error *e)
{
    return blob_main_load(b, n, &s->main, e);
}

static bool save_main(const union state *s, struct buf *out, struct fields_error *e)
{
    return blob_main_save(&s->main, out, e);
}

static void free_main(union state *s)
{
    blob_main_free(&s->main);
}

static bool load_display(const uint8_t *b, size_t n, union state *s, struct fields_error *e)
{
    return blob_display_load(b, n, false, &s->display, e);
}

static bool load_lossy(const uint8_t *b, size_t n, union state *s, struct fields_error *e)
{
    return blob_display_load(b, n, true, &s->display, e);
}

static bool save_display(const union state *s, struct buf *out, struct fields_error *e)
{
    return blob_display_save(&s->display, out, e);
}

static void free_display(union state *s)
{
    blob_display_free(&s->display);
}

static bool load_inputs(const uint8_t *b, size_t n, union state *s, struct fields_error *e)
{
    return blob_inputs_load(b, n, &s->inputs, e);
}

static bool save_inputs(const union state *s, struct buf *out, struct fields_error *e)
{
    return blob_inputs_save(&s->inputs, out, e);
}

static void free_inputs(union state *s)
{
    blob_inputs_free(&s->inputs);
}

static bool load_vmc(const uint8_t *b, size_t n, union state *s, struct fields_error *e)
{
    return blob_vmc_load(b, n, &s->vmc, e);
}

static bool load_card(const uint8_t *b, size_t n, union state *s, struct fields_error *e)
{
    return blob_card_load(b, n, &s->vmc, e);
}

static bool save_vmc(const union state *s, struct buf *out, struct fields_error *e)
{
    return blob_vmc_save(&s->vmc, out, e);
}

static void free_vmc(union state *s)
{
    blob_vmc_free(&s->vmc);
}

static const struct kind {
    const struct field_table *table;
    bool (*load)(const uint8_t *b, size_t n, union state *s, struct fields_error *e);
    bool (*save)(const union state *s, struct buf *out, struct fields_error *e);
    void (*free)(union state *s);
} kinds[] = {
    {&saved_main_table, load_main, save_main, free_main},
    {&saved_display_table, load_display, save_display, free_display},
    {&saved_display_table, load_lossy, save_display, free_display},
    {&saved_inputs_table, load_inputs, save_inputs, free_inputs},
    {&saved_vmc_table, load_vmc, save_vmc, free_vmc},
    {&saved_card_table, load_card, save_vmc, free_vmc},
};

static void check_saved_again(const struct kind *kind, const struct buf *first)
{
    struct buf second = BUF_INIT;
    union state s;

    FUZZ_CHECK(kind->load(first->data, first->len, &s, NULL));
    FUZZ_CHECK(kind->save(&s, &second, NULL));
    FUZZ_CHECK(second.len == first->len && memcmp(second.data, first->data, first->len) == 0);
    buf_free(&second);
    kind->free(&s);
}

static void check_loaded(const struct kind *kind, union state *s)
{
    struct buf out = BUF_INIT;
    struct fields_error error = {0};

    FUZZ_CHECK(fields_validate(kind->table, SAVED_VERSION, s, NULL));
    fields_dump(kind->table, SAVED_VERSION, s, &out);
    FUZZ_CHECK(out.len > 0);
    buf_reset(&out);
    /* Pointers that shared bytes can make a body that has become too large. */
    if (kind->save(s, &out, &error))
        check_saved_again(kind, &out);
    else
        FUZZ_CHECK(strstr(error.reason, "too large"));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fields_error error = {0};
    const struct kind *kind;
    union state s;

    if (len < 1)
        return 0;
    kind = &kinds[bytes[0] % (sizeof(kinds) / sizeof(kinds[0]))];
    if (kind->load(bytes + 1, len - 1, &s, &error)) {
        check_loaded(kind, &s);
    } else {
        FUZZ_CHECK(error.reason && error.offset <= len - 1);
        FUZZ_CHECK(memchr(error.field, 0, sizeof(error.field)));
    }
    kind->free(&s);
    return 0;
}
