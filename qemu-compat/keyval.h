/*
 * QEMU's "first,key=val,key,..." lists: a comma is doubled inside a value; a key without a value means
 * key=on, nokey means key=off; the first item may lack its key. Also QEMU's other form, a JSON object.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct keyval {
    GPtrArray *keys, *values; /* char *, owned, in order; values may be NULL for "no value given" */
    GHashTable *used;         /* keys that somebody asked for */
};

/* implied: the key that the first item has when it brings none, or NULL. */
bool keyval_parse(const char *text, const char *implied, struct keyval *ret, GError **error);
/* From a JSON object (what QMP's commands bring); ret is empty before. */
bool keyval_from_object(JsonObject *object, struct keyval *ret, GError **error);
void keyval_clear(struct keyval *kv); /* accepts a zeroed one */
/* The last value of key, or NULL. Marks it as known. */
const char *keyval_get(struct keyval *kv, const char *key);
/* on/off keys; leaves *ret alone when there is no such key. */
bool keyval_get_switch(struct keyval *kv, const char *key, bool *ret, GError **error);
/* False, with an error that names it, when a key was never asked for. */
bool keyval_check_unused(const struct keyval *kv, GError **error);
