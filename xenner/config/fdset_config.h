/* -add-fd and QMP's add-fd: sets of open files, which options and commands name as /dev/fdset/N. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct fdset_fd {
    uint64_t set;
    int fd;
    char *opaque; /* the user's own, or NULL; owned */
    bool used;    /* a path of it was given away: it stays open */
    bool removed; /* and its user forgot it */
};

enum fdset_mode { FDSET_ANY, FDSET_READ, FDSET_WRITE /* and read */, FDSET_WRITE_OR_READ };

/* A GDestroyNotify: what it has; the descriptor stays open. */
void fdset_fd_clear(void *fd);
/*
 * /dev/fdset/N as a path that open() knows: of the set's (struct fdset_fd) first descriptor that was opened like
 * that, as what it may not do is not to be had by opening the file once more. Other paths as they are, NULL as NULL.
 * NULL with error: there is no such set or descriptor.
 */
char *fdset_path(GArray *fds, const char *path, enum fdset_mode mode, GError **error);
