/*
 * grant_table_op of a guest that only offers grants: the frames of its table, versions 1 and 2. The
 * host reads the entries from the frames itself (xenner/host/gnttab.c), and learns from struct
 * emu_gnttab which they are. Mapping another domain's grants: there is no other domain with a
 * table.
 */
#include "emu/emu.h"

#include <xen/grant_table.h>

/* Of the operations that say so in their status: there is domain 0, which permits nothing. */
static int16_t domain_status(domid_t dom)
{
    return gnttab_is_self(dom) ? GNTST_okay : dom == 0 ? GNTST_permission_denied : GNTST_bad_domain;
}

/* The host may look at any time: first the frame, then the count that takes it in. */
static int grow(uint64_t *frames, uint32_t *have, uint32_t want)
{
    while (*have < want) {
        uint64_t maddr = scratch_alloc();
        if (!maddr)
            return -XEN_ENOMEM;
        frames[*have] = maddr;
        __atomic_store_n(have, *have + 1, __ATOMIC_RELEASE);
    }
    return 0;
}

/* A frame has 256 entries of version 2, or the status words of 2048 of them. */
static int grow_table(uint32_t frames, uint32_t version)
{
    struct emu_gnttab *t = emu.gnttab;

    if (version == 2 && grow(t->status, &t->nr_status, (frames + 7) / 8) < 0)
        return -XEN_ENOMEM;
    return grow(t->frame, &t->nr_frames, frames);
}

void gnttab_init(void)
{
    emu.gnttab = direct(emu.boot.gnttab_maddr);
    emu.gnttab->version = 1;
}

/* size: of an element. setup_table's are xen_pfn_t, get_status_frames' have always 64 bits. */
static int copy_frame_list(uint64_t list, size_t size, const uint64_t *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t mfn = frames[i] >> PAGE_SHIFT;
        if (copy_to_guest(list + i * size, &mfn, size))
            return -XEN_EFAULT;
    }
    return 0;
}

static int64_t setup_table(uint64_t at)
{
    struct gnttab_setup_table op = {0};

    if (emu.pae32 ? copy_from_guest(&op, at, 16) : copy_from_guest(&op, at, sizeof(op)))
        return -XEN_EFAULT;
    uint64_t list = emu.pae32 ? *((uint32_t *)&op + 3) : (uint64_t)op.frame_list.p;
    if (!gnttab_is_self(op.dom))
        op.status = domain_status(op.dom);
    else if (op.nr_frames > EMU_GNTTAB_FRAMES)
        op.status = GNTST_general_error;
    else if (grow_table(op.nr_frames ? op.nr_frames : 1, emu.gnttab->version) < 0)
        op.status = GNTST_no_device_space;
    else if (copy_frame_list(list, emu.pae32 ? 4 : 8, emu.gnttab->frame, op.nr_frames))
        op.status = GNTST_bad_virt_addr;
    else
        op.status = GNTST_okay;
    return copy_to_guest(at + offsetof(struct gnttab_setup_table, status), &op.status,
                         sizeof(op.status));
}

static int64_t query_size(uint64_t at)
{
    struct gnttab_query_size op;

    if (copy_from_guest(&op, at, sizeof(op)))
        return -XEN_EFAULT;
    op.status = domain_status(op.dom);
    if (op.status == GNTST_okay) {
        op.nr_frames = emu.gnttab->nr_frames;
        op.max_nr_frames = EMU_GNTTAB_FRAMES;
    }
    return copy_to_guest(at, &op, sizeof(op));
}

/*
 * The first entries are the toolstack's and survive a change of version; for those that version 1 has no
 * form for, there is none.
 */
