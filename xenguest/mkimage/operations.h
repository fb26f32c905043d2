/* What xenguest-mkimage can do. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct operation;

/* NULL: there is none of this name. */
const struct operation *operation_find(const char *name);
/* args: what is behind the operation's name, with a NULL at the end. */
bool operation_run(const struct operation *op, char **args, GError **error);
/* Texts to be freed with g_free(). */
char *operation_help(const struct operation *op);
char *operations_help(void);
