/*
 * Bytes of a file, or what was unpacked from one. The memory is reserved address space: only what
 * is written costs memory, so a decoder gets all the room that it may use and nothing is copied
 * later.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    uint8_t *data;
    size_t len;      /* bytes that count */
    size_t reserved; /* bytes that may be written */
};

/* A zeroed struct is an empty blob; clear accepts it, and leaves one behind. */
void blob_clear(struct blob *b);
bool blob_reserve(struct blob *ret, size_t bytes, GError **error);

/* For the owner of a local blob. */
#define autoblob __attribute__((cleanup(blob_clear))) struct blob

/*
 * Opens a regular file for reading: its descriptor, or -1. what is its part ("kernel") for the
 * message. Refuses anything else, so that a FIFO or a device can't hold the program up, and empty
 * files.
 */
int blob_open_file(const char *path, const char *what, uint64_t *ret_bytes, GError **error);
/* The same of a file that is open already; path is its name. A descriptor of its own; fd is borrowed. */
int blob_use_fd(int fd, const char *path, const char *what, uint64_t *ret_bytes, GError **error);
/* All of a regular file of at most max bytes; fd: it is open already, 0: not. */
bool blob_read_file(const char *path, int fd, const char *what, size_t max, struct blob *ret,
                    GError **error);
