#include "xenner/bootdisk/grub_menu_priv.h"

#include <string.h>

/* Names of one option, long and short. */
static bool is(const char *word, const char *long_one, const char *short_one)
{
    return strcmp(word, long_one) == 0 || strcmp(word, short_one) == 0;
}

/* Where GRUB looks first; *i: the word, and then its value's when that is another one. */
static bool is_hint(const GPtrArray *args, guint *i)
{
    const char *word = grub_arg(args, *i);

    if (!g_str_has_prefix(word, "--hint") && strcmp(word, "-h") != 0)
        return false;
    *i += !strchr(word, '=');
    return true;
}

bool grub_search_parse(const struct grub_menu_input *in, const GPtrArray *args, struct grub_search *ret)
{
    const char *value = NULL;
    bool uuid = false, label = false;

    *ret = (struct grub_search){NULL, false};
    for (guint i = 1; i < args->len; i++) {
        const char *word = grub_arg(args, i);
        if (is(word, "--fs-uuid", "-u"))
            uuid = true;
        else if (is(word, "--label", "-l"))
            label = true;
        else if (is(word, "--set", "-s"))
            ret->variable = "root";
        else if (g_str_has_prefix(word, "--set=") && word[strlen("--set=")])
            ret->variable = word + strlen("--set=");
        else if (is(word, "--no-floppy", "-n") || is_hint(args, &i))
            continue;
        else if (word[0] == '-' || value)
            return false;
        else
            value = word;
    }
    if (!value || uuid == label)
        return false;
    ret->own = uuid ? in->uuid && g_ascii_strcasecmp(value, in->uuid) == 0
                    : in->label && strcmp(value, in->label) == 0;
    return true;
}
