#include "xenner/bootdisk/grub_env.h"

#include <string.h>

#define SIGNATURE "# GRUB Environment Block\n"

/* A value's backslashes and line ends have a backslash before them. */
static char *take_value(const char **at)
{
    g_autoptr(GString) value = g_string_new(NULL);

    while (**at && **at != '\n') {
        if (**at == '\\' && (*at)[1])
            (*at)++;
        g_string_append_c(value, *(*at)++);
    }
    return g_string_free(g_steal_pointer(&value), FALSE);
}

void grub_env_load(const char *text, GHashTable *variables)
{
    const char *at = text;

    if (!g_str_has_prefix(text, SIGNATURE))
        return;
    while (*at) {
        size_t len = strcspn(at, "=\n");
        if (*at == '#' || at[len] != '=') {
            at += strcspn(at, "\n");
        } else {
            g_autofree char *name = g_strndup(at, len);
            at += len + 1;
            g_autofree char *value = take_value(&at);
            if (strcmp(name, "next_entry") != 0)
                g_hash_table_insert(variables, g_steal_pointer(&name), g_steal_pointer(&value));
        }
        at += *at == '\n';
    }
}
