/* SPDX-License-Identifier: MIT */
/* The text of layouts into tables of fields: docs/vmstate.md has the language. */
#include <string.h>

#include "vmstate/schema_private.h"

struct parse {
    struct vmstate_schemas *to;
    struct field_table *table; /* that rows go to, or NULL */
    GArray *rows;              /* struct field, of that table */
    GPtrArray *subsections;    /* likewise */
    const char *reason;
};

static bool fail(struct parse *parse, const char *reason)
{
    parse->reason = reason;
    return false;
}

static const char *keep(struct parse *parse, const char *word)
{
    return g_string_chunk_insert_const(parse->to->words, word);
}

static bool parse_number(const char *word, uint64_t *value)
{
    gchar *end;

    if (!word || !g_ascii_isdigit(*word))
        return false;
    *value = g_ascii_strtoull(word, &end, 0);
    return *end == 0;
}

static bool parse_u32(struct parse *parse, const char *word, uint32_t *value)
{
    uint64_t number;

    if (!parse_number(word, &number) || number > UINT32_MAX)
        return fail(parse, "a number is missing");
    *value = (uint32_t)number;
    return true;
}

static struct field_table *find_table(const GPtrArray *tables, const char *name)
{
    for (guint i = 0; i < tables->len; i++) {
        struct field_table *table = tables->pdata[i];

        if (!strcmp(table->name, name))
            return table;
    }
    return NULL;
}

uint64_t schema_flavour_bit(const struct vmstate_schemas *self, const char *name)
{
    for (unsigned i = 0; i < self->n_flavours; i++)
        if (!strcmp(self->flavours[i], name))
            return UINT64_C(1) << i;
    return 0;
}

/* ---- What a row depends on ---- */

static const struct {
    const char *word;
    enum field_compare compare;
} compares[] = {
    {"==", FIELD_EQUAL},
    {"!=", FIELD_UNEQUAL},
    {">=", FIELD_AT_LEAST},
    {"<=", FIELD_AT_MOST},
};

static bool parse_compare(struct parse *parse, const char *word, enum field_compare *compare)
{
    for (size_t i = 0; word && i < G_N_ELEMENTS(compares); i++) {
        if (!strcmp(word, compares[i].word)) {
            *compare = compares[i].compare;
            return true;
        }
    }
    return fail(parse, "none of == != >= <=");
}

/* [not] flavour NAME */
static bool parse_flavour_term(struct parse *parse, char ***words, struct field_term *term)
{
    term->test = FIELD_IF_FLAVOUR;
    if (!strcmp(**words, "not")) {
        term->compare = FIELD_UNEQUAL;
        ++*words;
    }
    if (!**words || strcmp(*(*words)++, "flavour") || !**words)
        return fail(parse, "not what a condition looks like");
    term->value = schema_flavour_bit(parse->to, *(*words)++);
    return term->value ? true : fail(parse, "no such flavour");
}

/* version|PATH|msix PATH [& MASK] == NUMBER */
static bool parse_term(struct parse *parse, char ***words, struct field_term *term)
{
    if (!**words)
        return fail(parse, "a condition is missing");
    term->mask = UINT64_MAX;
    if (!strcmp(**words, "flavour") || !strcmp(**words, "not"))
        return parse_flavour_term(parse, words, term);
    if (!strcmp(**words, "msix"))
        term->test = FIELD_IF_MSIX;
    else
        term->test = strcmp(**words, "version") ? FIELD_IF_VALUE : FIELD_IF_VERSION;
    if (term->test == FIELD_IF_MSIX && !*++*words)
        return fail(parse, "msix of what?");
    term->path = keep(parse, *(*words)++);
    if (**words && !strcmp(**words, "&")) {
        ++*words;
        if (!parse_number(**words, &term->mask))
            return fail(parse, "a mask is missing");
        ++*words;
    }
    if (!parse_compare(parse, **words, &term->compare))
        return false;
    ++*words;
    if (!parse_number(**words, &term->value))
        return fail(parse, "a number is missing");
    ++*words;
    return true;
}

static bool parse_terms(struct parse *parse, char ***words, struct field *field)
{
    GArray *terms = g_array_new(FALSE, TRUE, sizeof(struct field_term));
    struct field_term term = {0};
    bool fine;

    while ((fine = parse_term(parse, words, &term))) {
        g_array_append_val(terms, term);
        if (!**words || (strcmp(**words, "and") && strcmp(**words, "or")))
            break;
        term = (struct field_term){.or = !strcmp(*(*words)++, "or")};
    }
    field->n_terms = terms->len;
    field->terms = (struct field_term *)g_array_free(terms, FALSE);
    return fine;
}

/* since N, until N, if ... */
static bool parse_options(struct parse *parse, char **words, struct field *field)
{
    while (*words) {
        const char *word = *words++;
        bool fine;

        if (!strcmp(word, "since"))
            fine = parse_u32(parse, *words, &field->since) && words++;
        else if (!strcmp(word, "until"))
            fine = parse_u32(parse, *words, &field->until) && words++;
        else if (!strcmp(word, "if") && !field->terms)
            fine = parse_terms(parse, &words, field);
        else
            fine = fail(parse, "a word that is not known");
        if (!fine)
            return false;
    }
    return true;
}