static int save_reserved(struct grant_entry_v1 saved[GNTTAB_NR_RESERVED_ENTRIES])
{
    const struct emu_gnttab *t = emu.gnttab;

    if (!t->nr_frames) {
        memset(saved, 0, GNTTAB_NR_RESERVED_ENTRIES * sizeof(*saved));
        return 0;
    }
    if (t->version == 1) {
        memcpy(saved, direct(t->frame[0]), GNTTAB_NR_RESERVED_ENTRIES * sizeof(*saved));
        return 0;
    }
    const volatile union grant_entry_v2 *e = direct(t->frame[0]);
    const volatile grant_status_t *status = direct(t->status[0]);
    for (unsigned i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        uint16_t flags = e[i].hdr.flags, type = flags & GTF_type_mask;
        uint64_t frame = e[i].full_page.frame;
        if (type == GTF_transitive || (type == GTF_permit_access && frame >> 32))
            return -XEN_ERANGE;
        saved[i] = (struct grant_entry_v1){flags | status[i], e[i].hdr.domid, (uint32_t)frame};
    }
    return 0;
}

static void restore_reserved(const struct grant_entry_v1 saved[GNTTAB_NR_RESERVED_ENTRIES])
{
    const uint16_t marks = GTF_reading | GTF_writing;
    struct emu_gnttab *t = emu.gnttab;

    if (!t->nr_frames)
        return;
    if (t->version == 1) {
        memcpy(direct(t->frame[0]), saved, GNTTAB_NR_RESERVED_ENTRIES * sizeof(*saved));
        return;
    }
    union grant_entry_v2 *e = direct(t->frame[0]);
    grant_status_t *status = direct(t->status[0]);
    for (unsigned i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        e[i].full_page.hdr = (struct grant_entry_header){saved[i].flags & (uint16_t)~marks,
                                                         saved[i].domid};
        e[i].full_page.frame = saved[i].frame;
        status[i] = saved[i].flags & marks;
    }
}

/* Apart from the reserved entries the table starts empty in its new version. */
static int change_version(uint32_t version)
{
    struct grant_entry_v1 saved[GNTTAB_NR_RESERVED_ENTRIES];
    struct emu_gnttab *t = emu.gnttab;

    if (version != 1 && version != 2)
        return -XEN_EINVAL;
    if (version == t->version)
        return 0;
    if (gnttab_in_use(GNTTAB_NR_RESERVED_ENTRIES))
        return -XEN_EBUSY;
    if (grow_table(t->nr_frames ? t->nr_frames : 1, version) < 0)
        return -XEN_ENOMEM;
    int rc = save_reserved(saved);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < t->nr_frames; i++)
        memset(direct(t->frame[i]), 0, PAGE_SIZE);
    for (uint32_t i = 0; i < t->nr_status; i++)
        memset(direct(t->status[i]), 0, PAGE_SIZE);
    __atomic_store_n(&t->version, version, __ATOMIC_RELEASE);
    restore_reserved(saved);
    return 0;
}

/* Whatever comes of it, the guest learns which version it has. */
static int64_t set_version(uint64_t at)
{
    struct gnttab_set_version op;

    if (copy_from_guest(&op, at, sizeof(op)))
        return -XEN_EFAULT;
    int rc = change_version(op.version);
    op.version = emu.gnttab->version;
    return copy_to_guest(at, &op, sizeof(op)) ? -XEN_EFAULT : rc;
}

static int64_t get_version(uint64_t at)
{
    struct gnttab_get_version op;

    if (copy_from_guest(&op, at, sizeof(op)))
        return -XEN_EFAULT;
    if (!gnttab_is_self(op.dom))
        return op.dom == 0 ? -XEN_EPERM : -XEN_ESRCH;
    op.version = emu.gnttab->version;
    return copy_to_guest(at, &op, sizeof(op));
}

static int64_t get_status_frames(uint64_t at)
{
    struct gnttab_get_status_frames op;

    if (copy_from_guest(&op, at, emu.pae32 ? 12 : sizeof(op)))
        return -XEN_EFAULT;
    uint64_t list = emu.pae32 ? *((uint32_t *)&op + 2) : (uint64_t)op.frame_list.p;
    uint32_t have = emu.gnttab->version == 2 ? emu.gnttab->nr_status : 0;
    if (!gnttab_is_self(op.dom))
        op.status = domain_status(op.dom);
    else if (op.nr_frames > have)
        op.status = GNTST_general_error;
    else if (copy_frame_list(list, 8, emu.gnttab->status, op.nr_frames))
        op.status = GNTST_bad_virt_addr;
    else
        op.status = GNTST_okay;
    return copy_to_guest(at + offsetof(struct gnttab_get_status_frames, status), &op.status,
                         sizeof(op.status));
}

