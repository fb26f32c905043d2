#include "xenguest/lib/assign.h"

#include <gio/gio.h>
#include <string.h>

struct assignment {
    char *name, *value;
    size_t line_start, line_end; /* with the newline; a quoted value may span lines */
    size_t raw_start, raw_end;   /* the value as it is spelled */
};

struct assign {
    char *source;
    GString *text;
    GPtrArray *list; /* struct assignment, in the order of the text */
};

/* Where parsing is: text has a NUL at len, which no rule takes. */
struct cursor {
    const char *text;
    size_t at, len;
    const char *source;
};

static void assignment_free(void *p)
{
    struct assignment *as = p;

    g_free(as->name);
    g_free(as->value);
    g_free(as);
}

void assign_free(struct assign *a)
{
    if (!a)
        return;
    g_free(a->source);
    g_string_free(a->text, TRUE);
    g_ptr_array_free(a->list, TRUE);
    g_free(a);
}

static bool wrong(const struct cursor *c, size_t at, const char *what, GError **error)
{
    unsigned line = 1;

    for (size_t i = 0; i < at; i++)
        line += c->text[i] == '\n';
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s:%u: %s", c->source, line, what);
    return false;
}

static bool name_char(char ch, bool first)
{
    return g_ascii_isalpha(ch) || ch == '_' || (!first && g_ascii_isdigit(ch));
}

bool assign_name_valid(const char *name)
{
    if (!*name)
        return false;
    for (const char *p = name; *p; p++) {
        if (!name_char(*p, p == name))
            return false;
    }
    return true;
}

static bool single_quoted(struct cursor *c, GString *value, GError **error)
{
    const char *end = memchr(c->text + c->at + 1, '\'', c->len - c->at - 1);

    if (!end)
        return wrong(c, c->at, "a ' without its end", error);
    g_string_append_len(value, c->text + c->at + 1, end - (c->text + c->at + 1));
    c->at = (size_t)(end - c->text) + 1;
    return true;
}

static bool double_quoted(struct cursor *c, GString *value, GError **error)
{
    size_t start = c->at++;

    for (; c->at < c->len; c->at++) {
        char ch = c->text[c->at];
        if (ch == '"') {
            c->at++;
            return true;
        }
        if (ch == '$' || ch == '`')
            return wrong(c, c->at, "only plain values: nothing is expanded here", error);
        if (ch == '\\' && c->at + 1 < c->len && strchr("$`\"\\\n", c->text[c->at + 1])) {
            ch = c->text[++c->at];
            if (ch == '\n')
                continue;
        }
        g_string_append_c(value, ch);
    }
    return wrong(c, start, "a \" without its end", error);
}

/* A word of a shell, from c->at to its end. */
static bool parse_value(struct cursor *c, GString *value, GError **error)
{
    while (c->at < c->len && !strchr(" \t\n;", c->text[c->at])) {
        char ch = c->text[c->at];
        if (ch == '\'' || ch == '"') {
            if (!(ch == '"' ? double_quoted : single_quoted)(c, value, error))
                return false;
        } else if (ch == '\\' && c->at + 1 < c->len) {
            if (c->text[c->at + 1] != '\n')
                g_string_append_c(value, c->text[c->at + 1]);
            c->at += 2;
        } else if (strchr("$`&|<>()\\\r", ch)) {
            return wrong(c, c->at, "only plain values: nothing is expanded or executed here",
                         error);
        } else {
            g_string_append_c(value, ch);
            c->at++;
        }
    }
    return true;
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->len && (c->text[c->at] == ' ' || c->text[c->at] == '\t'))
        c->at++;
}

/* A comment or nothing; then the next line. */
static bool end_of_line(struct cursor *c, GError **error)
{
    skip_blanks(c);
    if (c->at < c->len && c->text[c->at] == '#')
        c->at += strcspn(c->text + c->at, "\n");
    if (c->at < c->len && c->text[c->at] != '\n')
        return wrong(c, c->at, "not an assignment NAME=\"value\"", error);
    c->at += c->at < c->len;
    return true;
}

