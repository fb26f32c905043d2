#include "xenner/bootdisk/grub_doubt.h"
#include "xenner/bootdisk/grub_env.h"

#include <string.h>

GHashTable *grub_strict_predefined(const struct grub_menu_input *in)
{
    static const char *const none[] = {"menuentry_id_option", "superusers", "check_signatures"};
    GHashTable *ret = grub_menu_predefined(in);

    for (guint i = 0; i < G_N_ELEMENTS(none); i++)
        g_hash_table_insert(ret, g_strdup(none[i]), g_strdup(""));
    g_hash_table_insert(ret, g_strdup("root"), g_strdup(GRUB_OWN));
    g_hash_table_insert(ret, g_strdup("prefix"), g_strconcat(GRUB_PREFIX_DISK, in->prefix, NULL));
    g_hash_table_insert(ret, g_strdup("config_directory"), g_strconcat(GRUB_OWN_DISK, in->prefix, NULL));
    return ret;
}

GHashTable *grub_strict_inherit(const struct grub_menu *m)
{
    GHashTable *ret = grub_strict_predefined(m->in);
    GHashTableIter i;
    gpointer name;

    g_hash_table_iter_init(&i, ret);
    while (g_hash_table_iter_next(&i, &name, NULL))
        g_hash_table_iter_replace(&i, g_strdup(grub_strict_value(m, name)));
    return ret;
}

const char *grub_strict_value(const struct grub_menu *m, const char *name)
{
    const char *value = g_hash_table_lookup(m->variables, name);

    if (strcmp(name, "?") == 0)
        return m->unsure ? GRUB_DOUBT : m->status ? "0" : "1";
    /* what is not set here may have been set by what is not understood */
    return value && !g_hash_table_contains(m->fickle, name) ? value : GRUB_DOUBT;
}

bool grub_doubtful(const GPtrArray *args, guint from)
{
    for (guint i = from; i < args->len; i++) {
        if (strstr(grub_arg(args, i), GRUB_DOUBT))
            return true;
    }
    return false;
}

bool grub_doubtful_name(const GPtrArray *args)
{
    const char *text = grub_arg(args, 0);

    return text[strcspn(text, "=" GRUB_DOUBT)] == GRUB_DOUBT[0];
}

void grub_doubt(struct grub_menu *m, const char *name)
{
    if (m->in_function)
        g_hash_table_add(m->fickle, g_strdup(name));
    else
        g_hash_table_remove(m->variables, name);
}

void grub_doubt_assigned(struct grub_menu *m, const char *text)
{
    g_autofree char *name = g_strndup(text, strcspn(text, "="));

    grub_doubt(m, name);
}

void grub_doubt_named(struct grub_menu *m, const GPtrArray *args)
{
    for (guint i = 1; i < args->len; i++) {
        const char *text = grub_arg(args, i), *name = text + strlen(text);
        while (name > text && !strchr("=:", name[-1]))
            name--;
        grub_doubt(m, name);
    }
}

void grub_doubt_all(struct grub_menu *m)
{
    if (m->in_function)
        grub_menu_give_up(m, "has a function that loads variables");
    g_hash_table_remove_all(m->variables);
}

void grub_doubt_env(struct grub_menu *m)
{
    g_autoptr(GHashTable) env = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter i;
    gpointer name;

    if (m->in->env)
        grub_env_load(m->in->env, env);
    g_hash_table_iter_init(&i, env);
    while (g_hash_table_iter_next(&i, &name, NULL))
        grub_doubt(m, name);
}
