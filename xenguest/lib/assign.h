/*
 * Files of shell assignments (params.cfg, disk.cfg, xenguest-manager.conf): NAME=value,
 * NAME="value" or NAME='value', one a line, with comments. They are read as POSIX's shell would
 * read them (2.2 Quoting), but nothing is ever executed or expanded: a $, a backquote or a command
 * is an error.
 *
 * Edits keep comments, order and the spelling of what is not edited.
 */
#pragma once

#include "xenguest/lib/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct assign;

/* source is for messages ("params.cfg"), which start with "SOURCE:LINE: ". NULL with error set. */
struct assign *assign_parse(const char *text, size_t len, const char *source, GError **error);
struct assign *assign_load(const char *path, GError **error);
void assign_free(struct assign *a);
DEFINE_AUTO(assign)

/* A name that a shell takes: letters, digits and _, no digit first. */
bool assign_name_valid(const char *name);

/* The last value given to name, unquoted; NULL when there is none. Valid until the next edit. */
const char *assign_get(const struct assign *a, const char *name);
/* Every name once, in the order of their first line. Free with g_strfreev(). */
char **assign_names(const struct assign *a);

/* In place of the last assignment of name, else as a new line at the end. name must be valid. */
void assign_set(struct assign *a, const char *name, const char *value);
/* True when there was one. */
bool assign_unset(struct assign *a, const char *name);

/* The whole file. Valid until the next edit. */
const char *assign_text(const struct assign *a);
/* value between double quotes, for a shell. */
char *assign_quote(const char *value);
