/* -runas and -chroot: what a process gives up once its files are open. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Who to become. */
struct privileges {
    uid_t uid;
    gid_t gid;
    char *name; /* of a user with groups of its own; NULL: numbers, no other groups */
};

/* A user's name, or UID:GID. */
bool privileges_parse(const char *text, struct privileges *ret, GError **error);
void privileges_clear(struct privileges *p);
/* For good: there is no way back, which is tried. One thread, or all of them by glibc's doing. */
bool privileges_drop(const struct privileges *p, GError **error);
/* The process's root, and its working directory. */
bool privileges_chroot(const char *path, GError **error);
