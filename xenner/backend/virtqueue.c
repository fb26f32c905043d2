#include "xenner/backend/virtqueue.h"

#include <glib.h>
#include <linux/virtio_ring.h>

enum { MAX_ENTRIES = 1024, ALIGN = 64 };

struct virtqueue {
    struct vring ring;
    unsigned entries;
    uint16_t added, published; /* counters of the available ring: what it has, what the device was shown */
    uint16_t taken;            /* of the used ring */
    unsigned nr_free;
    uint16_t free[MAX_ENTRIES]; /* the last was used last */
    bool under_way[MAX_ENTRIES];
};

struct virtqueue_layout virtqueue_layout(unsigned entries)
{
    size_t avail = entries * sizeof(struct vring_desc);
    size_t end = avail + offsetof(struct vring_avail, ring) + (entries + 1u) * sizeof(uint16_t);

    return (struct virtqueue_layout){0, avail, (end + ALIGN - 1) / ALIGN * ALIGN, vring_size(entries, ALIGN)};
}

struct virtqueue *virtqueue_new(void *ring, unsigned entries)
{
    struct virtqueue *vq = g_new0(struct virtqueue, 1);

    g_assert(entries && entries <= MAX_ENTRIES && (entries & (entries - 1)) == 0);
    vring_init(&vq->ring, entries, ring, ALIGN);
    g_assert((char *)vq->ring.used == (char *)ring + virtqueue_layout(entries).used);
    vq->entries = entries;
    while (vq->nr_free < entries) {
        vq->free[vq->nr_free] = (uint16_t)(entries - 1 - vq->nr_free);
        vq->nr_free++;
    }
    return vq;
}

void virtqueue_free(struct virtqueue *vq)
{
    g_free(vq);
}

int virtqueue_free_entry(const struct virtqueue *vq)
{
    return vq->nr_free ? vq->free[vq->nr_free - 1] : -1;
}

void virtqueue_add(struct virtqueue *vq, unsigned entry, uint64_t table, uint32_t descriptors)
{
    g_assert(vq->nr_free && vq->free[vq->nr_free - 1] == entry);
    vq->nr_free--;
    vq->under_way[entry] = true;
    vq->ring.desc[entry] = (struct vring_desc){
        .addr = table, .len = descriptors * (uint32_t)sizeof(struct vring_desc), .flags = VRING_DESC_F_INDIRECT};
    vq->ring.avail->ring[vq->added % vq->entries] = (uint16_t)entry;
    vq->added++;
}

bool virtqueue_publish(struct virtqueue *vq)
{
    uint16_t before = vq->published;

    if (vq->added == before)
        return false;
    vq->published = vq->added;
    __atomic_store_n(&vq->ring.avail->idx, vq->added, __ATOMIC_RELEASE);
    /* The index before the look at what the device waits for: it does the same the other way round. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t event = __atomic_load_n((uint16_t *)&vring_avail_event(&vq->ring), __ATOMIC_RELAXED);
    return vring_need_event(event, vq->added, before);
}

static uint16_t used_index(const struct virtqueue *vq)
{
    return __atomic_load_n(&vq->ring.used->idx, __ATOMIC_ACQUIRE);
}

int virtqueue_take(struct virtqueue *vq)
{
    uint16_t ready = (uint16_t)(used_index(vq) - vq->taken);

    if (!ready)
        return -1;
    if (ready > virtqueue_under_way(vq))
        return -2;
    uint32_t entry = __atomic_load_n(&vq->ring.used->ring[vq->taken % vq->entries].id, __ATOMIC_RELAXED);
    if (entry >= vq->entries || !vq->under_way[entry])
        return -2;
    vq->taken++;
    vq->under_way[entry] = false;
    vq->free[vq->nr_free++] = (uint16_t)entry;
    return (int)entry;
}

bool virtqueue_wait(struct virtqueue *vq)
{
    __atomic_store_n((uint16_t *)&vring_used_event(&vq->ring), vq->taken, __ATOMIC_RELAXED);
    /* As in virtqueue_publish(). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return used_index(vq) == vq->taken;
}

unsigned virtqueue_under_way(const struct virtqueue *vq)
{
    return vq->entries - vq->nr_free;
}
