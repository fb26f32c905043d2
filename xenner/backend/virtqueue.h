/*
 * The driver's side of a virtqueue: the split ring of virtio 1.1 (2.6; linux/virtio_ring.h), in memory that the
 * device has, too. Each request is one entry, whose descriptor points to a table of the request's own
 * ("indirect"), so that an entry's number is all that is to be kept. The device's answers are checked: it may write
 * there at any time.
 *
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtqueue;

/* Where the parts of a ring of that many entries are, from its start. */
struct virtqueue_layout {
    size_t desc, avail, used, bytes;
};

/* entries: a power of 2, up to 1024 here. */
struct virtqueue_layout virtqueue_layout(unsigned entries);
/* ring: virtqueue_layout().bytes of zeroes, aligned to 16 bytes; borrowed. Both sides know VIRTIO_RING_F_EVENT_IDX. */
struct virtqueue *virtqueue_new(void *ring, unsigned entries);
/* Accepts NULL. */
void virtqueue_free(struct virtqueue *vq);

/* A free entry, the one that was used last if there are several, or -1. It stays free until it is added. */
int virtqueue_free_entry(const struct virtqueue *vq);
/* The free entry gets the table at that address of the device's; the device sees it with the next publish. */
void virtqueue_add(struct virtqueue *vq, unsigned entry, uint64_t table, uint32_t descriptors);
/* All that was added; true: the device is to be kicked. */
bool virtqueue_publish(struct virtqueue *vq);
/* The next entry that the device is through with (free from now on), -1: none; -2: its answers are nonsense. */
int virtqueue_take(struct virtqueue *vq);
/* The device is to tell of the next one. False: there is one already. */
bool virtqueue_wait(struct virtqueue *vq);
/* Entries that are the device's. */
unsigned virtqueue_under_way(const struct virtqueue *vq);
