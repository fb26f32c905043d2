/* Between the common part of chardevs and their kinds. */
#pragma once

#include "xenner/chardev/chardev.h"
#include "xenner/chardev/escape.h"

#define CHARDEV_BACKLOG 65536u /* bytes kept while nobody reads */
#define CHARDEV_MAX_FDS 64u    /* descriptors that came and that nobody took */

struct chardev_kind_ops {
    bool (*open)(struct chardev *chr, const struct chardev_config *cfg, GError **error);
    void (*close)(struct chardev *chr); /* accepts a half-made one; may be NULL */
    /* The peer hung up: prepare for the next one. May be NULL: the kind is done for good. */
    void (*hung_up)(struct chardev *chr);
};

struct chardev {
    const struct chardev_kind_ops *ops;
    char *id, *label;
    const struct chardev_user *user;
    void *opaque;

    int in_fd, out_fd;         /* -1: nobody there */
    bool owns_fds;             /* close them when the peer goes */
    bool discards;             /* null, and the kinds that have ended: output vanishes */
    guint in_source, out_source;
    bool input_stopped;        /* the user took less than it was given */
    GByteArray *backlog;       /* output of the time without a reader, the latest of it */
    GByteArray *unread;        /* input that the user did not take yet */
    struct escape_state escape;
    bool mux;
    bool takes_fds;            /* a Unix socket: descriptors may come with the input */
    GArray *fds;               /* int: those that nobody took yet */
    int log_fd;
    void *kind;                /* the kind's own state */
};

extern const struct chardev_kind_ops chardev_null_ops, chardev_stdio_ops, chardev_pty_ops,
    chardev_file_ops, chardev_socket_ops;

/* The peer is there: output goes to out, input comes from in (either may be -1, or both the same). */
void chardev_connected(struct chardev *chr, int in, int out, bool owns_fds);
/* And gone. */
void chardev_disconnected(struct chardev *chr);
bool chardev_set_nonblocking(int fd);
/* Sets error from errno: "could not open 'path': reason". */
bool chardev_fail(GError **error, const char *what, const char *path);
