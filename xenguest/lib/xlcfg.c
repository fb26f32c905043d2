#include "xenguest/lib/xlcfg.h"
#include "xenguest/lib/xlcfg_parse.h"

#include "xenner/config/size.h"

#include <gio/gio.h>
#include <string.h>

struct xlcfg {
    char *source;
    GString *text;
    GPtrArray *list;    /* struct xlcfg_statement, in the order of the text */
    GHashTable *values; /* name (of list's) to struct xlcfg_value, after all = and += */
};

void xlcfg_free(struct xlcfg *cfg)
{
    if (!cfg)
        return;
    g_free(cfg->source);
    g_string_free(cfg->text, TRUE);
    g_hash_table_destroy(cfg->values);
    g_ptr_array_free(cfg->list, TRUE);
    g_free(cfg);
}

static bool add_to(struct xlcfg *cfg, struct xlcfg_value *to, const struct xlcfg_statement *st,
                   GError **error)
{
    if (to->type != st->value->type || to->type == XLCFG_NUMBER) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "%s:%u: %s += needs two strings or two lists", cfg->source, st->value->line,
                    st->name);
        return false;
    }
    if (to->type == XLCFG_STRING) {
        char *both = g_strconcat(to->string, st->value->string, NULL);
        g_free(to->string);
        to->string = both;
    } else {
        for (guint i = 0; i < st->value->list->len; i++)
            g_ptr_array_add(to->list, xlcfg_value_copy(g_ptr_array_index(st->value->list, i)));
    }
    return true;
}

static bool parse_all(struct xlcfg *cfg, GError **error)
{
    g_hash_table_remove_all(cfg->values);
    g_ptr_array_set_size(cfg->list, 0);
    if (!xlcfg_parse_text(cfg->text->str, cfg->text->len, cfg->source, cfg->list, error))
        return false;
    for (guint i = 0; i < cfg->list->len; i++) {
        struct xlcfg_statement *st = g_ptr_array_index(cfg->list, i);
        struct xlcfg_value *old = g_hash_table_lookup(cfg->values, st->name);

        if (!st->value)
            continue;
        if (!st->append || !old)
            g_hash_table_replace(cfg->values, st->name, xlcfg_value_copy(st->value));
        else if (!add_to(cfg, old, st, error))
            return false;
    }
    return true;
}

struct xlcfg *xlcfg_parse(const char *text, size_t len, const char *source, GError **error)
{
    AUTO(xlcfg) cfg = g_new0(struct xlcfg, 1);

    cfg->source = g_strdup(source);
    cfg->text = g_string_new_len(text, (gssize)len);
    cfg->list = g_ptr_array_new_with_free_func(xlcfg_statement_free);
    cfg->values = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, xlcfg_value_free);
    return parse_all(cfg, error) ? g_steal_pointer(&cfg) : NULL;
}

char **xlcfg_names(const struct xlcfg *cfg)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < cfg->list->len; i++) {
        const struct xlcfg_statement *st = g_ptr_array_index(cfg->list, i);
        if (st->value && g_hash_table_add(seen, st->name))
            g_strv_builder_add(names, st->name);
    }
    return g_strv_builder_end(names);
}

const struct xlcfg_value *xlcfg_get(const struct xlcfg *cfg, const char *name)
{
    return g_hash_table_lookup(cfg->values, name);
}

static bool bad_type(const struct xlcfg *cfg, const char *name, const char *what, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s:%u: %s must be %s", cfg->source,
                xlcfg_get(cfg, name)->line, name, what);
    return false;
}

bool xlcfg_get_string(const struct xlcfg *cfg, const char *name, const char **ret, GError **error)
{
    const struct xlcfg_value *v = xlcfg_get(cfg, name);

    if (v && v->type != XLCFG_STRING)
        return bad_type(cfg, name, "a \"string\"", error);
    if (v)
        *ret = v->string;
    return true;
}

bool xlcfg_get_number(const struct xlcfg *cfg, const char *name, int64_t *ret, GError **error)
{
    const struct xlcfg_value *v = xlcfg_get(cfg, name);
    uint64_t number;

    if (!v)
        return true;
    if (v->type == XLCFG_NUMBER)
        *ret = v->number;
    else if (v->type == XLCFG_STRING && number_parse(v->string, INT64_MAX, &number, NULL))
        *ret = (int64_t)number;
    else
        return bad_type(cfg, name, "a number", error);
    return true;
}

