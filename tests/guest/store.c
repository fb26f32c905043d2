#include "store.h"
#include "event.h"
#include "mem.h"

#include <xen/io/xs_wire.h>

static struct xenstore_domain_interface *ring;

void store_init(void)
{
    ring = va_of_mfn(start_info->store_mfn);
    port_mask(start_info->store_evtchn, true);
}

static void put(const void *data, unsigned len)
{
    const char *from = data;

    while (len--) {
        port_wait(start_info->store_evtchn, ring->req_prod - READ_ONCE(ring->req_cons) < XENSTORE_RING_SIZE);
        smp_mb();
        ring->req[MASK_XENSTORE_IDX(ring->req_prod)] = *from++;
        barrier();
        ring->req_prod++;
    }
}

/* What does not fit into buf is read and forgotten. */
static void get(void *buf, unsigned size, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        port_wait(start_info->store_evtchn, READ_ONCE(ring->rsp_prod) != ring->rsp_cons);
        smp_mb();
        char c = ring->rsp[MASK_XENSTORE_IDX(ring->rsp_cons)];
        if (i < size)
            ((char *)buf)[i] = c;
        barrier();
        ring->rsp_cons++;
    }
    port_send(start_info->store_evtchn);
}

/* The length of the answer; its type in *type. */
static unsigned request(uint32_t *type, const char *path, const char *value, char *buf, unsigned size)
{
    struct xsd_sockmsg m = {.type = *type, .len = (uint32_t)(strlen(path) + 1 + (value ? strlen(value) : 0))};

    put(&m, sizeof(m));
    put(path, (unsigned)strlen(path) + 1);
    if (value)
        put(value, (unsigned)strlen(value));
    port_send(start_info->store_evtchn);
    get(&m, sizeof(m), sizeof(m));
    get(buf, size, m.len);
    *type = m.type;
    return m.len;
}

void store_write(const char *path, const char *value)
{
    uint32_t type = XS_WRITE;
    char buf[64];

    request(&type, path, value, buf, sizeof(buf));
    if (type != XS_WRITE)
        bail_out("xenstore: %s can't be written", path);
}

bool store_read(const char *path, char *buf, unsigned size)
{
    uint32_t type = XS_READ;
    unsigned len = request(&type, path, NULL, buf, size - 1);

    buf[len < size ? len : size - 1] = '\0';
    return type == XS_READ;
}
