#include "device_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

void *device_guest_frame(struct device_guest *g, uint64_t frame)
{
    return guest_frame(g->mem, mfn(frame));
}

static void *vcpu_info_of(void *opaque, unsigned vcpu)
{
    return device_guest_frame(opaque, GUEST_SHARED_INFO);
}

static void no_kick(void *opaque, unsigned vcpu)
{
}

static void on_message(void *opaque, const struct xsd_sockmsg *h, const void *payload)
{
}

void device_guest_init(struct device_guest *g, uint64_t bytes)
{
    g->mem = guest_mem_new(bytes, 0, NULL);
    uint8_t *info = device_guest_frame(g, GUEST_SHARED_INFO);
    g->shared = device_guest_frame(g, GUEST_GRANTS);
    *g->shared = (struct emu_gnttab){.version = 1, .nr_frames = 1, .frame = {GUEST_TABLE << FRAME_SHIFT}};
    const struct gnttab_config grants = {.mem = g->mem, .shared = g->shared, .first_mfn = mfn(GUEST_FIRST)};
    const struct evtchn_config events = {
        .shared = g->ports, .host_pending = g->host_pending,
        .bits = {.pending = info + evtchn_2l_pending_offset(false),
                 .mask = info + evtchn_2l_mask_offset(false)},
        .nr_vcpus = 1, .vcpu_info = vcpu_info_of, .kick = no_kick, .opaque = g,
    };
    g->evtchn = evtchn_new(&events);
    g->gnttab = gnttab_new(&grants);
    g->store = store_new();
    g->conn = store_connect(g->store, GUEST_DOMID, on_message, g);
    g->host = local_host_new(g->mem, g->evtchn, g->gnttab, g->store);
}

void device_guest_done(struct device_guest *g)
{
    assert_int_equal(gnttab_mapped(g->gnttab), 0);
    local_host_free(g->host);
    store_disconnect(g->conn);
    store_free(g->store);
    gnttab_free(g->gnttab);
    evtchn_free(g->evtchn);
    guest_mem_free(g->mem);
}
