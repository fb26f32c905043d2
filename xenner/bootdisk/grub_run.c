#include "xenner/bootdisk/grub_menu_priv.h"

#include <string.h>

/* What becomes of a list. */
enum mode {
    SKIPPED,
    MAYBE, /* strict: nobody can tell whether GRUB runs it */
    LIVE,
};

static void run_list(struct grub_menu *m, enum mode mode);

static const char *lookup(void *opaque, const char *name)
{
    struct grub_menu *m = opaque;

    if (m->strict)
        return grub_strict_value(m, name);
    if (strcmp(name, "?") == 0)
        return m->status ? "0" : "1";
    return g_hash_table_lookup(m->variables, name);
}

/* The words from here to what is none; the caller's. */
static GPtrArray *take_words(struct grub_menu *m, enum mode mode)
{
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);

    for (; grub_script_token(m->script, m->at) == GRUB_WORD; m->at++) {
        if (mode != SKIPPED && !m->why &&
            !grub_script_expand(m->script, m->at, lookup, m, &m->budget, args))
            grub_menu_give_up(m, "is too much");
    }
    return args;
}

/* Behind the '}' of the '{' that is next. */
static void skip_block(struct grub_menu *m)
{
    unsigned depth = 0;

    for (;; m->at++) {
        enum grub_token t = grub_script_token(m->script, m->at);
        if (t == GRUB_END) {
            grub_menu_give_up(m, "has a list without its end");
            return;
        }
        if (t == GRUB_OPEN)
            depth++;
        else if (t == GRUB_CLOSE && --depth == 0)
            break;
    }
    m->at++;
}

static bool takes_value(const char *option)
{
    static const char *const all[] = {"--class", "--users", "--hotkey", "--source", "--id"};

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (strcmp(option, all[i]) == 0)
            return true;
    }
    return false;
}

static void add_item(struct grub_menu *m, const GPtrArray *args)
{
    struct grub_item item = {.submenu = strcmp(grub_arg(args, 0), "submenu") == 0, .body = m->at + 1};

    for (guint i = 1; i < args->len; i++) {
        const char *text = grub_arg(args, i);
        if (g_str_has_prefix(text, "--id=")) {
            g_free(item.id);
            item.id = g_strdup(text + strlen("--id="));
        } else if (takes_value(text)) {
            bool id = strcmp(text, "--id") == 0;
            if (id)
                g_free(item.id);
            item.id = id ? g_strdup(grub_arg(args, i + 1)) : item.id;
            i++;
        } else if (!g_str_has_prefix(text, "--") && !item.title) {
            item.title = g_strdup(text);
        }
    }
    if (!item.title)
        item.title = g_strdup("");
    g_array_append_val(m->items, item);
}

static bool next_is(const struct grub_menu *m, const char *word)
{
    const char *plain = grub_script_plain(m->script, m->at);

    return plain && strcmp(plain, word) == 0;
}

/* A list up to the reserved word, behind which it stops. */
static bool list_until(struct grub_menu *m, enum mode mode, const char *word)
{
    run_list(m, mode);
    if (m->booted)
        return false;
    if (!next_is(m, word)) {
        grub_menu_give_up(m, "has an if without its end");
        return false;
    }
    m->at++;
    return true;
}

/* Behind a condition: what becomes of its list, and of the others behind that. */
static enum mode decide(struct grub_menu *m, enum mode *others)
{
    enum mode here = *others;

    if (here != LIVE)
        return here;
    if (m->unsure) {
        if (m->in_entry)
            grub_menu_give_up(m, "has a condition that only GRUB knows");
        return *others = MAYBE;
    }
    if (!m->status)
        return SKIPPED;
    *others = SKIPPED;
    return LIVE;
}

