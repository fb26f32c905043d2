/*
 * The bits of a 2-level event channel in the guest's shared_info (Xen's event_channel.h, xen.h).
 * Dual use: emu and the host set them with the same code, so the order is written down once.
 *
 * Order, sender:  pending[port] := 1;  unless masked: pending_sel[word] := 1;  upcall_pending := 1;
 *                 then read upcall_mask. Order, guest: upcall_mask := 0; then read upcall_pending.
 * Every step is a full barrier (locked operations, xchg), so at least one of the two sees the other,
 * and a sender that saw the mask set need not interrupt a running vCPU.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

struct evtchn_2l {
    /* 64-bit or 32-bit words; a 32-bit guest's arrays are half as large, and so is its port range. */
    void *pending, *mask;
    bool is32;
};

static inline unsigned evtchn_2l_ports(const struct evtchn_2l *e)
{
    return e->is32 ? 32 * 32 : 64 * 64;
}

/* Offsets in struct shared_info: after 32 struct vcpu_info of 64 bytes each, of either width. */
static inline unsigned evtchn_2l_pending_offset(bool is32)
{
    return 32 * 64;
}

static inline unsigned evtchn_2l_mask_offset(bool is32)
{
    return 32 * 64 + (is32 ? 32 * 4 : 64 * 8);
}

static inline bool evtchn_2l_set_bit(void *bits, unsigned n)
{
    uint32_t *word = (uint32_t *)bits + n / 32;
    uint32_t bit = 1u << (n % 32);

    return (__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static inline bool evtchn_2l_clear_bit(void *bits, unsigned n)
{
    uint32_t *word = (uint32_t *)bits + n / 32;
    uint32_t bit = 1u << (n % 32);

    return (__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static inline bool evtchn_2l_test_bit(const void *bits, unsigned n)
{
    const uint32_t *word = (const uint32_t *)bits + n / 32;

    return (__atomic_load_n(word, __ATOMIC_SEQ_CST) & (1u << (n % 32))) != 0;
}

/*
 * The fields of struct vcpu_info that a sender touches. They sit at the same offsets for 32 and 64
 * bits: pending, mask, (padding), then the selector word of the guest's own size.
 */
struct evtchn_2l_vcpu {
    uint8_t *upcall_pending, *upcall_mask;
    void *pending_sel;
};

static inline struct evtchn_2l_vcpu evtchn_2l_vcpu(void *vcpu_info, bool is32)
{
    uint8_t *p = vcpu_info;

    return (struct evtchn_2l_vcpu){p, p + 1, p + (is32 ? 4 : 8)};
}

/* Marks the vCPU; true when it was not pending before. */
static inline bool evtchn_2l_mark_vcpu(const struct evtchn_2l_vcpu *v)
{
    return __atomic_exchange_n(v->upcall_pending, 1, __ATOMIC_SEQ_CST) == 0;
}

/*
 * Raises port at its vCPU. True when the vCPU must be told: it was not pending yet, and either it
 * takes upcalls now or it may be blocked (the caller knows).
 */
static inline bool evtchn_2l_raise(const struct evtchn_2l *e, const struct evtchn_2l_vcpu *v,
                                   unsigned port)
{
    if (evtchn_2l_set_bit(e->pending, port) || evtchn_2l_test_bit(e->mask, port))
        return false;
    if (evtchn_2l_set_bit(v->pending_sel, port / (e->is32 ? 32 : 64)))
        return false;
    return evtchn_2l_mark_vcpu(v);
}

/* EVTCHNOP_unmask: clears the mask and raises again what was pending meanwhile. Result as above. */
static inline bool evtchn_2l_unmask(const struct evtchn_2l *e, const struct evtchn_2l_vcpu *v,
                                    unsigned port)
{
    if (!evtchn_2l_clear_bit(e->mask, port) || !evtchn_2l_test_bit(e->pending, port))
        return false;
    if (evtchn_2l_set_bit(v->pending_sel, port / (e->is32 ? 32 : 64)))
        return false;
    return evtchn_2l_mark_vcpu(v);
}
