/*
 * guest.cfg: xl.cfg(5) syntax. NAME = VALUE and NAME += VALUE on lines of their own or with ;
 * between; a VALUE is a number, a 'string' or "string", or a [list, of, values]; # starts a
 * comment. A parameter that is disabled stays as a comment:  # name = ""
 *
 * Text is edited in place: comments, order and spelling of what is not edited are kept.
 */
#pragma once

#include "xenguest/lib/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xlcfg_type {
    XLCFG_NUMBER,
    XLCFG_STRING,
    XLCFG_LIST,
};

struct xlcfg_value {
    enum xlcfg_type type;
    unsigned line;   /* where it starts, from 1 */
    int64_t number;  /* XLCFG_NUMBER */
    char *string;    /* XLCFG_STRING, unquoted */
    GPtrArray *list; /* XLCFG_LIST: struct xlcfg_value, owned */
};

struct xlcfg;

/* source is for messages ("guest.cfg"), which start with "SOURCE:LINE: ". NULL with error set. */
struct xlcfg *xlcfg_parse(const char *text, size_t len, const char *source, GError **error);
void xlcfg_free(struct xlcfg *cfg);
DEFINE_AUTO(xlcfg)

/* Every name that has a value, once, in the order of the file. Free with g_strfreev(). */
char **xlcfg_names(const struct xlcfg *cfg);
/* The value after all = and +=; NULL when there is none. Valid until the next edit. */
const struct xlcfg_value *xlcfg_get(const struct xlcfg *cfg, const char *name);
/*
 * The same when it must be of one type. Absent: true, with *ret as it was. False with error set
 * when it is of another type; a string that is a number counts as one, as for xl.
 */
bool xlcfg_get_string(const struct xlcfg *cfg, const char *name, const char **ret, GError **error);
bool xlcfg_get_number(const struct xlcfg *cfg, const char *name, int64_t *ret, GError **error);

/*
 * Edits: in place of the last assignment (others of that name go), else in place of its disabled
 * comment, else at the end. Control characters that xl has no escape for become blanks.
 */
void xlcfg_set_string(struct xlcfg *cfg, const char *name, const char *value);
void xlcfg_set_number(struct xlcfg *cfg, const char *name, int64_t value);
/* A list of one string, such as disk. */
void xlcfg_set_list1(struct xlcfg *cfg, const char *name, const char *value);
/* Makes it a comment; one is added when there was none. */
void xlcfg_disable(struct xlcfg *cfg, const char *name);

/*
 * Appends a part (guest.d/NAME, --xen-append), which must be right by itself. Its values replace
 * earlier ones of the same name, or are added to them with +=.
 */
bool xlcfg_append(struct xlcfg *cfg, const char *text, size_t len, const char *source,
                  GError **error);

/* The whole file. Valid until the next edit. */
const char *xlcfg_text(const struct xlcfg *cfg);
