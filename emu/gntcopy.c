/*
 * GNTTABOP_copy and GNTTABOP_swap_grant_ref among a guest's own frames and grants: what loopback
 * devices inside one domain use. Grants of other domains are refused: domain 0 offers none.
 */
#include "emu/emu.h"

#include <xen/grant_table.h>

#define DOMID_GUEST 1

bool gnttab_is_self(domid_t dom)
{
    return dom == DOMID_SELF || dom == DOMID_GUEST;
}

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

/* What a side of a copy may touch: this of that frame. */
struct piece {
    uint64_t mfn;
    uint32_t start, end;
};

/*
 * What a grant allows the guest itself to use; GNTST_*. A transitive one leads on to another domain's
 * table, once and never back to the one that it is in: with domain 0, which offers nothing, as the only
 * other, none of them leads to a frame.
 */
static int16_t granted(grant_ref_t ref, bool write, struct piece *ret)
{
    if (ref >= nr_entries())
        return GNTST_bad_gntref;
    uint8_t *e = entry_of(ref);
    uint16_t flags = *(volatile uint16_t *)e, domid = *(volatile uint16_t *)(e + 2);
    uint16_t offset = *(volatile uint16_t *)(e + 4), length = *(volatile uint16_t *)(e + 6);

    if ((flags & GTF_type_mask) != GTF_permit_access || domid != DOMID_GUEST ||
        (write && (flags & GTF_readonly)))
        return GNTST_general_error;
    *ret = (struct piece){.end = PAGE_SIZE};
    if (emu.gnttab->version == 2) {
        ret->mfn = *(volatile uint64_t *)(e + 8);
        if (flags & GTF_sub_page) {
            ret->start = offset;
            ret->end = offset + (uint32_t)length;
        }
    } else {
        ret->mfn = *(volatile uint32_t *)(e + 4);
    }
    return GNTST_okay;
}

static int16_t check_domain(const struct gnttab_copy_ptr *p, bool by_ref)
{
    if (!by_ref && p->domid != DOMID_SELF)
        return GNTST_permission_denied;
    return gnttab_is_self(p->domid) || p->domid == 0 ? GNTST_okay : GNTST_bad_domain;
}

static int16_t find_piece(const struct gnttab_copy_ptr *p, bool by_ref, bool write,
                          struct piece *ret)
{
    int16_t status = GNTST_okay;

    if (by_ref && !gnttab_is_self(p->domid))
        return GNTST_bad_gntref; /* domain 0 grants nothing: its table is empty */
    if (by_ref)
        status = granted(p->u.ref, write, ret);
    else
        *ret = (struct piece){p->u.gmfn, 0, PAGE_SIZE};
    if (status != GNTST_okay)
        return status;
    if (!is_guest_frame(ret->mfn))
        return GNTST_bad_page;
    return write && !is_plain_frame(ret->mfn) ? GNTST_general_error : GNTST_okay;
}

static bool inside(const struct gnttab_copy_ptr *p, uint32_t len, const struct piece *piece)
{
    return p->offset >= piece->start && p->offset + len <= piece->end;
}

/* The checks in Xen's order, so that of several mistakes the same one is told. */
static int16_t copy_one(const struct gnttab_copy *op)
{
    bool from_ref = op->flags & GNTCOPY_source_gref, to_ref = op->flags & GNTCOPY_dest_gref;
    struct piece from, to;
    int16_t status = check_domain(&op->source, from_ref);

    if (status == GNTST_okay)
        status = check_domain(&op->dest, to_ref);
    if (status == GNTST_okay)
        status = find_piece(&op->source, from_ref, false, &from);
    if (status == GNTST_okay)
        status = find_piece(&op->dest, to_ref, true, &to);
    if (status != GNTST_okay)
        return status;
    if (op->source.offset + (uint32_t)op->len > PAGE_SIZE ||
        op->dest.offset + (uint32_t)op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    if (!inside(&op->source, op->len, &from) || !inside(&op->dest, op->len, &to))
        return GNTST_general_error;
    memcpy((uint8_t *)direct(to.mfn << PAGE_SHIFT) + op->dest.offset,
           (uint8_t *)direct(from.mfn << PAGE_SHIFT) + op->source.offset, op->len);
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

static uint16_t *status_of(grant_ref_t ref)
{
    const size_t per_frame = PAGE_SIZE / sizeof(grant_status_t);

    return (uint16_t *)direct(emu.gnttab->status[ref / per_frame]) + ref % per_frame;
}

/*
 * Whether a backend uses the entry, by the marks that it leaves for the guest. The guest may write to
 * them too, and fools only itself: what is mapped stays what it was.
 */
static bool in_use(grant_ref_t ref)
{
    uint16_t *marks = emu.gnttab->version == 2 ? status_of(ref) : entry_of(ref);

    return __atomic_load_n(marks, __ATOMIC_SEQ_CST) & (GTF_reading | GTF_writing);
}

bool gnttab_in_use(uint32_t first)
{
    for (uint32_t i = first; i < nr_entries(); i++) {
        if (in_use(i))
            return true;
    }
    return false;
}

static int16_t swap_one(const struct gnttab_swap_grant_ref *op)
{
    size_t size = emu.gnttab->version == 2 ? 16 : 8;
    uint8_t a[16], *at_a, *at_b;

    if (op->ref_a >= nr_entries() || op->ref_b >= nr_entries())
        return GNTST_bad_gntref;
    if (op->ref_a == op->ref_b)
        return GNTST_okay;
    if (in_use(op->ref_a) || in_use(op->ref_b))
        return GNTST_eagain;
    at_a = entry_of(op->ref_a);
    at_b = entry_of(op->ref_b);
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