/* ---- Rows ---- */

static const struct {
    const char *word;
    enum field_type type;
} types[] = {
    {"uint8", FIELD_U8},  {"uint16", FIELD_U16}, {"uint32", FIELD_U32}, {"uint64", FIELD_U64},
    {"int8", FIELD_I8},   {"int16", FIELD_I16},  {"int32", FIELD_I32},  {"int64", FIELD_I64},
    {"bool", FIELD_BOOL}, {"timer", FIELD_I64},  {"buffer", FIELD_U8},  {"unused", FIELD_U8},
};

/* QEMU's words; with "le" behind them, little endian. */
static bool parse_type(struct parse *parse, const char *word, struct field *field)
{
    size_t n = strlen(word);

    field->little = n > 2 && !strcmp(word + n - 2, "le");
    n -= field->little ? 2 : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strlen(types[i].word) != n || strncmp(word, types[i].word, n))
            continue;
        field->type = types[i].type;
        field->word = types[i].word;
        return true;
    }
    field->type = FIELD_TABLE;
    field->word = "struct";
    field->table = find_table(parse->to->structs, word);
    return field->table ? true : fail(parse, "no such type");
}

/* [msix] PATH [* N] [/ N] [+ N], or a number */
static bool parse_amount(struct parse *parse, const char *text, struct field *field)
{
    char **words = g_strsplit(text, " ", -1);
    char **at = words;
    struct field_amount *amount = &field->amount;
    bool fine = true;
    uint64_t number;

    field->shape = FIELD_AMOUNT;
    *amount = (struct field_amount){.times = 1, .per = 1};
    if (*at && !strcmp(*at, "msix") && at++)
        amount->msix = true;
    if (parse_number(*at, &number) && !at[1]) {
        field->shape = FIELD_FIXED;
        fine = parse_u32(parse, *at++, &field->count);
    } else if (*at) {
        amount->path = keep(parse, *at++);
    }
    while (fine && *at) {
        uint32_t *to = !strcmp(*at, "*")   ? &amount->times
                       : !strcmp(*at, "/") ? &amount->per
                       : !strcmp(*at, "+") ? &amount->plus
                                           : NULL;

        fine = to ? parse_u32(parse, at[1], to) : fail(parse, "none of * / +");
        at += at[1] ? 2 : 1;
    }
    if (fine && (amount->per == 0 || (field->shape == FIELD_FIXED && field->count == 0)))
        fine = fail(parse, "a count of nothing");
    g_strfreev(words);
    return fine;
}

/* NAME, NAME#INDEX */
static bool parse_name(struct parse *parse, char *word, struct field *field)
{
    char *hash = strchr(word, '#');
    uint32_t index;

    if (hash) {
        *hash = 0;
        if (!parse_u32(parse, hash + 1, &index))
            return false;
        field->index = (int64_t)index + 1;
    }
    field->name = keep(parse, word);
    return *word ? true : fail(parse, "a row without a name");
}

static bool parse_mark(struct parse *parse, char ***words, struct field *field)
{
    uint32_t mark;

    if (!**words || strcmp(**words, "marked"))
        return true;
    ++*words;
    if (!parse_u32(parse, **words, &mark))
        return false;
    ++*words;
    if (field->type != FIELD_TABLE || field->shape != FIELD_ONE || mark > UINT8_MAX)
        return fail(parse, "only structs can be marked");
    field->shape = FIELD_MARKED;
    field->mark = (uint8_t)mark;
    return true;
}

/* TYPE NAME[AMOUNT] OPTIONS; the amount was cut out of the line. */
static bool parse_row(struct parse *parse, char **words, const char *amount)
{
    struct field field = {0};
    bool fine = words[0] && words[1] && parse_type(parse, words[0], &field) &&
                parse_name(parse, words[1], &field) &&
                (!amount || parse_amount(parse, amount, &field));

    if (fine) {
        words += 2;
        fine = parse_mark(parse, &words, &field) && parse_options(parse, words, &field);
    } else if (!parse->reason) {
        fail(parse, "a row without type or name");
    }
    g_array_append_val(parse->rows,
                       field); /* also when wrong: its terms are freed with the table */
    return fine;
}

/* ---- Lines ---- */

static void finish_table(struct parse *parse)
{
    struct field_table *table = parse->table;

    if (!table)
        return;
    table->n_fields = parse->rows->len;
    table->fields = (struct field *)g_array_free(parse->rows, FALSE);
    table->n_subsections = parse->subsections->len;
    table->subsections =
        (const struct field_table *const *)g_ptr_array_free(parse->subsections, FALSE);
    parse->table = NULL;
}

/* LEAST..MOST, or one version for both */
static bool parse_versions(struct parse *parse, char *word, struct field_table *table)
{
    char *dots = strstr(word, "..");

    if (dots)
        *dots = 0;
    return parse_u32(parse, word, &table->least) &&
           parse_u32(parse, dots ? dots + 2 : word, &table->version);
}

