#include "xenner/backend/vhost_slots.h"
#include "xenner/backend/virtqueue.h"

#include <errno.h>
#include <gio/gio.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct slot {
    struct vring_desc table[VHOST_SEGMENTS + 2]; /* header, data, status */
    struct virtio_blk_outhdr header;
    uint8_t status;
};

struct vhost_slots {
    int fd;
    size_t bytes, slots_at, bounce_at;
    char *base;
    bool bounced[VHOST_ENTRIES];
};

static size_t pages(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

struct vhost_slots *vhost_slots_new(GError **error)
{
    struct vhost_slots *s = g_new0(struct vhost_slots, 1);

    s->slots_at = pages(virtqueue_layout(VHOST_ENTRIES).bytes);
    s->bounce_at = s->slots_at + pages(VHOST_ENTRIES * sizeof(struct slot));
    s->bytes = s->bounce_at + (size_t)VHOST_ENTRIES * VHOST_BOUNCE; /* pages that nobody used take no memory */
    s->base = MAP_FAILED;
    s->fd = memfd_create("xenner-vhost", MFD_CLOEXEC);
    if (s->fd >= 0 && ftruncate(s->fd, (off_t)s->bytes) == 0)
        s->base = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, s->fd, 0);
    if (s->base != MAP_FAILED)
        return s;
    g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "no memory for a queue: %s",
                g_strerror(errno));
    vhost_slots_free(s);
    return NULL;
}

void vhost_slots_free(struct vhost_slots *s)
{
    if (!s)
        return;
    if (s->base != MAP_FAILED)
        munmap(s->base, s->bytes);
    if (s->fd >= 0)
        close(s->fd);
    g_free(s);
}

void *vhost_slots_ring(struct vhost_slots *s)
{
    return s->base;
}

struct vhost_user_region vhost_slots_region(const struct vhost_slots *s)
{
    return (struct vhost_user_region){.address = s->base, .bytes = s->bytes, .fd = s->fd};
}

static struct slot *slot_of(struct vhost_slots *s, unsigned entry)
{
    return (struct slot *)(s->base + s->slots_at) + entry;
}

static char *bounce_of(struct vhost_slots *s, unsigned entry)
{
    return s->base + s->bounce_at + (size_t)entry * VHOST_BOUNCE;
}

static bool inside(const struct vhost_user_region *region, const struct image_request *r)
{
    if (r->iovcnt > VHOST_SEGMENTS)
        return false;
    for (unsigned i = 0; i < r->iovcnt; i++) {
        uintptr_t at = (uintptr_t)r->iov[i].iov_base - (uintptr_t)region->address;
        if (at >= region->bytes || r->iov[i].iov_len > region->bytes - at)
            return false;
    }
    return true;
}

static void copy(char *bounce, const struct image_request *r, bool to_bounce)
{
    for (unsigned i = 0; i < r->iovcnt; i++) {
        if (to_bounce)
            memcpy(bounce, r->iov[i].iov_base, r->iov[i].iov_len);
        else
            memcpy(r->iov[i].iov_base, bounce, r->iov[i].iov_len);
        bounce += r->iov[i].iov_len;
    }
}

static struct vring_desc piece(const void *at, size_t bytes, uint16_t flags, unsigned next)
{
    return (struct vring_desc){.addr = (uintptr_t)at, .len = (uint32_t)bytes, .flags = flags, .next = (uint16_t)next};
}

/* Header, data, status: each is chained to the next. */
static unsigned make_table(struct slot *slot, const struct iovec *iov, unsigned n, bool reads)
{
    slot->table[0] = piece(&slot->header, sizeof(slot->header), VRING_DESC_F_NEXT, 1);
    for (unsigned i = 0; i < n; i++)
        slot->table[i + 1] = piece(iov[i].iov_base, iov[i].iov_len,
                                   VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), i + 2);
    slot->table[n + 1] = piece(&slot->status, 1, VRING_DESC_F_WRITE, 0);
    return n + 2;
}

unsigned vhost_slots_fill(struct vhost_slots *s, unsigned entry, const struct image_request *r,
                          const struct vhost_user_region *guest, uint64_t *ret_table)
{
    static const uint32_t types[] = {[IMAGE_READ] = VIRTIO_BLK_T_IN, [IMAGE_WRITE] = VIRTIO_BLK_T_OUT,
                                     [IMAGE_FLUSH] = VIRTIO_BLK_T_FLUSH};
    struct slot *slot = slot_of(s, entry);
    bool data = r->op != IMAGE_FLUSH;

    g_assert(r->op <= IMAGE_FLUSH);
    s->bounced[entry] = data && !inside(guest, r);
    if (s->bounced[entry] && r->bytes > VHOST_BOUNCE)
        return 0;
    if (s->bounced[entry] && r->op == IMAGE_WRITE)
        copy(bounce_of(s, entry), r, true);
    slot->header = (struct virtio_blk_outhdr){.type = types[r->op], .sector = data ? r->offset / IMAGE_SECTOR : 0};
    slot->status = VIRTIO_BLK_S_IOERR;
    *ret_table = (uintptr_t)slot->table;
    if (s->bounced[entry])
        return make_table(slot, &(struct iovec){bounce_of(s, entry), r->bytes}, 1, r->op == IMAGE_READ);
    return make_table(slot, r->iov, data ? r->iovcnt : 0, r->op == IMAGE_READ);
}

bool vhost_slots_end(struct vhost_slots *s, unsigned entry, const struct image_request *r)
{
    if (slot_of(s, entry)->status != VIRTIO_BLK_S_OK)
        return false;
    if (s->bounced[entry] && r->op == IMAGE_READ)
        copy(bounce_of(s, entry), r, false);
    return true;
}
