/*
 * The frontend's side of vhost-user: another process is to serve a virtio device, and is told over a socket where
 * memory and queues are. After QEMU's docs/interop/vhost-user.rst ("Message Specification", "Front-end message
 * types", "Protocol features"); what is in messages is in this machine's byte order.
 *
 * Each call waits for the other side's answer, which is checked, as another process is never trusted. Threads: one
 * at a time.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vhost_user;

/* Memory that the other side may use: an address of it is an address of ours. */
struct vhost_user_region {
    void *address;
    uint64_t bytes;
    int fd;          /* what is mapped there, from that offset on; borrowed */
    uint64_t offset;
};
enum { VHOST_USER_REGIONS = 8 };

struct vhost_user_queue {
    unsigned entries;
    void *desc, *avail, *used; /* in one of the regions */
    int kick, call;            /* eventfds, borrowed */
};

/*
 * On a connected socket (taken, also on failure). Agrees on features: those of `features` that the other side has,
 * in *ret_features. It must be able to acknowledge and to tell the device's configuration.
 */
struct vhost_user *vhost_user_new(int fd, uint64_t features, uint64_t *ret_features, GError **error);
/* Hangs up: the other side lets go of memory and queues, but maybe later than this returns. Accepts NULL. */
void vhost_user_free(struct vhost_user *v);
/* Borrowed; it is hung up (POLLHUP) when the other side has gone. */
int vhost_user_fd(const struct vhost_user *v);
/* The first len bytes (up to 256) of the device's configuration space. */
bool vhost_user_get_config(struct vhost_user *v, void *config, size_t len, GError **error);
/* These regions and no others, which is so when it returns true. Nothing may be under way in others. */
bool vhost_user_set_memory(struct vhost_user *v, const struct vhost_user_region *regions, unsigned n, GError **error);
/* Queue 0 goes from now on. */
bool vhost_user_start_queue(struct vhost_user *v, const struct vhost_user_queue *queue, GError **error);
