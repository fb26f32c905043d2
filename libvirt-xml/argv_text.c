#include "libvirt-xml/argv_text.h"

#include <stdbool.h>
#include <string.h>

static bool plain(const char *word)
{
    for (const char *c = word; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("_-+=:,./@%", *c))
            return false;
    }
    return *word;
}

static void append_word(GString *text, const char *word)
{
    g_autofree char *quoted = plain(word) ? g_strdup(word) : g_shell_quote(word);

    g_string_append(text, quoted);
}

char *argv_to_text(const GPtrArray *argv)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < argv->len; i++) {
        const char *word = g_ptr_array_index(argv, i);
        if (i)
            g_string_append(text, word[0] == '-' ? " \\\n    " : " ");
        append_word(text, word);
    }
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}
