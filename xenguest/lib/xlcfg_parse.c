#include "xenguest/lib/xlcfg_parse.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

struct cursor {
    const char *text, *source;
    size_t at, len;
    unsigned line;
};

void xlcfg_value_free(void *value)
{
    struct xlcfg_value *v = value;

    if (!v)
        return;
    g_free(v->string);
    if (v->list)
        g_ptr_array_free(v->list, TRUE);
    g_free(v);
}

DEFINE_AUTO(xlcfg_value)

void xlcfg_statement_free(void *statement)
{
    struct xlcfg_statement *st = statement;

    g_free(st->name);
    xlcfg_value_free(st->value);
    g_free(st);
}

struct xlcfg_value *xlcfg_value_copy(const struct xlcfg_value *value)
{
    struct xlcfg_value *copy = g_new(struct xlcfg_value, 1);

    *copy = *value;
    copy->string = g_strdup(value->string);
    if (value->list) {
        copy->list = g_ptr_array_new_with_free_func(xlcfg_value_free);
        for (guint i = 0; i < value->list->len; i++)
            g_ptr_array_add(copy->list, xlcfg_value_copy(g_ptr_array_index(value->list, i)));
    }
    return copy;
}

static bool wrong(const struct cursor *c, const char *what, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s:%u: %s", c->source, c->line, what);
    return false;
}

static char here(const struct cursor *c)
{
    return c->text[c->at]; /* the NUL at the end */
}

static void skip_blanks(struct cursor *c)
{
    while (here(c) == ' ' || here(c) == '\t')
        c->at++;
}

static void skip_comment(struct cursor *c)
{
    while (c->at < c->len && here(c) != '\n')
        c->at++;
}

/* In a list: lines and comments are blanks too. */
static void skip_lines(struct cursor *c)
{
    for (;;) {
        skip_blanks(c);
        if (here(c) == '#') {
            skip_comment(c);
        } else if (here(c) == '\n') {
            c->at++;
            c->line++;
        } else {
            return;
        }
    }
}

/* xl knows \x and octal codes too, but gets them wrong (4.17): they are refused here. */
static bool parse_escape(struct cursor *c, GString *to, GError **error)
{
    static const char from[] = "\"'\\abfnrtv", into[] = "\"'\\\a\b\f\n\r\t\v";
    char ch = c->text[++c->at];
    const char *at = ch ? strchr(from, ch) : NULL;

    if (at) {
        g_string_append_c(to, into[at - from]);
        c->at++;
        return true;
    }
    return wrong(c, "a \\ before what needs none", error);
}

static bool parse_string(struct cursor *c, struct xlcfg_value *v, GError **error)
{
    char quote = here(c);
    g_autoptr(GString) text = g_string_new(NULL);

    c->at++;
    while (here(c) != quote) {
        if (c->at == c->len || here(c) == '\n')
            return wrong(c, "a string without its end", error);
        if (here(c) == '\\') {
            if (!parse_escape(c, text, error))
                return false;
        } else {
            g_string_append_c(text, c->text[c->at++]);
        }
    }
    c->at++;
    v->type = XLCFG_STRING;
    v->string = g_string_free(g_steal_pointer(&text), FALSE);
    return true;
}

static bool parse_number(struct cursor *c, struct xlcfg_value *v, GError **error)
{
    char *end;

    errno = 0;
    v->type = XLCFG_NUMBER;
    v->number = g_ascii_strtoll(c->text + c->at, &end, 0);
    if (errno)
        return wrong(c, "a number that is too large", error);
    c->at = (size_t)(end - c->text);
    if (g_ascii_isalnum(here(c)) || here(c) == '_' || here(c) == '.')
        return wrong(c, "not a number; a string needs quotes", error);
    return true;
}

static struct xlcfg_value *parse_value(struct cursor *c, unsigned depth, GError **error);

static bool parse_list(struct cursor *c, struct xlcfg_value *v, unsigned depth, GError **error)
{
    v->type = XLCFG_LIST;
    v->list = g_ptr_array_new_with_free_func(xlcfg_value_free);
    if (depth == XLCFG_DEPTH)
        return wrong(c, "lists in lists, too deep", error);
    c->at++;
    for (;;) {
        skip_lines(c);
        if (here(c) == ']')
            break;
        struct xlcfg_value *item = parse_value(c, depth + 1, error);
        if (!item)
            return false;
        g_ptr_array_add(v->list, item);
        skip_lines(c);
        if (here(c) == ',')
            c->at++;
        else if (here(c) != ']')
            return wrong(c, "a list without its end: , or ] is missing", error);
    }
    c->at++;
    return true;
}

