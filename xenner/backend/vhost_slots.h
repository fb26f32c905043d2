/*
 * Memory that a vhost-user-blk server shares with us: the queue, and for each of its entries what a request is
 * besides its data: header, status, the table of its descriptors, and room for data that is not in memory that
 * the server has.
 *
 * Threads: new and free when nothing is under way, the rest in the I/O thread.
 */
#pragma once

#include "xenner/backend/disk_image.h"
#include "xenner/backend/vhost_user.h"

enum {
    VHOST_ENTRIES = 256,
    VHOST_SEGMENTS = 126,      /* a request's pieces: QEMU's devices take so many */
    VHOST_BOUNCE = 128 * 1024, /* bytes: the longest request of Linux's blkfront */
};

struct vhost_slots;

struct vhost_slots *vhost_slots_new(GError **error);
/* Accepts NULL. */
void vhost_slots_free(struct vhost_slots *s);
/* The queue, all zero; and all of it, for the server. */
void *vhost_slots_ring(struct vhost_slots *s);
struct vhost_user_region vhost_slots_region(const struct vhost_slots *s);
/*
 * Makes entry a read, write or flush; guest: the memory that the server also has. The number of descriptors, and
 * their address; 0: it does not fit.
 */
unsigned vhost_slots_fill(struct vhost_slots *s, unsigned entry, const struct image_request *r,
                          const struct vhost_user_region *guest, uint64_t *ret_table);
/* It is done: whether it succeeded, with what was read where it belongs. */
bool vhost_slots_end(struct vhost_slots *s, unsigned entry, const struct image_request *r);
