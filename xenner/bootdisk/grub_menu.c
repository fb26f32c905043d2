#include "xenner/bootdisk/grub_menu_priv.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BUDGET (16u << 20)

static void clear_item(gpointer data)
{
    struct grub_item *i = data;

    g_free(i->title);
    g_free(i->id);
}

void grub_entry_clear(struct grub_entry *e)
{
    g_clear_pointer(&e->kernel, g_free);
    g_clear_pointer(&e->initrds, g_ptr_array_unref);
    g_clear_pointer(&e->cmdline, g_free);
}

void grub_menu_give_up(struct grub_menu *m, const char *why)
{
    if (!m->why)
        m->why = why;
}

void grub_menu_set(struct grub_menu *m, const char *name, const char *value)
{
    g_hash_table_insert(m->variables, g_strdup(name), g_strdup(value));
}

const char *grub_menu_get(const struct grub_menu *m, const char *name)
{
    const char *value = g_hash_table_lookup(m->variables, name);

    return value ? value : "";
}

/* The first part of "1>title>id" without what escapes its '>', the caller's; *rest is behind it. */
static char *first_part(const char *name, const char **rest)
{
    g_autoptr(GString) part = g_string_new(NULL);

    for (; *name && (name[0] != '>' || name[1] == '>'); name++) {
        name += name[0] == '>';
        g_string_append_c(part, *name);
    }
    *rest = *name ? name + 1 : name;
    return g_string_free(g_steal_pointer(&part), FALSE);
}

/* By number, title or id; the first one when there is none like it. */
static const struct grub_item *find_item(const GArray *items, const char *name)
{
    char *end;
    unsigned long index = strtoul(name, &end, 10);
    bool number = g_ascii_isdigit(name[0]) && !*end;

    for (guint i = 0; i < items->len; i++) {
        const struct grub_item *item = &g_array_index(items, struct grub_item, i);
        if (number ? index == i
                   : strcmp(name, item->title) == 0 || (item->id && strcmp(name, item->id) == 0))
            return item;
    }
    return &g_array_index(items, struct grub_item, 0);
}

static const char *default_name(const struct grub_menu *m)
{
    const char *name = grub_menu_get(m, "default");

    return strcmp(name, "saved") == 0 ? grub_menu_get(m, "saved_entry") : name;
}

/* From the menu that was read to the entry that is started. */
static void choose(struct grub_menu *m)
{
    g_autofree char *name = g_strdup(default_name(m));
    const char *rest = name;

    for (unsigned depth = 0; !m->why && !m->booted; depth++) {
        if (!m->items->len || depth == GRUB_MAX_DEPTH) {
            grub_menu_give_up(m, "has no entries");
            return;
        }
        g_autofree char *part = first_part(rest, &rest);
        const struct grub_item *item = find_item(m->items, part);
        bool submenu = item->submenu;
        grub_menu_set(m, "chosen", item->title);
        grub_entry_clear(&m->entry);
        grub_run(m, item->body);
        if (!submenu)
            return;
    }
}

static bool is_path(const char *path)
{
    return path && path[0] == '/';
}

static void check(struct grub_menu *m)
{
    if (!is_path(m->entry.kernel))
        grub_menu_give_up(m, "starts something else than Linux");
    for (guint i = 0; !m->why && i < m->entry.initrds->len; i++) {
        if (!is_path(g_ptr_array_index(m->entry.initrds, i)))
            grub_menu_give_up(m, "has an initrd that is not understood");
    }
}

GHashTable *grub_menu_predefined(const struct grub_menu_input *in)
{
    static const char *const all[] = {
        "grub_platform", "xen",
        "grub_cpu", "x86_64",
        "feature_chainloader_bpb", "y",
        "feature_default_font_path", "y",
        "feature_all_video_module", "y",
        "feature_menuentry_id", "y",
        "feature_menuentry_options", "y",
        "feature_nativedisk_cmd", "y",
        "feature_ntldr", "y",
        "feature_platform_search_hint", "y",
        "feature_timeout_style", "y",
        "feature_200_final", "y",
    };
    GHashTable *ret = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < G_N_ELEMENTS(all); i += 2)
        g_hash_table_insert(ret, g_strdup(all[i]), g_strdup(all[i + 1]));
    g_hash_table_insert(ret, g_strdup("prefix"), g_strdup(in->prefix));
    return ret;
}

GArray *grub_menu_items_new(void)
{
    GArray *items = g_array_new(FALSE, FALSE, sizeof(struct grub_item));

    g_array_set_clear_func(items, clear_item);
    return items;
}

bool grub_menu_begin(struct grub_menu *m, const struct grub_menu_input *in, bool strict)
{
    *m = (struct grub_menu){.in = in, .budget = MAX_BUDGET, .strict = strict};
    m->script = grub_script_new(in->cfg);
    m->items = grub_menu_items_new();
    m->variables = strict ? grub_strict_predefined(in) : grub_menu_predefined(in);
    m->fickle = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!m->script)
        grub_menu_give_up(m, "is not GRUB's language");
    return m->script != NULL;
}

bool grub_menu_end(struct grub_menu *m, struct grub_entry *ret, const char **why)
{
    if (!m->why)
        check(m);
    g_array_unref(m->items);
    g_hash_table_unref(m->variables);
    g_hash_table_unref(m->fickle);
    grub_script_free(m->script);
    *why = m->why;
    if (!m->why)
        *ret = m->entry;
    else
        grub_entry_clear(&m->entry);
    return !m->why;
}

bool grub_menu_default(const struct grub_menu_input *in, struct grub_entry *ret, const char **why)
{
    struct grub_menu m;

    if (grub_menu_begin(&m, in, false)) {
        grub_run(&m, 0);
        choose(&m);
    }
    return grub_menu_end(&m, ret, why);
}
