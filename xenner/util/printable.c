#include "xenner/util/printable.h"

void text_make_printable(char **text)
{
    char *good = g_utf8_make_valid(*text, -1);

    for (char *c = good; *c; c++) {
        if (g_ascii_iscntrl(*c))
            *c = '?';
    }
    g_free(*text);
    *text = good;
}

void error_make_printable(GError *error)
{
    if (error)
        text_make_printable(&error->message);
}
