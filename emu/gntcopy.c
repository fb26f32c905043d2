/*
 * GNTTABOP_copy and GNTTABOP_swap_grant_ref among a guest's own frames and grants: what loopback
 * devices inside one domain use. Grants of other domains are refused: domain 0 offers none.
 */
#include "emu/emu.h"

#include <xen/grant_table.h>

#define DOMID_GUEST 1

static uint32_t nr_entries(void)
{
    return emu.gnttab->nr_frames * (PAGE_SIZE / (emu.gnttab->version == 2 ? 16 : 8));
}

/* The entry of ref, which there is; the guest may write to it meanwhile. */
static void *entry_of(grant_ref_t ref)
{
    size_t size = emu.gnttab->version == 2 ? 16 : 8, per_frame = PAGE_SIZE / size;

    return (uint8_t *)direct(emu.gnttab->frame[ref / per_frame]) + ref % per_frame * size;
}

/* The frame that a grant allows the guest itself to use, whole; GNTST_*. */
static int16_t granted_frame(grant_ref_t ref, bool write, uint64_t *ret_mfn)
{
    if (ref >= nr_entries())
        return GNTST_bad_gntref;
    uint8_t *e = entry_of(ref);
    uint16_t flags = *(volatile uint16_t *)e, domid = *(volatile uint16_t *)(e + 2);

    *ret_mfn = emu.gnttab->version == 2 ? *(volatile uint64_t *)(e + 8)
                                        : *(volatile uint32_t *)(e + 4);
    if ((flags & GTF_type_mask) != GTF_permit_access || domid != DOMID_GUEST ||
        (flags & GTF_sub_page) || (write && (flags & GTF_readonly)))
        return GNTST_general_error;
    return GNTST_okay;
}

static int16_t find_frame(const struct gnttab_copy_ptr *p, bool by_ref, bool write,
                          uint64_t *ret_mfn)
{
    int16_t status;

    if (!by_ref && p->domid != DOMID_SELF)
        return GNTST_permission_denied;
    if (p->domid != DOMID_SELF && p->domid != DOMID_GUEST)
        return p->domid == 0 ? GNTST_permission_denied : GNTST_bad_domain;
    if (by_ref) {
        status = granted_frame(p->u.ref, write, ret_mfn);
        if (status != GNTST_okay)
            return status;
    } else {
        *ret_mfn = p->u.gmfn;
    }
    if (!is_guest_frame(*ret_mfn))
        return GNTST_bad_page;
    return write && !is_plain_frame(*ret_mfn) ? GNTST_general_error : GNTST_okay;
}

static int16_t copy_one(const struct gnttab_copy *op)
{
    uint64_t from, to;
    int16_t status = find_frame(&op->source, op->flags & GNTCOPY_source_gref, false, &from);

    if (status == GNTST_okay)
        status = find_frame(&op->dest, op->flags & GNTCOPY_dest_gref, true, &to);
    if (status != GNTST_okay)
        return status;
    if (op->source.offset + (uint32_t)op->len > PAGE_SIZE ||
        op->dest.offset + (uint32_t)op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    memcpy((uint8_t *)direct(to << PAGE_SHIFT) + op->dest.offset,
           (uint8_t *)direct(from << PAGE_SHIFT) + op->source.offset, op->len);
    return GNTST_okay;
}

/* The 32-bit structure has shorter frame numbers. */
static int fetch_copy(uint64_t at, struct gnttab_copy *op)
{
    struct ptr32 {
        uint32_t u;
        domid_t domid;
        uint16_t offset;
    };
    struct {
        struct ptr32 source, dest;
        uint16_t len, flags;
        int16_t status;
    } op32;

    if (!emu.pae32)
        return copy_from_guest(op, at, sizeof(*op));
    if (copy_from_guest(&op32, at, sizeof(op32)))
        return -XEN_EFAULT;
    *op = (struct gnttab_copy){
        .source = {.u.gmfn = op32.source.u, op32.source.domid, op32.source.offset},
        .dest = {.u.gmfn = op32.dest.u, op32.dest.domid, op32.dest.offset},
        .len = op32.len,
        .flags = op32.flags};
    return 0;
}

int64_t gnttab_copy(uint64_t at, uint32_t count)
{
    size_t size = emu.pae32 ? 24 : sizeof(struct gnttab_copy);
    size_t status_at = emu.pae32 ? 20 : offsetof(struct gnttab_copy, status);

    for (uint32_t i = 0; i < count; i++, at += size) {
        struct gnttab_copy op;
        if (fetch_copy(at, &op))
            return -XEN_EFAULT;
        int16_t status = copy_one(&op);
        if (copy_to_guest(at + status_at, &status, sizeof(status)))
            return -XEN_EFAULT;
    }
    return 0;
}

static int16_t swap_one(const struct gnttab_swap_grant_ref *op)
{
    size_t size = emu.gnttab->version == 2 ? 16 : 8;
    uint8_t a[16], *at_a, *at_b;

    if (op->ref_a >= nr_entries() || op->ref_b >= nr_entries())
        return GNTST_bad_gntref;
    at_a = entry_of(op->ref_a);
    at_b = entry_of(op->ref_b);
    /* in use by a backend: the words that say so are in the entry or the status frame */
    if (emu.gnttab->version == 1 &&
        ((*(uint16_t *)at_a | *(uint16_t *)at_b) & (GTF_reading | GTF_writing)))
        return GNTST_eagain;
    if (at_a == at_b)
        return GNTST_okay;
    memcpy(a, at_a, size);
    memcpy(at_a, at_b, size);
    memcpy(at_b, a, size);
    return GNTST_okay;
}

int64_t gnttab_swap(uint64_t at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, at += sizeof(struct gnttab_swap_grant_ref)) {
        struct gnttab_swap_grant_ref op;
        if (copy_from_guest(&op, at, sizeof(op)))
            return -XEN_EFAULT;
        op.status = swap_one(&op);
        if (copy_to_guest(at, &op, sizeof(op)))
            return -XEN_EFAULT;
    }
    return 0;
}
