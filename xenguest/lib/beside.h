/*
 * Replacing a file or a directory as a whole: the new one is made beside it, under a name of its
 * own
 * (.NAME.mkimage-XXXXXX) that is locked with flock() while its maker lives, and takes the name in
 * the end. What was left by one that was killed is recognised by its name and missing lock, and
 * swept by the next.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct beside {
    int fd;     /* the new file or directory */
    int dirfd;  /* where both are */
    char *base; /* its name there */
    char *tmp;  /* the new one's */
    char *path; /* for messages */
    bool is_dir;
    bool replaces; /* something is there, as it was seen at the begin: */
    dev_t dev;
    ino_t ino;
};

/*
 * Nothing, or something of the same kind, is at path; links to it are followed. To be cleared
 * either way.
 */
bool beside_begin(struct beside *b, const char *path, bool is_dir, GError **error);
/*
 * Syncs and swaps; a directory's contents must have been synced. dev and ino, when not 0, say what
 * must be at the name: else somebody else has been faster, which is an error.
 */
bool beside_commit(struct beside *b, dev_t dev, ino_t ino, GError **error);
/* Removes what was not committed. */
void beside_clear(struct beside *b);
