/*
 * An import that is under way. A guest's files are there before libvirt has its domain, so a vivm that
 * was killed between may leave files without one. A file beside them, ".importing-NAME" in the storage
 * directory, is locked with flock() while an import works, and goes when it ends: who finds it
 * without a lock removes what the dead one had made, and begins anew.
 */
#pragma once

#include "xenguest/manager/settings.h"

#include <stdbool.h>

struct importing {
    char *path;
    int fd; /* locked */
};

/*
 * Begins to import a guest of that name; defined says that libvirt has a domain called so, which the
 * caller is going to refuse. False, with error set, when another process imports it, or when its
 * directory is there already and no import left it. *ret is to be cleared either way, when the domain is
 * defined or nothing of it is left.
 */
bool importing_begin(struct importing *ret, const struct settings *s, const char *name, bool defined,
                     GError **error);
void importing_clear(struct importing *i);