static bool parse_assignment(struct assign *a, struct cursor *c, size_t line_start, GError **error)
{
    size_t start = c->at;
    g_autoptr(GString) value = g_string_new(NULL);

    while (c->at < c->len && name_char(c->text[c->at], c->at == start))
        c->at++;
    size_t name_end = c->at;
    if (name_end == start || c->at == c->len || c->text[c->at] != '=')
        return wrong(c, start, "not an assignment NAME=\"value\"", error);
    size_t raw_start = ++c->at;
    if (!parse_value(c, value, error))
        return false;
    size_t raw_end = c->at;
    skip_blanks(c);
    if (c->at < c->len && c->text[c->at] == ';')
        c->at++;
    if (!end_of_line(c, error))
        return false;

    struct assignment *as = g_new0(struct assignment, 1);
    as->name = g_strndup(c->text + start, name_end - start);
    as->value = g_strdup(value->str);
    as->line_start = line_start;
    as->line_end = c->at;
    as->raw_start = raw_start;
    as->raw_end = raw_end;
    g_ptr_array_add(a->list, as);
    return true;
}

static bool parse_all(struct assign *a, GError **error)
{
    struct cursor c = {a->text->str, 0, a->text->len, a->source};
    const char *nul = memchr(c.text, '\0', c.len);

    g_ptr_array_set_size(a->list, 0);
    if (nul)
        return wrong(&c, (size_t)(nul - c.text), "a NUL: this is not a text", error);
    while (c.at < c.len) {
        size_t line_start = c.at;

        skip_blanks(&c);
        if (g_str_has_prefix(c.text + c.at, "export ")) {
            c.at += strlen("export ");
            skip_blanks(&c);
        } else if (c.at == c.len || c.text[c.at] == '\n' || c.text[c.at] == '#') {
            if (!end_of_line(&c, error))
                return false;
            continue;
        }
        if (!parse_assignment(a, &c, line_start, error))
            return false;
    }
    return true;
}

struct assign *assign_parse(const char *text, size_t len, const char *source, GError **error)
{
    AUTO(assign) a = g_new0(struct assign, 1);

    a->source = g_strdup(source);
    a->text = g_string_new_len(text, (gssize)len);
    a->list = g_ptr_array_new_with_free_func(assignment_free);
    return parse_all(a, error) ? g_steal_pointer(&a) : NULL;
}

struct assign *assign_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize len;

    return g_file_get_contents(path, &text, &len, error) ? assign_parse(text, len, path, error)
                                                         : NULL;
}

static struct assignment *find(const struct assign *a, const char *name)
{
    for (guint i = a->list->len; i-- > 0;) {
        struct assignment *as = g_ptr_array_index(a->list, i);
        if (!strcmp(as->name, name))
            return as;
    }
    return NULL;
}

const char *assign_get(const struct assign *a, const char *name)
{
    const struct assignment *as = find(a, name);

    return as ? as->value : NULL;
}

char **assign_names(const struct assign *a)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < a->list->len; i++) {
        const struct assignment *as = g_ptr_array_index(a->list, i);
        if (g_hash_table_add(seen, as->name))
            g_strv_builder_add(names, as->name);
    }
    return g_strv_builder_end(names);
}

char *assign_quote(const char *value)
{
    g_autoptr(GString) text = g_string_new("\"");

    for (; *value; value++) {
        if (strchr("$`\"\\", *value))
            g_string_append_c(text, '\\');
        g_string_append_c(text, *value);
    }
    g_string_append_c(text, '"');
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void replace(struct assign *a, size_t start, size_t end, const char *with)
{
    g_string_erase(a->text, (gssize)start, (gssize)(end - start));
    g_string_insert(a->text, (gssize)start, with);
    bool ok = parse_all(a, NULL);
    g_assert(ok); /* what we write, we can read */
}

void assign_set(struct assign *a, const char *name, const char *value)
{
    const struct assignment *as = find(a, name);
    g_autofree char *quoted = assign_quote(value);

    g_assert(assign_name_valid(name));
    if (as) {
        replace(a, as->raw_start, as->raw_end, quoted);
        return;
    }
    bool open = a->text->len && a->text->str[a->text->len - 1] != '\n';
    g_autofree char *line = g_strdup_printf("%s%s=%s\n", open ? "\n" : "", name, quoted);
    replace(a, a->text->len, a->text->len, line);
}

bool assign_unset(struct assign *a, const char *name)
{
    const struct assignment *as;
    bool found = false;

    while ((as = find(a, name))) {
        replace(a, as->line_start, as->line_end, "");
        found = true;
    }
    return found;
}

const char *assign_text(const struct assign *a)
{
    return a->text->str;
}
