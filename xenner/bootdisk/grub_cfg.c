#include "xenner/bootdisk/grub_cfg.h"

#include <string.h>

#define BLANKS " \t\r"

/* The next word, without its quotes; the caller's. NULL: the line's end, or quotes that go on. */
static char *next_word(const char **at)
{
    g_autoptr(GString) word = g_string_new(NULL);
    char quote = '\0';

    *at += strspn(*at, BLANKS);
    if (!**at || **at == '#')
        return NULL;
    for (; **at && (quote || !strchr(BLANKS ";", **at)); (*at)++) {
        if (quote ? **at == quote : **at == '\'' || **at == '"')
            quote = quote ? '\0' : **at;
        else
            g_string_append_c(word, **at);
    }
    return quote ? NULL : g_string_free(g_steal_pointer(&word), FALSE);
}

/* (hd0,msdos1)/boot/vmlinuz or ($root)/vmlinuz: what is in front is the disk. */
static const char *without_disk(const char *path)
{
    const char *end = path[0] == '(' ? strchr(path, ')') : NULL;

    return end ? end + 1 : path;
}

static void take_line(const char *line, GPtrArray *kernels)
{
    g_autofree char *command = next_word(&line);
    g_autofree char *word = command && strcmp(command, "linux") == 0 ? next_word(&line) : NULL;
    const char *path = word ? without_disk(word) : "";

    if (path[0] != '/' || strchr(path, '$') || kernels->len == GRUB_CFG_MAX_KERNELS ||
        g_ptr_array_find_with_equal_func(kernels, path, g_str_equal, NULL))
        return;
    g_ptr_array_add(kernels, g_strdup(path));
}

GPtrArray *grub_cfg_kernels(const char *text)
{
    GPtrArray *kernels = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line; line++)
        take_line(*line, kernels);
    return kernels;
}
