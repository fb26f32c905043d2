#include "xenner/bootdisk/grub_menu_priv.h"

#include <string.h>

/* What has the title. */
struct found {
    const char *title;
    unsigned n;
    bool submenu;
    guint body;            /* the first one's */
    GHashTable *variables; /* for it; owned */
};

static void find(struct grub_menu *m, struct found *f, unsigned depth);

/* m is for the menus' menu afterwards, as GRUB's is when that is left. */
static void find_in_submenu(struct grub_menu *m, guint body, struct found *f, unsigned depth)
{
    GArray *items = m->items;
    GHashTable *variables = m->variables;

    m->items = grub_menu_items_new();
    m->variables = grub_strict_inherit(m);
    grub_run(m, body);
    find(m, f, depth + 1);
    g_array_unref(m->items);
    g_hash_table_unref(m->variables);
    m->items = items;
    m->variables = variables;
}

/* In the menu that was read. */
static void find(struct grub_menu *m, struct found *f, unsigned depth)
{
    if (m->booted)
        grub_menu_give_up(m, "starts something before there is a menu");
    if (depth == GRUB_MAX_DEPTH)
        grub_menu_give_up(m, "is too deep");
    /* it would have happened behind the line that names the entry */
    if (*grub_strict_value(m, "superusers"))
        grub_menu_give_up(m, "may ask for a password");
    if (*grub_strict_value(m, "check_signatures"))
        grub_menu_give_up(m, "may check signatures");
    for (guint i = 0; !m->why && i < m->items->len; i++) {
        const struct grub_item *item = &g_array_index(m->items, struct grub_item, i);
        if (strcmp(item->title, f->title) == 0) {
            f->submenu |= item->submenu;
            if (!f->n++) {
                f->body = item->body;
                f->variables = grub_strict_inherit(m);
            }
        }
        if (item->submenu)
            find_in_submenu(m, item->body, f, depth);
    }
}

static void run_found(struct grub_menu *m, const struct found *f)
{
    if (m->why)
        return;
    if (f->n != 1 || f->submenu) {
        grub_menu_give_up(m, !f->n      ? "has no entry of that name"
                             : f->n > 1 ? "has two entries of that name"
                                        : "has a menu of that name");
        return;
    }
    g_hash_table_unref(m->variables);
    m->variables = g_hash_table_ref(f->variables);
    m->in_entry = true;
    grub_entry_clear(&m->entry);
    grub_run(m, f->body);
}

bool grub_menu_entry(const struct grub_menu_input *in, const char *title, struct grub_entry *ret,
                     const char **why)
{
    struct found f = {.title = title};
    struct grub_menu m;

    if (grub_menu_begin(&m, in, true)) {
        grub_run(&m, 0);
        find(&m, &f, 0);
        run_found(&m, &f);
    }
    g_clear_pointer(&f.variables, g_hash_table_unref);
    return grub_menu_end(&m, ret, why);
}
