/* The options of create, update and partial: one table, from which help and parsing come. */
#pragma once

#include "xenguest/mkimage/edit.h"

/* "--NAME=VALUE" or "--NAME"; applied at once, so in the order given. */
bool option_apply(struct edit *e, const char *arg, GError **error);
/* All of them, for help. */
void options_help(GString *to);