static bool begin_table(struct parse *parse, GPtrArray *tables, const char *name, char *versions)
{
    struct field_table *table = g_new0(struct field_table, 1);

    finish_table(parse);
    table->name = keep(parse, name);
    table->order = FIELD_BIG_ENDIAN;
    g_ptr_array_add(tables, table);
    parse->table = table;
    parse->rows = g_array_new(FALSE, TRUE, sizeof(struct field));
    parse->subsections = g_ptr_array_new();
    return !versions || parse_versions(parse, versions, table);
}

static bool add_subsection(struct parse *parse, const char *name)
{
    struct field_table *table = find_table(parse->to->subsections, name);

    if (!table)
        return fail(parse, "no such subsection");
    g_ptr_array_add(parse->subsections, table);
    return true;
}

static bool add_excluded(struct parse *parse, const char *flavour)
{
    uint64_t bit = schema_flavour_bit(parse->to, flavour);

    parse->table->excludes |= bit;
    return bit ? true : fail(parse, "no such flavour");
}

static bool add_flavour(struct parse *parse, const char *name)
{
    struct vmstate_schemas *to = parse->to;

    if (schema_flavour_bit(to, name))
        return true;
    if (to->n_flavours == SCHEMA_FLAVOURS_MOST)
        return fail(parse, "too many flavours");
    to->flavours[to->n_flavours++] = keep(parse, name);
    return true;
}

static bool add_alias(struct parse *parse, const char *name, const char *of)
{
    finish_table(parse);
    g_ptr_array_add(parse->to->aliases, (gpointer)keep(parse, name));
    g_ptr_array_add(parse->to->aliases, (gpointer)keep(parse, of));
    return find_table(parse->to->sections, of) ? true : fail(parse, "an alias of nothing");
}

static bool parse_words(struct parse *parse, char **words, const char *amount, bool indented)
{
    if (indented && !parse->table)
        return fail(parse, "a row outside a table");
    if (indented && !strcmp(words[0], "excludes") && words[1])
        return add_excluded(parse, words[1]);
    if (indented && !strcmp(words[0], "pathless") && !words[1])
        return parse->table->pathless = true;
    if (indented && !strcmp(words[0], "subsection") && words[1])
        return add_subsection(parse, words[1]);
    if (indented)
        return parse_row(parse, words, amount);
    if (!words[1])
        return fail(parse, "a name is missing");
    if (!strcmp(words[0], "flavour"))
        return add_flavour(parse, words[1]);
    if (!strcmp(words[0], "alias") && words[2])
        return add_alias(parse, words[1], words[2]);
    if (!strcmp(words[0], "struct"))
        return begin_table(parse, parse->to->structs, words[1], words[2]);
    if (!words[2])
        return fail(parse, "versions are missing");
    if (!strcmp(words[0], "subsection"))
        return begin_table(parse, parse->to->subsections, words[1], words[2]);
    if (!strcmp(words[0], "section"))
        return begin_table(parse, parse->to->sections, words[1], words[2]);
    return fail(parse, "a line that begins with none of section, subsection, struct, flavour");
}

/* Takes "[...]" out of the line; what was in it, or NULL. */
static char *cut_amount(char *line)
{
    char *from = strchr(line, '[');
    char *to = from ? strchr(from, ']') : NULL;
    char *amount;

    if (!to)
        return NULL;
    amount = g_strndup(from + 1, (gsize)(to - from - 1));
    memmove(from, to + 1, strlen(to + 1) + 1);
    return amount;
}

/* Words of a line; a name with blanks stands in quotes. */
static char **split(const char *line)
{
    GPtrArray *words = g_ptr_array_new();

    for (;;) {
        const char *end;

        line += strspn(line, " \t");
        if (*line == 0 || *line == '#')
            break;
        end = *line == '"' ? strchr(line + 1, '"') : line + strcspn(line, " \t");
        if (!end)
            end = line + strlen(line);
        if (*line == '"')
            line++;
        g_ptr_array_add(words, g_strndup(line, (gsize)(end - line)));
        line = *end == '"' ? end + 1 : end;
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static bool parse_line(struct parse *parse, char *line)
{
    bool indented = line[0] == ' ' || line[0] == '\t';
    char *amount = cut_amount(line);
    char **words = split(line);
    bool fine = !words[0] || parse_words(parse, words, amount, indented);

    g_strfreev(words);
    g_free(amount);
    return fine;
}

bool vmstate_schemas_add(struct vmstate_schemas *self, const char *text, unsigned *line,
                         const char **reason)
{
    struct parse parse = {.to = self};
    char **lines = g_strsplit(text, "\n", -1);
    guint sections = self->sections->len;
    bool fine = true;

    *line = 0;
    for (char **at = lines; fine && *at; at++) {
        ++*line;
        fine = parse_line(&parse, *at);
    }
    finish_table(&parse);
    g_strfreev(lines);
    *reason = parse.reason;
    if (!fine) /* the rest stays: nothing refers to it */
        g_ptr_array_set_size(self->sections, (gint)sections);
    return fine;
}