/* All caches are coherent: what is left are the answers to calls that make no sense. */
static int flush_one(const struct gnttab_cache_flush *op)
{
    if (op->offset >= PAGE_SIZE || op->offset + op->length > PAGE_SIZE ||
        (op->op & ~(GNTTAB_CACHE_INVAL | GNTTAB_CACHE_CLEAN)))
        return -XEN_EINVAL;
    if (!op->length || !op->op)
        return 0;
    if (!maddr_is_ram(op->a.dev_bus_addr))
        return -XEN_EINVAL;
    if (!is_guest_frame(op->a.dev_bus_addr >> PAGE_SHIFT))
        return -XEN_EPERM;
    return op->op & GNTTAB_CACHE_CLEAN ? 0 : -XEN_EOPNOTSUPP;
}

static int64_t cache_flush(uint64_t at, uint32_t count)
{
    struct gnttab_cache_flush op;

    for (uint32_t i = 0; i < count; i++, at += sizeof(op)) {
        if (copy_from_guest(&op, at, sizeof(op)))
            return -XEN_EFAULT;
        int rc = flush_one(&op);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Maps, unmaps and transfers name a domain that has no table for us. */
static int64_t refuse_each(uint64_t at, uint32_t count, size_t size, size_t status, int16_t code)
{
    for (uint32_t i = 0; i < count; i++) {
        if (copy_to_guest(at + i * size + status, &code, sizeof(code)))
            return -XEN_EFAULT;
    }
    return 0;
}

static int64_t single(int64_t (*op)(uint64_t at), uint64_t at, uint32_t count)
{
    if (count != 1)
        return -XEN_EINVAL;
    return op(at);
}

HYPERCALL(do_grant_table_op)
{
    uint32_t count = (uint32_t)a[2];
    int64_t rc;

    if ((int32_t)count < 0)
        return -XEN_EINVAL;
    spin_lock(&emu.gnttab_lock);
    switch ((uint32_t)a[0]) {
    case GNTTABOP_setup_table:
        rc = single(setup_table, a[1], count);
        break;
    case GNTTABOP_query_size:
        rc = single(query_size, a[1], count);
        break;
    case GNTTABOP_set_version:
        rc = single(set_version, a[1], count);
        break;
    case GNTTABOP_get_version:
        rc = get_version(a[1]); /* Xen does not look at how many */
        break;
    case GNTTABOP_get_status_frames:
        rc = single(get_status_frames, a[1], count);
        break;
    case GNTTABOP_map_grant_ref:
        rc = refuse_each(a[1], count, sizeof(struct gnttab_map_grant_ref),
                         offsetof(struct gnttab_map_grant_ref, status), GNTST_bad_domain);
        break;
    case GNTTABOP_unmap_and_replace:
        rc = refuse_each(a[1], count, sizeof(struct gnttab_unmap_and_replace),
                         offsetof(struct gnttab_unmap_and_replace, status), GNTST_bad_handle);
        break;
    case GNTTABOP_transfer:
        rc = refuse_each(a[1], count, emu.pae32 ? 16 : sizeof(struct gnttab_transfer),
                         emu.pae32 ? 12 : offsetof(struct gnttab_transfer, status),
                         GNTST_bad_domain);
        break;
    case GNTTABOP_unmap_grant_ref:
        rc = refuse_each(a[1], count, sizeof(struct gnttab_unmap_grant_ref),
                         offsetof(struct gnttab_unmap_grant_ref, status), GNTST_bad_handle);
        break;
    case GNTTABOP_copy:
        rc = gnttab_copy(a[1], count);
        break;
    case GNTTABOP_swap_grant_ref:
        rc = gnttab_swap(a[1], count);
        break;
    case GNTTABOP_cache_flush:
        rc = cache_flush(a[1], count);
        break;
    default:
        rc = -XEN_ENOSYS;
    }
    spin_unlock(&emu.gnttab_lock);
    return rc;
}
