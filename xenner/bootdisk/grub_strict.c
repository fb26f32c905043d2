#include "xenner/bootdisk/grub_doubt.h"

#include <string.h>

static const char only_grub_knows[] = "has a command that only GRUB knows", depends[] = "depends on a variable",
                  elsewhere[] = "starts from another file system";

static bool is(const GPtrArray *args, const char *name)
{
    return strcmp(grub_arg(args, 0), name) == 0;
}

static bool is_assignment(const GPtrArray *args)
{
    const char *text = grub_arg(args, 0);

    return args->len == 1 && text[0] != '=' && strchr(text, '=');
}

/* GRUB takes the first word only. */
static bool sets_otherwise(const GPtrArray *args)
{
    return is(args, "set") && args->len != 2;
}

/* What entries have beside all that matters, in Debian's menus and others'. */
static bool is_harmless(const GPtrArray *args)
{
    static const char *const all[] = {"insmod", "echo", "load_video", "gfxmode", "clear"};

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (is(args, all[i]))
            return true;
    }
    return false;
}

/* Of another file, which may have anything, or of the usual one, if that is what GRUB has for its prefix. */
static void load_env(struct grub_menu *m, const GPtrArray *args)
{
    if (args->len > 1)
        grub_doubt_all(m);
    else
        grub_doubt_env(m);
}

void grub_strict_maybe(struct grub_menu *m, const GPtrArray *args)
{
    const struct grub_command_row *row = grub_command_find(grub_arg(args, 0));

    if (grub_doubtful_name(args)) {
        grub_menu_give_up(m, depends);
    } else if (row && row->use & GRUB_NEVER) {
        row->run(m, args);
    } else if (is(args, "load_env")) {
        load_env(m, args);
    } else if (is(args, "set") || is_assignment(args)) {
        grub_doubt_assigned(m, grub_arg(args, is(args, "set")));
    } else if (is(args, "search")) {
        grub_doubt(m, "root");
        grub_doubt_named(m, args);
    } else if (!row || is(args, "unset")) {
        grub_doubt_named(m, args);
    }
}

void grub_strict_item(struct grub_menu *m, const GPtrArray *args, bool live)
{
    if (m->in_entry || (!is(args, "menuentry") && !is(args, "submenu")))
        grub_menu_give_up(m, only_grub_knows);
    else if (!live)
        grub_menu_give_up(m, "has an entry that may not be there");
    else if (grub_doubtful(args, 1))
        grub_menu_give_up(m, depends);
}

static bool exists(void *opaque, const char *path)
{
    struct grub_menu *m = opaque;
    bool prefix = g_str_has_prefix(path, GRUB_PREFIX_DISK);
    bool own = prefix || g_str_has_prefix(path, GRUB_OWN_DISK);

    if (own)
        path += strlen(prefix ? GRUB_PREFIX_DISK : GRUB_OWN_DISK);
    own |= path[0] == '/' && strcmp(grub_strict_value(m, "root"), GRUB_OWN) == 0;
    bool found = own && m->in->exists && m->in->exists(m->in->opaque, path);
    /* an entry may ask for an empty file, or for a directory */
    m->unsure |= !own || (m->in_entry && !found) || (prefix && found);
    return found;
}

bool grub_strict_test(struct grub_menu *m, const GPtrArray *args, bool *unknown)
{
    bool own = false, compares = false;

    for (guint i = 1; i < args->len; i++) {
        const char *text = grub_arg(args, i);
        own |= strstr(text, GRUB_OWN) != NULL;
        compares |= strcmp(text, "=") == 0 || strcmp(text, "==") == 0 || strcmp(text, "!=") == 0;
    }
    m->unsure |= grub_doubtful(args, 1) || (own && compares);
    return grub_test(args, 1, exists, m, unknown);
}

static bool search(struct grub_menu *m, const GPtrArray *args)
{
    struct grub_search s;

    if (!grub_search_parse(m->in, args, &s)) {
        if (m->in_entry)
            grub_menu_give_up(m, elsewhere);
        grub_strict_maybe(m, args);
        return false;
    }
    if (s.variable && s.own)
        grub_menu_set(m, s.variable, GRUB_OWN);
    else if (s.variable)
        grub_doubt(m, s.variable);
    if (m->in_entry && !s.own)
        grub_menu_give_up(m, elsewhere);
    return s.own;
}

/* Nothing, other than what may have been set by what is not understood. */
static bool unset(struct grub_menu *m, const GPtrArray *args)
{
    for (guint i = 1; i < args->len; i++)
        grub_menu_set(m, grub_arg(args, i), "");
    return true;
}

/* A path in the menu's own file system. */
static void check_path(struct grub_menu *m, const char *path)
{
    if (path[0] == '(' ? !g_str_has_prefix(path, GRUB_OWN_DISK) : strcmp(grub_strict_value(m, "root"), GRUB_OWN) != 0)
        grub_menu_give_up(m, elsewhere);
}

/* The words of what starts Linux. */
static void check_words(struct grub_menu *m, const GPtrArray *args, bool kernel)
{
    for (guint i = 1; i < args->len; i++) {
        const char *text = grub_arg(args, i);
        if (strpbrk(text, "*?"))
            grub_menu_give_up(m, "has a name that only GRUB can complete");
        if (!kernel || i == 1)
            check_path(m, text);
        else if (strstr(text, GRUB_OWN))
            grub_menu_give_up(m, depends);
    }
    if (!kernel && !m->entry.kernel)
        grub_menu_give_up(m, "has an initrd before its kernel");
}

/* False: what is to be run in an entry isn't certain. */
static bool check_in_entry(struct grub_menu *m, const GPtrArray *args, const struct grub_command_row *row)
{
    if (is_harmless(args) || is(args, "search"))
        return true;
    if (grub_doubtful(args, 0))
        grub_menu_give_up(m, depends);
    else if (row ? !(row->use & GRUB_IN_ENTRY) || sets_otherwise(args) : !is_assignment(args))
        grub_menu_give_up(m, only_grub_knows);
    else if (g_str_has_prefix(grub_arg(args, 0), "linux") || g_str_has_prefix(grub_arg(args, 0), "initrd"))
        check_words(m, args, grub_arg(args, 0)[0] == 'l');
    return !m->why;
}

/* What has another meaning than in a menu that is not read strictly. */
static bool run_in_menu(struct grub_menu *m, const GPtrArray *args, const struct grub_command_row *row)
{
    if (grub_doubtful_name(args)) {
        grub_menu_give_up(m, depends);
        return false;
    }
    if (is(args, "load_env")) {
        load_env(m, args);
        return true;
    }
    if (sets_otherwise(args))
        grub_doubt_assigned(m, grub_arg(args, 1));
    if (!row && !is_assignment(args))
        grub_doubt_named(m, args);
    return grub_command(m, args);
}

bool grub_strict_command(struct grub_menu *m, const GPtrArray *args)
{
    const struct grub_command_row *row = grub_command_find(grub_arg(args, 0));

    if (!args->len)
        return true;
    m->unsure = !is_assignment(args) && !(row && row->use & GRUB_SURE);
    if (m->in_entry && !check_in_entry(m, args, row))
        return false;
    if (is_harmless(args))
        return true;
    if (is(args, "search"))
        return search(m, args);
    if (is(args, "unset"))
        return unset(m, args);
    return m->in_entry ? grub_command(m, args) : run_in_menu(m, args, row);
}
