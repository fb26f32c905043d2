#include "xs.h"
#include "event.h"
#include "mem.h"

struct xenstore_domain_interface *xs_ring;
char xs_answer[XENSTORE_PAYLOAD_MAX + 1];

void xs_init(void)
{
    xs_ring = va_of_mfn(start_info->store_mfn);
    port_mask(start_info->store_evtchn, true); /* polled */
}

void xs_kick(void)
{
    port_send(start_info->store_evtchn);
    hypercall(sched_op, SCHEDOP_yield);
}

bool xs_put(const void *data, unsigned len)
{
    const char *from = data;

    while (len) {
        uint32_t prod = xs_ring->req_prod;
        if (!wait_for(prod - READ_ONCE(xs_ring->req_cons) < XENSTORE_RING_SIZE, S))
            return false;
        smp_mb();
        unsigned room = XENSTORE_RING_SIZE - (prod - READ_ONCE(xs_ring->req_cons));
        unsigned n = room < len ? room : len;
        for (unsigned i = 0; i < n; i++)
            xs_ring->req[MASK_XENSTORE_IDX(prod + i)] = *from++;
        smp_mb();
        READ_ONCE(xs_ring->req_prod) = prod + n;
        len -= n;
        xs_kick();
    }
    return true;
}

static bool get(void *data, unsigned len)
{
    char *to = data;

    while (len) {
        uint32_t cons = xs_ring->rsp_cons;
        if (!wait_for(READ_ONCE(xs_ring->rsp_prod) != cons, 10 * S))
            return false;
        smp_mb();
        unsigned have = READ_ONCE(xs_ring->rsp_prod) - cons, n = have < len ? have : len;
        for (unsigned i = 0; i < n; i++) {
            char c = xs_ring->rsp[MASK_XENSTORE_IDX(cons + i)];
            if (to)
                *to++ = c;
        }
        smp_mb();
        READ_ONCE(xs_ring->rsp_cons) = cons + n;
        len -= n;
        xs_kick();
    }
    return true;
}

bool xs_get(struct xsd_sockmsg *h, char *buf, unsigned size)
{
    if (!get(h, sizeof(*h)))
        return false;
    unsigned keep = h->len < size - 1 ? h->len : size - 1;
    buf[keep] = 0;
    return get(buf, keep) && get(NULL, h->len - keep);
}

int xs_ask(uint32_t type, uint32_t txn, const void *payload, unsigned len)
{
    static uint32_t id;
    struct xsd_sockmsg h = {.type = type, .req_id = ++id, .tx_id = txn, .len = len};

    if (!xs_put(&h, sizeof(h)) || !xs_put(payload, len))
        return -2;
    do {
        if (!xs_get(&h, xs_answer, sizeof(xs_answer)))
            return -2;
    } while (h.type == XS_WATCH_EVENT || h.req_id != id);
    return h.type == XS_ERROR ? -1 : (int)h.len;
}

const char *xs_read(const char *dir, const char *key)
{
    char path[200];
    unsigned n = format(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", key);

    return xs_ask(XS_READ, 0, path, n + 1) >= 0 ? xs_answer : NULL;
}

bool xs_write(const char *dir, const char *key, const char *fmt, ...)
{
    char text[500];
    unsigned n = format(text, 200, "%s%s%s", dir, *dir ? "/" : "", key) + 1;
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    n += vformat(text + n, sizeof(text) - n, fmt, ap);
    __builtin_va_end(ap);
    return xs_ask(XS_WRITE, 0, text, n) >= 0;
}
