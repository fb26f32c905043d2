/* A vhost-user-blk server in a thread of its own, for tests: it has a disk in memory, and manners as they say. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum vhost_manner {
    VHOST_SERVES,
    VHOST_FAILS,    /* each request */
    VHOST_HANGS_UP, /* instead of an answer */
    VHOST_LIES,     /* answers what it was not asked */
    VHOST_WAITS,    /* does not answer until it serves again, at the next kick */
};

enum { VHOST_DISK = 1 << 20 };

struct vhost_server {
    GThread *thread;
    int fd, kick, call;
    gint manner;        /* atomic */
    gint requests, flushes; /* atomic: how many it answered */
    uint64_t sectors;   /* of its disk, as it says */
    struct {
        uint64_t address, bytes;
        char *mapped;
    } region[8];
    gint nr_regions;    /* atomic */
    uint64_t addr[3];   /* descriptors, available, used; as it was told */
    uint32_t entries;
    uint16_t seen;
    char disk[VHOST_DISK];
};

/* fd: where its client is to connect. */
struct vhost_server *vhost_server_new(int *ret_fd);
/* Its client is gone, or goes now. */
void vhost_server_free(struct vhost_server *s);
