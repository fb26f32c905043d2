#include "xenner/bootdisk/grub_script.h"

#include <string.h>

#define BLANKS      " \t\r"
#define WORD_ENDS   BLANKS "\n;{}"
#define NO_MEANING  "&|<>"
#define SPECIAL     "?#*@" /* variables whose name is one such character */
#define NAME_CHARS  G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_"

enum { LITERAL, VALUE, QUOTED_VALUE };

/* A piece of a word. */
struct part {
    int kind;
    char *text; /* itself, or the variable's name */
};

struct token {
    enum grub_token kind;
    guint first, n; /* the word's parts */
    bool quotes;    /* it has some: it is an argument even when it is empty */
};

struct grub_script {
    GArray *tokens, *parts;
};

static void clear_part(gpointer data)
{
    g_free(((struct part *)data)->text);
}

void grub_script_free(struct grub_script *s)
{
    if (!s)
        return;
    g_array_unref(s->tokens);
    g_array_unref(s->parts);
    g_free(s);
}

static void end_literal(struct grub_script *s, GString *text)
{
    struct part p = {LITERAL, NULL};

    if (!text->len)
        return;
    p.text = g_strdup(text->str);
    g_array_append_val(s->parts, p);
    g_string_truncate(text, 0);
}

/* at: behind the '$'. False: its brace has no end. */
static bool read_variable(struct grub_script *s, const char **at, bool quoted, GString *text)
{
    struct part p = {quoted ? QUOTED_VALUE : VALUE, NULL};
    const char *name = **at == '{' ? *at + 1 : *at;
    size_t len = *name && strchr(SPECIAL, *name) ? 1 : strspn(name, NAME_CHARS);
    bool brace = name != *at;

    if (brace && name[len] != '}')
        return false;
    if (!len) { /* a '$' that is itself */
        g_string_append(text, brace ? "" : "$");
        *at = name + (brace ? 1 : 0);
        return true;
    }
    end_literal(s, text);
    p.text = g_strndup(name, len);
    g_array_append_val(s->parts, p);
    *at = name + len + (brace ? 1 : 0);
    return true;
}

/* at: behind the quote. */
static bool read_double_quotes(struct grub_script *s, const char **at, GString *text)
{
    while (**at && **at != '"') {
        char c = *(*at)++;
        if (c == '$') {
            if (!read_variable(s, at, true, text))
                return false;
        } else if (c == '\\' && **at && strchr("\\\"$\n", **at)) {
            if (**at != '\n')
                g_string_append_c(text, **at);
            (*at)++;
        } else {
            g_string_append_c(text, c);
        }
    }
    return *(*at)++ == '"';
}

/* at: behind the quote. */
static bool read_single_quotes(const char **at, GString *text)
{
    const char *end = strchr(*at, '\'');

    if (!end)
        return false;
    g_string_append_len(text, *at, end - *at);
    *at = end + 1;
    return true;
}

static void read_escaped(const char **at, GString *text)
{
    if (**at && **at != '\n')
        g_string_append_c(text, **at);
    if (**at)
        (*at)++;
}

static bool read_piece(struct grub_script *s, struct token *t, const char **at, GString *text)
{
    char c = *(*at)++;

    if (c == '$' && **at == '"') /* to be translated: it isn't */
        c = *(*at)++;
    switch (c) {
    case '\'':
        t->quotes = true;
        return read_single_quotes(at, text);
    case '"':
        t->quotes = true;
        return read_double_quotes(s, at, text);
    case '$':
        return read_variable(s, at, false, text);
    case '\\':
        read_escaped(at, text);
        return true;
    default:
        g_string_append_c(text, c);
        return !strchr(NO_MEANING, c);
    }
}

static bool read_word(struct grub_script *s, const char **at)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct token t = {GRUB_WORD, s->parts->len, 0, false};

    while (**at && !strchr(WORD_ENDS, **at)) {
        if (!read_piece(s, &t, at, text))
            return false;
    }
    end_literal(s, text);
    t.n = s->parts->len - t.first;
    g_array_append_val(s->tokens, t);
    return true;
}

static void read_mark(struct grub_script *s, char c)
{
    struct token t = {c == '{' ? GRUB_OPEN : c == '}' ? GRUB_CLOSE : GRUB_SEPARATOR, 0, 0, false};

    g_array_append_val(s->tokens, t);
}

static bool read_all(struct grub_script *s, const char *at)
{
    for (;;) {
        at += strspn(at, BLANKS);
        if (*at == '#')
            at += strcspn(at, "\n");
        if (!*at)
            return true;
        if (at[0] == '\\' && at[1] == '\n')
            at += 2;
        else if (strchr("\n;{}", *at))
            read_mark(s, *at++);
        else if (!read_word(s, &at))
            return false;
    }
}

struct grub_script *grub_script_new(const char *text)
{
    struct grub_script *s = g_new0(struct grub_script, 1);

    s->tokens = g_array_new(FALSE, FALSE, sizeof(struct token));
    s->parts = g_array_new(FALSE, FALSE, sizeof(struct part));
    g_array_set_clear_func(s->parts, clear_part);
    if (!read_all(s, text))
        g_clear_pointer(&s, grub_script_free);
    return s;
}

enum grub_token grub_script_token(const struct grub_script *s, guint at)
{
    return at < s->tokens->len ? g_array_index(s->tokens, struct token, at).kind : GRUB_END;
}

const char *grub_script_plain(const struct grub_script *s, guint at)
{
    if (grub_script_token(s, at) != GRUB_WORD)
        return NULL;
    const struct token *t = &g_array_index(s->tokens, struct token, at);
    const struct part *p = t->n == 1 ? &g_array_index(s->parts, struct part, t->first) : NULL;
    return p && !t->quotes && p->kind == LITERAL ? p->text : NULL;
}

/* An argument that is not complete yet. */
struct argument {
    GString *text;
    bool there;
    GPtrArray *args;
};

static void end_argument(struct argument *a)
{
    if (a->there || a->text->len)
        g_ptr_array_add(a->args, g_strdup(a->text->str));
    g_string_truncate(a->text, 0);
    a->there = false;
}

static void add_split(struct argument *a, const char *value)
{
    while (*value) {
        size_t blanks = strspn(value, BLANKS "\n"), len = strcspn(value + blanks, BLANKS "\n");
        if (blanks)
            end_argument(a);
        g_string_append_len(a->text, value + blanks, (gssize)len);
        value += blanks + len;
    }
}

static bool pay(gsize *budget, const char *value)
{
    gsize price = strlen(value) + 1;

    if (*budget < price)
        return false;
    *budget -= price;
    return true;
}

bool grub_script_expand(const struct grub_script *s, guint at, grub_lookup_fn *lookup, void *opaque,
                        gsize *budget, GPtrArray *args)
{
    const struct token *t = &g_array_index(s->tokens, struct token, at);
    g_autoptr(GString) text = g_string_new(NULL);
    struct argument a = {text, t->quotes, args};

    for (guint i = t->first; i < t->first + t->n; i++) {
        const struct part *p = &g_array_index(s->parts, struct part, i);
        const char *value = p->kind == LITERAL ? p->text : lookup(opaque, p->text);
        if (!value)
            continue;
        if (!pay(budget, value))
            return false;
        if (p->kind == VALUE)
            add_split(&a, value);
        else
            g_string_append(text, value);
    }
    end_argument(&a);
    return true;
}
