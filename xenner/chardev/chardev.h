/*
 * A byte stream to the outside: stdio, pty, file, Unix socket, null. Backends write into it and are
 * told of input. Output is never lost because the reader is slow: chardev_write() takes what fits
 * now, and the writer is told when there is room again. While nobody is connected (socket) or nobody
 * has the pty's other end open, output is discarded as QEMU does, except that up to
 * CHARDEV_BACKLOG bytes of the latest output are kept and given to the first reader.
 *
 * Threads: all in the main loop's thread (the default GMainContext).
 */
#pragma once

#include "xenner/config/vm_config.h"

#include <stddef.h>
#include <stdint.h>

struct chardev;

struct chardev_user {
    /* Bytes for the guest; returns how many were taken. The rest is offered again after
     * chardev_accept_input(). */
    size_t (*input)(void *opaque, const uint8_t *data, size_t len);
    /* There is room for output again after a short chardev_write(). */
    void (*writable)(void *opaque);
    /* An escape key (QEMU's Ctrl-a x, c, b, ...): 'x' quit, 'c' monitor, 'b' break, 's' ... May be
     * NULL. */
    void (*escape)(void *opaque, char key);
    /* A peer came; it went. For users that talk to one peer at a time; may be NULL. */
    void (*opened)(void *opaque);
    void (*closed)(void *opaque);
    /* Output without a peer is of no use to the next one. */
    bool no_backlog;
};

/* Opens it: makes the pty, the file, the socket... */
struct chardev *chardev_new(const struct chardev_config *cfg, GError **error);
/* Flushes what can be flushed without blocking, restores the terminal, unlinks. Accepts NULL. */
void chardev_free(struct chardev *chr);

/* One user at a time; NULL takes it away. */
void chardev_set_user(struct chardev *chr, const struct chardev_user *user, void *opaque);
/* Returns how many of the len bytes were taken, 0 to len. */
size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len);
void chardev_accept_input(struct chardev *chr);
/* The oldest descriptor that came with the input (SCM_RIGHTS), now the caller's; -1: none. */
int chardev_take_fd(struct chardev *chr);
bool chardev_is_open(const struct chardev *chr);
/* For people: "pty:/dev/pts/3", "stdio". Owned by the chardev. */
const char *chardev_label(const struct chardev *chr);
const char *chardev_id(const struct chardev *chr);
