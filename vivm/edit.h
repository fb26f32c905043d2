/*
 * The edit loop, without libvirt and without a terminal: those are behind struct edit_ops. Whatever
 * goes wrong, the text is in a file whose name is said.
 */
#pragma once

#include "vivm/draft.h"

/* How the loop ends. */
enum edit_end {
    EDIT_DEFINED,   /* the new text is the domain's definition */
    EDIT_UNCHANGED, /* nothing was changed, nothing is left behind */
    EDIT_KEPT,      /* not defined; the text is in a file that was named */
    EDIT_FAILED,    /* nothing was edited; why was said */
};

struct edit_ops {
    /* The definition as it is now; NULL and an error. */
    char *(*fetch)(void *opaque, GError **error);
    /* careful: the XML is checked against libvirt's schema too. */
    bool (*define)(void *opaque, const char *text, bool careful, GError **error);
    /* Returns when the user has left the editor; false and an error when it failed. */
    bool (*editor)(void *opaque, const char *path, GError **error);
    /* One of the letters of keys; 0 when there is nobody to ask any more. */
    char (*ask)(void *opaque, const char *question, const char *keys);
    void (*say)(void *opaque, const char *text); /* one or more lines, without the last line feed */
    void (*diff)(void *opaque, const char *before, const char *after);
};

enum edit_end edit_run(const struct edit_ops *ops, void *opaque, struct draft *draft);