static struct xlcfg_value *parse_value(struct cursor *c, unsigned depth, GError **error)
{
    AUTO(xlcfg_value) v = g_new0(struct xlcfg_value, 1);
    char ch = here(c);
    bool ok;

    v->line = c->line;
    if (ch == '"' || ch == '\'')
        ok = parse_string(c, v, error);
    else if (ch == '[')
        ok = parse_list(c, v, depth, error);
    else if (g_ascii_isdigit(ch))
        ok = parse_number(c, v, error);
    else
        ok = wrong(c, "not a value: a number, a \"string\" or a [list]", error);
    return ok ? g_steal_pointer(&v) : NULL;
}

static size_t name_length(const char *text)
{
    size_t n = 0;

    if (!g_ascii_isalpha(*text))
        return 0;
    while (g_ascii_isalnum(text[n]) || text[n] == '_' || text[n] == '.')
        n++;
    return n;
}

static bool starts_line(const struct cursor *c)
{
    size_t at = c->at;

    while (at && (c->text[at - 1] == ' ' || c->text[at - 1] == '\t'))
        at--;
    return !at || c->text[at - 1] == '\n';
}

/* # name = "" and nothing else on the line. */
static struct xlcfg_statement *parse_disabled(const struct cursor *at)
{
    struct cursor c = *at;

    if (!starts_line(at))
        return NULL;
    c.at++;
    skip_blanks(&c);
    size_t name = c.at, len = name_length(c.text + name);
    c.at += len;
    skip_blanks(&c);
    if (!len || here(&c) != '=')
        return NULL;
    c.at++;
    skip_blanks(&c);
    if (strncmp(c.text + c.at, "\"\"", 2) && strncmp(c.text + c.at, "''", 2))
        return NULL;
    c.at += 2;
    size_t end = c.at;
    skip_blanks(&c);
    if (c.at < c.len && here(&c) != '\n')
        return NULL;
    struct xlcfg_statement *st = g_new0(struct xlcfg_statement, 1);
    st->name = g_strndup(c.text + name, len);
    st->start = at->at;
    st->end = end;
    return st;
}

static bool parse_statement(struct cursor *c, GPtrArray *ret, GError **error)
{
    size_t start = c->at, len = name_length(c->text + start);
    bool append;

    if (!len)
        return wrong(c, "not a setting NAME = VALUE", error);
    c->at += len;
    skip_blanks(c);
    append = here(c) == '+';
    c->at += append;
    if (here(c) != '=')
        return wrong(c, "not a setting NAME = VALUE", error);
    c->at++;
    skip_blanks(c);
    struct xlcfg_value *value = parse_value(c, 0, error);
    if (!value)
        return false;

    struct xlcfg_statement *st = g_new0(struct xlcfg_statement, 1);
    st->name = g_strndup(c->text + start, len);
    st->append = append;
    st->value = value;
    st->start = start;
    st->end = c->at;
    g_ptr_array_add(ret, st);
    skip_blanks(c);
    if (here(c) == '\r')
        return wrong(c, "a carriage return: xl wants lines to end without one", error);
    if (c->at < c->len && !strchr("\n;#", here(c)))
        return wrong(c, "more than a value: a new line or ; is missing", error);
    return true;
}

bool xlcfg_parse_text(const char *text, size_t len, const char *source, GPtrArray *ret,
                      GError **error)
{
    struct cursor c = {text, source, 0, len, 1};

    if (memchr(text, '\0', len))
        return wrong(&c, "a NUL: this is not a text", error);
    for (;;) {
        skip_blanks(&c);
        if (c.at == c.len)
            return true;
        if (here(&c) == '\n' || here(&c) == ';') {
            c.line += here(&c) == '\n';
            c.at++;
        } else if (here(&c) == '#') {
            struct xlcfg_statement *st = parse_disabled(&c);
            if (st)
                g_ptr_array_add(ret, st);
            skip_comment(&c);
        } else if (!parse_statement(&c, ret, error)) {
            return false;
        }
    }
}
