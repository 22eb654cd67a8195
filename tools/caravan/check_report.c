/* SPDX-License-Identifier: MIT */
#include "check_report.h"

#include <json-glib/json-glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "term.h"

static const struct {
    const char *word; /* for machines */
    const char *title;
    enum term_style style;
} weights[] = {
    [CHECK_OBSTACLE] = {"obstacle", "obstacle", TERM_BAD},
    [CHECK_DOUBT] = {"doubt", "doubtful", TERM_NOTE},
    [CHECK_NOTE] = {"note", "note", TERM_DIM},
};

static void free_finding(gpointer data)
{
    struct check_finding *finding = data;

    g_free(finding->where);
    g_free(finding->reason);
    g_free(finding->remedy);
    g_free(finding);
}

struct check_report *check_report_new(void)
{
    struct check_report *self = g_new0(struct check_report, 1);

    self->findings = g_ptr_array_new_with_free_func(free_finding);
    self->refusals = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void check_report_free(struct check_report *self)
{
    g_ptr_array_unref(self->findings);
    g_ptr_array_unref(self->refusals);
    g_free(self->words);
    g_free(self);
}

void check_report_add(struct check_report *self, enum check_weight weight, const char *code,
                      const char *where, uint32_t instance, char *remedy, const char *format, ...)
{
    struct check_finding *finding = g_new0(struct check_finding, 1);
    va_list list;

    finding->weight = weight;
    finding->code = code;
    finding->where = where ? g_strescape(where, NULL) : NULL;
    finding->instance = instance;
    finding->remedy = remedy;
    va_start(list, format);
    finding->reason = g_strdup_vprintf(format, list);
    va_end(list);
    g_ptr_array_add(self->findings, finding);
}

unsigned check_report_count(const struct check_report *self, enum check_weight weight)
{
    unsigned n = 0;

    for (guint i = 0; i < self->findings->len; i++)
        n += ((struct check_finding *)self->findings->pdata[i])->weight == weight;
    return n;
}

bool check_report_loads(const struct check_report *self)
{
    return check_report_count(self, CHECK_OBSTACLE) == 0 &&
           (self->settled || check_report_count(self, CHECK_DOUBT) == 0);
}

static void print_finding(const struct term *term, const struct check_finding *finding)
{
    const char *style = term_style(term, weights[finding->weight].style);

    printf("%s%-9s%s", style, weights[finding->weight].title, term_style(term, TERM_PLAIN));
    if (finding->where) {
        printf("%s", finding->where);
        if (finding->instance)
            printf(" (instance %u)", finding->instance);
        printf(": ");
    }
    printf("%s\n", finding->reason);
    if (finding->remedy)
        printf("         remedy: %s\n", finding->remedy);
    if (finding->convert)
        printf("         remedy: %scaravan vmstate convert does this\n",
               finding->remedy ? "or " : "");
}

static void print_verdict(const struct check_report *self)
{
    unsigned obstacles = check_report_count(self, CHECK_OBSTACLE);

    if (obstacles)
        printf("no, it will not load: %u obstacle%s\n", obstacles, obstacles > 1 ? "s" : "");
    else if (!check_report_loads(self))
        printf("no, it will hardly load: there are doubts\n");
    else
        printf("yes, it will load\n");
}

void check_report_print_text(const struct check_report *self, bool quiet)
{
    struct term term = term_open();

    print_verdict(self);
    for (int weight = CHECK_OBSTACLE; weight <= CHECK_NOTE; weight++)
        for (guint i = 0; i < self->findings->len; i++) {
            const struct check_finding *finding = self->findings->pdata[i];

            if ((int)finding->weight == weight && !(quiet && weight == CHECK_NOTE))
                print_finding(&term, finding);
        }
    for (guint i = 0; i < self->refusals->len; i++)
        printf("convert: %s\n", (char *)self->refusals->pdata[i]);
    if (self->after)
        printf("convert: %s\n", self->after);
    if (self->rehearsal && !quiet)
        printf("rehearsal: %s\n", self->rehearsal);
}

static void put_text(JsonBuilder *builder, const char *name, const char *text)
{
    char *valid;

    if (!text)
        return;
    valid = g_utf8_make_valid(text, -1);
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, valid);
    g_free(valid);
}

static void put_finding(JsonBuilder *builder, const struct check_finding *finding)
{
    json_builder_begin_object(builder);
    put_text(builder, "kind", weights[finding->weight].word);
    put_text(builder, "code", finding->code);
    put_text(builder, "where", finding->where);
    if (finding->where) {
        json_builder_set_member_name(builder, "instance");
        json_builder_add_int_value(builder, finding->instance);
    }
    put_text(builder, "reason", finding->reason);
    put_text(builder, "remedy", finding->remedy);
    json_builder_set_member_name(builder, "convert");
    json_builder_add_boolean_value(builder, finding->convert);
    json_builder_end_object(builder);
}

void check_report_print_json(const struct check_report *self, const char *source,
                             const char *target)
{
    JsonBuilder *builder = json_builder_new();
    JsonNode *root;
    char *text;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "loads");
    json_builder_add_boolean_value(builder, check_report_loads(self));
    put_text(builder, "source", source);
    put_text(builder, "target", target);
    put_text(builder, "rehearsal", self->rehearsal);
    put_text(builder, "words", self->words);
    put_text(builder, "after_convert", self->after);
    json_builder_set_member_name(builder, "findings");
    json_builder_begin_array(builder);
    for (guint i = 0; i < self->findings->len; i++)
        put_finding(builder, self->findings->pdata[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    text = json_to_string(root, TRUE);
    puts(text);
    g_free(text);
    json_node_unref(root);
    g_object_unref(builder);
}
