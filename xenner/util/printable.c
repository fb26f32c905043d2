#include "xenner/util/printable.h"

void error_make_printable(GError *error)
{
    if (!error)
        return;
    char *text = g_utf8_make_valid(error->message, -1);
    for (char *c = text; *c; c++) {
        if (g_ascii_iscntrl(*c))
            *c = '?';
    }
    g_free(error->message);
    error->message = text;
}