/* Behind "if". */
static void run_if(struct grub_menu *m, enum mode mode)
{
    enum mode others = mode;

    for (;;) {
        if (!list_until(m, others, "then"))
            return;
        run_list(m, decide(m, &others));
        if (!next_is(m, "elif"))
            break;
        m->at++;
    }
    if (next_is(m, "else")) {
        m->at++;
        run_list(m, others);
    }
    if (m->booted)
        return;
    m->unsure |= mode != others && others == MAYBE;
    if (!next_is(m, "fi"))
        grub_menu_give_up(m, "has an if without its end");
    m->at++;
}

/* An entry or a menu; or, in a menu that is read strictly, any command with a block. */
static void run_item(struct grub_menu *m, const GPtrArray *args, enum mode mode)
{
    if (m->strict)
        grub_strict_item(m, args, mode == LIVE);
    if (!m->why)
        add_item(m, args);
}

/* A command with its words and its block. */
static void run_simple(struct grub_menu *m, enum mode mode)
{
    bool negated = next_is(m, "!");

    m->at += negated;
    g_autoptr(GPtrArray) args = take_words(m, mode);
    bool block = grub_script_token(m->script, m->at) == GRUB_OPEN, on = mode != SKIPPED && !m->why;
    bool item = strcmp(grub_arg(args, 0), "menuentry") == 0 || strcmp(grub_arg(args, 0), "submenu") == 0;

    if (on && block && (item || m->strict))
        run_item(m, args, mode);
    else if (on && mode == MAYBE)
        grub_strict_maybe(m, args);
    else if (on)
        m->status = (m->strict ? grub_strict_command(m, args) : grub_command(m, args)) != negated;
    if (block)
        skip_block(m);
}

/* Words that only stand between lists. */
static bool ends_list(const struct grub_menu *m)
{
    static const char *const all[] = {"then", "elif", "else", "fi"};

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (next_is(m, all[i]))
            return true;
    }
    return false;
}

/* Strict: whoever calls it may have run it. */
static void run_function(struct grub_menu *m)
{
    bool outer = m->in_function;

    if (m->in_entry)
        grub_menu_give_up(m, "has a command that only GRUB knows");
    m->at++;
    m->in_function = true;
    run_list(m, MAYBE);
    m->in_function = outer;
    if (grub_script_token(m->script, m->at) != GRUB_CLOSE)
        grub_menu_give_up(m, "has a list without its end");
    m->at++;
}

static void take_function(struct grub_menu *m, enum mode mode)
{
    g_ptr_array_unref(take_words(m, SKIPPED));
    while (grub_script_token(m->script, m->at) == GRUB_SEPARATOR)
        m->at++;
    if (grub_script_token(m->script, m->at) != GRUB_OPEN)
        grub_menu_give_up(m, "has a function without a body");
    else if (m->strict && mode != SKIPPED)
        run_function(m);
    else
        skip_block(m);
}

static void run_one(struct grub_menu *m, enum mode mode)
{
    if (next_is(m, "if")) {
        m->at++;
        run_if(m, mode);
    } else if (next_is(m, "function")) {
        take_function(m, mode);
    } else if (next_is(m, "do") || next_is(m, "done")) {
        m->at++; /* of a loop in a list that is not run */
    } else {
        run_simple(m, mode);
    }
}

/* Up to what ends the list. */
static void run_list(struct grub_menu *m, enum mode mode)
{
    if (++m->depth > GRUB_MAX_DEPTH)
        grub_menu_give_up(m, "is too deep");
    while (!m->why && !m->booted) {
        enum grub_token t = grub_script_token(m->script, m->at);
        if (t == GRUB_END || t == GRUB_CLOSE || ends_list(m))
            break;
        if (t == GRUB_SEPARATOR)
            m->at++;
        else
            run_one(m, mode);
    }
    m->depth--;
}

void grub_run(struct grub_menu *m, guint at)
{
    const enum grub_token end = at ? GRUB_CLOSE : GRUB_END;

    m->at = at;
    g_array_set_size(m->items, 0);
    run_list(m, LIVE);
    if (!m->booted && grub_script_token(m->script, m->at) != end)
        grub_menu_give_up(m, "has a list without its end");
}
