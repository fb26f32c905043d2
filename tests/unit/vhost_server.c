#include "vhost_server.h"
#include "xenner/util/fd_message.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/vhost_types.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void *at(struct vhost_server *s, uint64_t address, uint64_t len)
{
    for (int i = 0; i < s->nr_regions; i++) {
        uint64_t offset = address - s->region[i].address;
        if (offset < s->region[i].bytes && len <= s->region[i].bytes - offset)
            return s->region[i].mapped + offset;
    }
    g_error("%" G_GINT64_MODIFIER "x is in no region", address);
}

/* What a request's data is copied from or to. */
static void move_data(struct vhost_server *s, const struct vring_desc *d, unsigned n, uint64_t offset)
{
    for (; n; n--, d++) {
        char *mem = at(s, d->addr, d->len);
        if (d->flags & VRING_DESC_F_WRITE)
            memcpy(mem, s->disk + offset, d->len);
        else
            memcpy(s->disk + offset, mem, d->len);
        offset += d->len;
    }
}

static void serve(struct vhost_server *s, const struct vring_desc *d, enum vhost_manner manner)
{
    const struct vring_desc *table = at(s, d->addr, d->len);
    unsigned n = d->len / sizeof(*table);
    const struct virtio_blk_outhdr *header = at(s, table[0].addr, sizeof(*header));
    uint8_t *status = at(s, table[n - 1].addr, 1);

    g_assert(d->flags == VRING_DESC_F_INDIRECT && n >= 2 && !(table[n - 1].flags & VRING_DESC_F_NEXT));
    *status = VIRTIO_BLK_S_IOERR;
    if (manner == VHOST_FAILS)
        return;
    if (header->type == VIRTIO_BLK_T_FLUSH)
        g_atomic_int_inc(&s->flushes);
    else
        move_data(s, table + 1, n - 2, header->sector * 512);
    *status = VIRTIO_BLK_S_OK;
}

/* False: it hangs up. */
static bool on_kick(struct vhost_server *s)
{
    struct vring ring = {.num = s->entries, .desc = at(s, s->addr[0], 1), .avail = at(s, s->addr[1], 1),
                         .used = at(s, s->addr[2], 1)};
    enum vhost_manner manner = (enum vhost_manner)g_atomic_int_get(&s->manner);
    uint64_t n = 0;

    g_assert(read(s->kick, &n, sizeof(n)) == sizeof(n));
    if (manner == VHOST_WAITS)
        return true;
    vring_avail_event(&ring) = ring.avail->idx;
    for (n = 0; s->seen != __atomic_load_n(&ring.avail->idx, __ATOMIC_ACQUIRE); n++) {
        uint16_t head = ring.avail->ring[s->seen++ % s->entries];
        if (manner == VHOST_HANGS_UP)
            return false;
        serve(s, &ring.desc[head], manner);
        ring.used->ring[ring.used->idx % s->entries].id = manner == VHOST_LIES ? s->entries : head;
        __atomic_store_n(&ring.used->idx, (uint16_t)(ring.used->idx + 1), __ATOMIC_RELEASE);
        g_atomic_int_inc(&s->requests);
    }
    return eventfd_write(s->call, 1) == 0;
}

static void unmap_all(struct vhost_server *s)
{
    for (int i = 0; i < s->nr_regions; i++)
        munmap(s->region[i].mapped, s->region[i].bytes);
    g_atomic_int_set(&s->nr_regions, 0);
}

static void set_memory(struct vhost_server *s, const uint64_t *table, const int *fds, unsigned n)
{
    unmap_all(s);
    g_assert((uint32_t)table[0] == n);
    for (unsigned i = 0; i < n; i++) {
        const uint64_t *r = table + 1 + 4 * i;
        s->region[i].address = r[0];
        s->region[i].bytes = r[1];
        s->region[i].mapped = mmap(NULL, r[1], PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], (off_t)r[3]);
        g_assert(s->region[i].mapped != MAP_FAILED);
        close(fds[i]);
    }
    g_atomic_int_set(&s->nr_regions, (int)n);
}

/* What it takes note of. */
static void obey(struct vhost_server *s, uint32_t request, const uint64_t *payload, const int *fds, unsigned n)
{
    if (request == 5)
        set_memory(s, payload, fds, n);
    else if (request == 8)
        s->entries = (uint32_t)(payload[0] >> 32);
    else if (request == 9)
        memcpy(s->addr, (uint64_t[]){payload[1], payload[3], payload[2]}, sizeof(s->addr));
    else if (request == 12)
        s->kick = fds[0];
    else if (request == 13)
        s->call = fds[0];
}

static void answer(struct vhost_server *s, uint32_t *header, uint64_t *payload)
{
    struct virtio_blk_config config = {.capacity = s->sectors, .seg_max = 126};

    if (header[0] == 24)
        memcpy((uint32_t *)payload + 3, &config, header[2] - 12);
    else
        header[2] = 8;
    if (header[0] == 1 || header[0] == 15)
        payload[0] = UINT64_MAX;
    else if (header[0] != 24)
        payload[0] = 0;
    header[1] = 5;
    if (write(s->fd, header, 12) == 12 && write(s->fd, payload, header[2]) < 0)
        return; /* it is gone, which is seen in a moment */
}

static bool on_message(struct vhost_server *s)
{
    uint32_t header[3];
    uint64_t payload[64];
    int fds[8];
    unsigned n;

    if (fd_message_receive(s->fd, header, sizeof(header), fds, 8, &n) != sizeof(header))
        return false;
    g_assert(header[2] <= sizeof(payload));
    if (header[2] && recv(s->fd, payload, header[2], MSG_WAITALL) != (ssize_t)header[2])
        return false;
    obey(s, header[0], payload, fds, n);
    if (header[1] & 8 || header[0] == 1 || header[0] == 15 || header[0] == 24)
        answer(s, header, payload);
    return true;
}

static gpointer run(gpointer data)
{
    struct vhost_server *s = data;
    bool on = true;

    while (on) {
        struct pollfd fds[] = {{s->fd, POLLIN, 0}, {s->kick, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents)
            on = on_kick(s);
        if (on && fds[0].revents)
            on = on_message(s);
    }
    shutdown(s->fd, SHUT_RDWR);
    close(s->fd);
    return NULL;
}

struct vhost_server *vhost_server_new(int *ret_fd)
{
    struct vhost_server *s = g_new0(struct vhost_server, 1);
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    s->fd = pair[0];
    s->kick = s->call = -1;
    s->sectors = VHOST_DISK / 512;
    *ret_fd = pair[1];
    s->thread = g_thread_new("server", run, s);
    return s;
}

void vhost_server_free(struct vhost_server *s)
{
    g_thread_join(s->thread);
    unmap_all(s);
    if (s->kick >= 0)
        close(s->kick);
    if (s->call >= 0)
        close(s->call);
    g_free(s);
}