/* Between marks of the preferred kind, or of the other one when that saves escapes. */
static char *quote(const char *value, char preferred)
{
    char other = preferred == '"' ? '\'' : '"';
    char mark = strchr(value, preferred) && !strchr(value, other) ? other : preferred;
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_c(text, mark);
    for (; *value; value++) {
        if (*value == '\\' || *value == mark)
            g_string_append_printf(text, "\\%c", *value);
        else if (*value >= '\a' && *value <= '\r')
            g_string_append_printf(text, "\\%c", "abtnvfr"[*value - '\a']);
        else if (g_ascii_iscntrl(*value))
            g_string_append_c(text, ' '); /* xl has no way to say it */
        else
            g_string_append_c(text, *value);
    }
    g_string_append_c(text, mark);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void reparse(struct xlcfg *cfg)
{
    bool ok = parse_all(cfg, NULL);

    g_assert(ok); /* what we write, we can read */
}

static void replace(struct xlcfg *cfg, size_t start, size_t end, const char *with)
{
    g_string_erase(cfg->text, (gssize)start, (gssize)(end - start));
    g_string_insert(cfg->text, (gssize)start, with);
}

static void append_line(struct xlcfg *cfg, const char *line)
{
    if (cfg->text->len && cfg->text->str[cfg->text->len - 1] != '\n')
        g_string_append_c(cfg->text, '\n');
    g_string_append_printf(cfg->text, "%s\n", line);
}

/* Only blanks, and perhaps the end of the line, to one side of a statement. */
static size_t blank_before(const char *text, size_t at)
{
    while (at && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at;
}

/* A statement goes, and with it the line or the ; that was its own. */
static void drop(struct xlcfg *cfg, const struct xlcfg_statement *st)
{
    const char *text = cfg->text->str;
    size_t start = blank_before(text, st->start), end = st->end;
    bool first = !start || text[start - 1] == '\n';

    end += strspn(text + end, " \t");
    if (text[end] == ';')
        end++;
    else if (text[end] == '\n' && first)
        end++;
    replace(cfg, start, end, "");
}

/* A comment ends its line: what is behind the statement goes to the next one. */
static void comment_out(struct xlcfg *cfg, const struct xlcfg_statement *st)
{
    const char *text = cfg->text->str;
    g_autofree char *name = g_strdup(st->name);
    size_t start = blank_before(text, st->start), end = st->end;

    end += strspn(text + end, " \t;");
    bool first = !start || text[start - 1] == '\n', last = !text[end] || text[end] == '\n';
    g_autofree char *line = g_strdup_printf("%s# %s = \"\"%s", first ? "" : "\n", name,
                                            last ? "" : "\n");
    replace(cfg, start, end, line);
}

/*
 * The statement to edit: the last with a value, else the last disabled one. All others with a value
 * go.
 */
static const struct xlcfg_statement *single_out(struct xlcfg *cfg, const char *name)
{
    for (;;) {
        const struct xlcfg_statement *keep = NULL, *disabled = NULL, *surplus = NULL;

        for (guint i = 0; i < cfg->list->len; i++) {
            const struct xlcfg_statement *st = g_ptr_array_index(cfg->list, i);
            if (strcmp(st->name, name))
                continue;
            if (!st->value) {
                disabled = st;
                continue;
            }
            surplus = surplus ? surplus : keep;
            keep = st;
        }
        if (!surplus)
            return keep ? keep : disabled;
        drop(cfg, surplus);
        reparse(cfg);
    }
}

static void set(struct xlcfg *cfg, const char *name, const char *literal)
{
    const struct xlcfg_statement *st = single_out(cfg, name);
    g_autofree char *line = g_strdup_printf("%s = %s", name, literal);

    if (st)
        replace(cfg, st->start, st->end, line);
    else
        append_line(cfg, line);
    reparse(cfg);
}

void xlcfg_set_string(struct xlcfg *cfg, const char *name, const char *value)
{
    g_autofree char *literal = quote(value, '"');

    set(cfg, name, literal);
}

void xlcfg_set_number(struct xlcfg *cfg, const char *name, int64_t value)
{
    g_autofree char *literal = g_strdup_printf("%" G_GINT64_FORMAT, value);

    set(cfg, name, literal);
}

void xlcfg_set_list1(struct xlcfg *cfg, const char *name, const char *value)
{
    g_autofree char *item = quote(value, '\'');
    g_autofree char *literal = g_strdup_printf("[%s]", item);

    set(cfg, name, literal);
}

void xlcfg_disable(struct xlcfg *cfg, const char *name)
{
    const struct xlcfg_statement *st = single_out(cfg, name);

    if (st && st->value) {
        comment_out(cfg, st);
    } else if (!st) {
        g_autofree char *line = g_strdup_printf("# %s = \"\"", name);
        append_line(cfg, line);
    }
    reparse(cfg);
}

bool xlcfg_append(struct xlcfg *cfg, const char *text, size_t len, const char *source,
                  GError **error)
{
    AUTO(xlcfg) part = xlcfg_parse(text, len, source, error);
    size_t before = cfg->text->len;

    if (!part)
        return false;
    if (before && cfg->text->str[before - 1] != '\n')
        g_string_append_c(cfg->text, '\n');
    g_string_append_len(cfg->text, text, (gssize)len);
    if (len && text[len - 1] != '\n')
        g_string_append_c(cfg->text, '\n');
    if (parse_all(cfg, error))
        return true;
    g_string_truncate(cfg->text, before);
    reparse(cfg);
    return false;
}

const char *xlcfg_text(const struct xlcfg *cfg)
{
    return cfg->text->str;
}
