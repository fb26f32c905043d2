#include "xenner/bootdisk/grub_env.h"
#include "xenner/bootdisk/grub_menu_priv.h"

#include <string.h>

const char *grub_arg(const GPtrArray *args, guint i)
{
    return i < args->len ? g_ptr_array_index(args, i) : "";
}

/* NAME=VALUE, or false. */
static bool assign(struct grub_menu *m, const char *text)
{
    const char *sign = strchr(text, '=');

    if (!sign || sign == text)
        return false;
    g_autofree char *name = g_strndup(text, (gsize)(sign - text));
    grub_menu_set(m, name, sign + 1);
    return true;
}

/* (hd0,msdos1)/boot/vmlinuz or ($root)/vmlinuz: what is in front is the disk. */
static const char *without_disk(const char *path)
{
    const char *end = path[0] == '(' ? strchr(path, ')') : NULL;

    return end ? end + 1 : path;
}

/* An argument with blanks gets quotes, and what is special within those a backslash, as GRUB has it. */
static void add_to_cmdline(GString *line, const char *text)
{
    const char *quote = strchr(text, ' ') ? "\"" : "";

    g_string_append(line, line->len ? " " : "");
    g_string_append(line, quote);
    for (; *text; text++) {
        if (strchr("\\'\"", *text))
            g_string_append_c(line, '\\');
        g_string_append_c(line, *text);
    }
    g_string_append(line, quote);
}

static bool do_linux(struct grub_menu *m, const GPtrArray *args)
{
    g_autoptr(GString) line = g_string_new(NULL);

    grub_entry_clear(&m->entry);
    for (guint i = 2; i < args->len; i++)
        add_to_cmdline(line, grub_arg(args, i));
    m->entry.kernel = g_strdup(without_disk(grub_arg(args, 1)));
    m->entry.cmdline = g_string_free(g_steal_pointer(&line), FALSE);
    m->entry.initrds = g_ptr_array_new_with_free_func(g_free);
    return true;
}

static bool do_initrd(struct grub_menu *m, const GPtrArray *args)
{
    if (!m->entry.initrds)
        return false;
    g_ptr_array_set_size(m->entry.initrds, 0);
    for (guint i = 1; i < args->len; i++)
        g_ptr_array_add(m->entry.initrds, g_strdup(without_disk(grub_arg(args, i))));
    return true;
}

static bool do_set(struct grub_menu *m, const GPtrArray *args)
{
    return args->len == 2 && assign(m, grub_arg(args, 1));
}

static bool do_unset(struct grub_menu *m, const GPtrArray *args)
{
    for (guint i = 1; i < args->len; i++)
        g_hash_table_remove(m->variables, grub_arg(args, i));
    return true;
}

/* Only of the usual file, and all of it. */
static bool do_load_env(struct grub_menu *m, const GPtrArray *args)
{
    if (args->len > 1 || !m->in->env)
        return false;
    grub_env_load(m->in->env, m->variables);
    return true;
}

static bool do_test(struct grub_menu *m, const GPtrArray *args)
{
    bool bracket = strcmp(grub_arg(args, 0), "[") == 0, unknown = false;
    const GPtrArray inner = {args->pdata, args->len - bracket};

    if (bracket && strcmp(grub_arg(args, args->len - 1), "]") != 0)
        unknown = true;
    bool yes = !unknown && (m->strict ? grub_strict_test(m, &inner, &unknown)
                                      : grub_test(&inner, 1, m->in->exists, m->in->opaque, &unknown));
    if (unknown)
        grub_menu_give_up(m, "has a condition that is not understood");
    return yes;
}

static bool do_true(struct grub_menu *m, const GPtrArray *args)
{
    return true;
}

static bool do_boot(struct grub_menu *m, const GPtrArray *args)
{
    m->booted = m->entry.kernel != NULL;
    return false;
}

static bool goes_on_elsewhere(struct grub_menu *m, const GPtrArray *args)
{
    grub_menu_give_up(m, "goes on in another file");
    return false;
}

static bool leaves_linux(struct grub_menu *m, const GPtrArray *args)
{
    grub_menu_give_up(m, "does something else than start Linux");
    return false;
}

static bool loops(struct grub_menu *m, const GPtrArray *args)
{
    grub_menu_give_up(m, "has a loop");
    return false;
}

static const struct grub_command_row commands[] = {
    {"linux", do_linux, GRUB_IN_ENTRY},
    {"linux16", do_linux, GRUB_IN_ENTRY},
    {"linuxefi", do_linux, GRUB_IN_ENTRY},
    {"initrd", do_initrd, GRUB_IN_ENTRY},
    {"initrd16", do_initrd, GRUB_IN_ENTRY},
    {"initrdefi", do_initrd, GRUB_IN_ENTRY},
    {"set", do_set, GRUB_IN_ENTRY | GRUB_SURE},
    {"unset", do_unset, GRUB_IN_ENTRY | GRUB_SURE},
    {"load_env", do_load_env, 0},
    {"test", do_test, GRUB_IN_ENTRY | GRUB_SURE},
    {"[", do_test, GRUB_IN_ENTRY | GRUB_SURE},
    {"true", do_true, GRUB_IN_ENTRY | GRUB_SURE},
    {"export", do_true, GRUB_IN_ENTRY | GRUB_SURE},
    {"boot", do_boot, 0},
    {".", goes_on_elsewhere, GRUB_NEVER},
    {"source", goes_on_elsewhere, GRUB_NEVER},
    {"configfile", goes_on_elsewhere, GRUB_NEVER},
    {"normal", goes_on_elsewhere, GRUB_NEVER},
    {"legacy_configfile", goes_on_elsewhere, GRUB_NEVER},
    {"syslinux_configfile", goes_on_elsewhere, GRUB_NEVER},
    {"extract_entries_source", goes_on_elsewhere, GRUB_NEVER},
    {"extract_entries_configfile", goes_on_elsewhere, GRUB_NEVER},
    {"blscfg", goes_on_elsewhere, GRUB_NEVER},
    {"halt", leaves_linux, 0},
    {"reboot", leaves_linux, 0},
    {"exit", leaves_linux, 0},
    {"chainloader", leaves_linux, 0},
    {"multiboot", leaves_linux, 0},
    {"multiboot2", leaves_linux, 0},
    {"eval", loops, GRUB_NEVER},
    {"for", loops, GRUB_NEVER},
    {"while", loops, GRUB_NEVER},
    {"until", loops, GRUB_NEVER},
};

const struct grub_command_row *grub_command_find(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

bool grub_command(struct grub_menu *m, const GPtrArray *args)
{
    if (!args->len)
        return true;
    const struct grub_command_row *row = grub_command_find(grub_arg(args, 0));
    if (row)
        return row->run(m, args);
    return args->len == 1 && assign(m, grub_arg(args, 0));
}
