#include "xenner/backend/vhost_user.h"
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <gio/gio.h>
#include <linux/vhost_types.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "Front-end message types" */
enum {
    GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5, SET_VRING_NUM = 8, SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10, SET_VRING_KICK = 12, SET_VRING_CALL = 13, GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16, SET_VRING_ENABLE = 18, GET_CONFIG = 24,
};

/* "Header": its flags. */
enum { VERSION = 1, VERSION_MASK = 3, REPLY = 1 << 2, NEED_REPLY = 1 << 3 };

/* A bit of the device's features, and "Protocol features". */
#define F_PROTOCOL_FEATURES (1ull << 30)
#define REPLY_ACK           (1ull << 3)
#define CONFIG              (1ull << 9)

enum { CONFIG_MAX = 256 };

struct memory {
    uint32_t n, padding;
    struct {
        uint64_t guest_address, bytes, user_address, offset;
    } region[VHOST_USER_REGIONS];
};

struct config {
    uint32_t offset, bytes, flags;
    uint8_t data[CONFIG_MAX];
};

struct message {
    uint32_t request, flags, bytes;
    union {
        uint64_t u64;
        struct vhost_vring_state state;
        struct vhost_vring_addr addr;
        struct memory memory;
        struct config config;
    } __attribute__((packed));
} __attribute__((packed));

enum { HEADER = offsetof(struct message, u64) };

struct vhost_user {
    int fd;
};

static bool gone(GError **error, const char *why)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the vhost-user server %s", why);
    return false;
}

static bool send_message(struct vhost_user *v, struct message *m, const int *fds, unsigned n, GError **error)
{
    size_t len = HEADER + m->bytes;

    m->flags = VERSION | (m->flags & NEED_REPLY);
    if (fd_message_send(v->fd, m, len, fds, n) == (ssize_t)len)
        return true;
    return gone(error, "does not listen");
}

static bool receive(struct vhost_user *v, void *to, size_t len)
{
    ssize_t n;

    do {
        n = recv(v->fd, to, len, MSG_WAITALL);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/* The answer to m, whose payload must have just that many bytes; in m's place. */
static bool receive_answer(struct vhost_user *v, struct message *m, size_t bytes, GError **error)
{
    struct message a;

    if (!receive(v, &a, HEADER))
        return gone(error, "does not answer");
    if (a.request != m->request || (a.flags & (VERSION_MASK | REPLY)) != (VERSION | REPLY) || a.bytes != bytes)
        return gone(error, "answers nonsense");
    if (!receive(v, &a.u64, bytes))
        return gone(error, "does not answer");
    *m = a;
    return true;
}

/* Says m, and waits until it has been done. */
static bool tell(struct vhost_user *v, struct message *m, const int *fds, unsigned n, GError **error)
{
    m->flags = NEED_REPLY;
    if (!send_message(v, m, fds, n, error) || !receive_answer(v, m, sizeof(m->u64), error))
        return false;
    return !m->u64 || gone(error, "refuses");
}

static bool ask_u64(struct vhost_user *v, uint32_t request, uint64_t *ret, GError **error)
{
    struct message m = {.request = request};

    if (!send_message(v, &m, NULL, 0, error) || !receive_answer(v, &m, sizeof(m.u64), error))
        return false;
    *ret = m.u64;
    return true;
}

static bool agree(struct vhost_user *v, uint64_t features, uint64_t *ret, GError **error)
{
    struct message set_protocol = {.request = SET_PROTOCOL_FEATURES, .bytes = 8, .u64 = REPLY_ACK | CONFIG};
    struct message set = {.request = SET_FEATURES, .bytes = 8}, owner = {.request = SET_OWNER};
    uint64_t theirs, protocol;

    if (!ask_u64(v, GET_FEATURES, &theirs, error))
        return false;
    if (!(theirs & F_PROTOCOL_FEATURES))
        return gone(error, "is too old");
    if (!ask_u64(v, GET_PROTOCOL_FEATURES, &protocol, error))
        return false;
    if (~protocol & (REPLY_ACK | CONFIG))
        return gone(error, "is too old");
    *ret = features & theirs;
    set.u64 = *ret | F_PROTOCOL_FEATURES;
    return send_message(v, &set_protocol, NULL, 0, error) && tell(v, &owner, NULL, 0, error) &&
           tell(v, &set, NULL, 0, error);
}

struct vhost_user *vhost_user_new(int fd, uint64_t features, uint64_t *ret_features, GError **error)
{
    struct vhost_user *v = g_new0(struct vhost_user, 1);

    v->fd = fd;
    if (agree(v, features, ret_features, error))
        return v;
    vhost_user_free(v);
    return NULL;
}

void vhost_user_free(struct vhost_user *v)
{
    if (!v)
        return;
    close(v->fd);
    g_free(v);
}

int vhost_user_fd(const struct vhost_user *v)
{
    return v->fd;
}

bool vhost_user_get_config(struct vhost_user *v, void *config, size_t len, GError **error)
{
    const size_t bytes = offsetof(struct config, data) + len;
    struct message m = {.request = GET_CONFIG, .bytes = (uint32_t)bytes};

    g_assert(len <= CONFIG_MAX);
    m.config.bytes = (uint32_t)len;
    if (!send_message(v, &m, NULL, 0, error) || !receive_answer(v, &m, bytes, error))
        return false;
    memcpy(config, m.config.data, len);
    return true;
}

bool vhost_user_set_memory(struct vhost_user *v, const struct vhost_user_region *regions, unsigned n, GError **error)
{
    struct message m = {.request = SET_MEM_TABLE, .bytes = sizeof(m.memory)};
    int fds[VHOST_USER_REGIONS];

    g_assert(n && n <= VHOST_USER_REGIONS);
    m.memory.n = n;
    m.bytes = (uint32_t)(offsetof(struct memory, region) + n * sizeof(m.memory.region[0]));
    for (unsigned i = 0; i < n; i++) {
        const struct vhost_user_region *r = &regions[i];
        m.memory.region[i].guest_address = m.memory.region[i].user_address = (uintptr_t)r->address;
        m.memory.region[i].bytes = r->bytes;
        m.memory.region[i].offset = r->offset;
        fds[i] = r->fd;
    }
    return tell(v, &m, fds, n, error);
}

bool vhost_user_start_queue(struct vhost_user *v, const struct vhost_user_queue *q, GError **error)
{
    struct message num = {.request = SET_VRING_NUM, .bytes = sizeof(num.state), .state.num = q->entries};
    struct message base = {.request = SET_VRING_BASE, .bytes = sizeof(base.state)};
    struct message addr = {.request = SET_VRING_ADDR, .bytes = sizeof(addr.addr)};
    struct message call = {.request = SET_VRING_CALL, .bytes = 8}, kick = {.request = SET_VRING_KICK, .bytes = 8};
    struct message enable = {.request = SET_VRING_ENABLE, .bytes = sizeof(enable.state), .state.num = 1};

    addr.addr.desc_user_addr = (uintptr_t)q->desc;
    addr.addr.avail_user_addr = (uintptr_t)q->avail;
    addr.addr.used_user_addr = (uintptr_t)q->used;
    return tell(v, &num, NULL, 0, error) && tell(v, &base, NULL, 0, error) && tell(v, &addr, NULL, 0, error) &&
           tell(v, &call, &q->call, 1, error) && tell(v, &kick, &q->kick, 1, error) &&
           tell(v, &enable, NULL, 0, error);
}
