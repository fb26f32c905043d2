/* The reader behind xlcfg.h: statements, and where they are in the text. */
#pragma once

#include "xenguest/lib/xlcfg.h"

#define XLCFG_DEPTH 8 /* lists in lists */

struct xlcfg_statement {
    char *name;
    bool append;               /* += */
    struct xlcfg_value *value; /* NULL: a disabled parameter's comment */
    size_t start, end;         /* from the name, or the #, to behind the value */
};

void xlcfg_statement_free(void *statement);
void xlcfg_value_free(void *value);
struct xlcfg_value *xlcfg_value_copy(const struct xlcfg_value *value);

/* Adds struct xlcfg_statement to ret. text has a NUL at len. */
bool xlcfg_parse_text(const char *text, size_t len, const char *source, GPtrArray *ret,
                      GError **error);
