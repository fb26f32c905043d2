/* mmuext_op: base pointers, pins, flushes, the LDT, and clearing and copying frames. */
#include "emu/emu.h"

/* The 32-bit layout widened, so that one switch serves both. */
static int fetch_op(uint64_t at, unsigned i, struct mmuext_op *op)
{
    if (!emu.pae32)
        return copy_from_guest(op, at + i * sizeof(*op), sizeof(*op));
    struct {
        uint32_t cmd, arg1, arg2;
    } op32;
    if (copy_from_guest(&op32, at + i * sizeof(op32), sizeof(op32)))
        return -XEN_EFAULT;
    op->cmd = op32.cmd;
    op->arg1.mfn = op32.arg1;
    op->arg2.src_mfn = op32.arg2;
    return 0;
}

static int flush_mask(uint64_t bitmap, uint64_t *ret)
{
    uint64_t all = emu.nr_vcpus == 64 ? ~0ull : (1ull << emu.nr_vcpus) - 1;

    *ret = 0;
    if (copy_from_guest(ret, bitmap, (emu.nr_vcpus + 7) / 8))
        return -XEN_EINVAL;
    *ret &= all;
    return 0;
}

static int pin(struct mmuext_op *op, unsigned level)
{
    uint64_t mfn = op->arg1.mfn, maddr = mfn << PAGE_SHIFT;

    if (!is_guest_frame(mfn) || (emu.pae32 && level == 4) || (emu.frame_info[mfn] & FRAME_PINNED))
        return -XEN_EINVAL;
    if (level == 4 && !pt_is_root(mfn))
        pt_clear_emu_slots(maddr);
    pt_mark_tree(maddr, level);
    emu.frame_info[mfn] |= FRAME_PINNED;
    return 0;
}

/* The frame remains a table for emu until it is mapped writable: what else refers to it is not known. */
static int unpin(uint64_t mfn)
{
    if (!is_guest_frame(mfn) || !(emu.frame_info[mfn] & FRAME_PINNED))
        return -XEN_EINVAL;
    emu.frame_info[mfn] &= (uint8_t)~FRAME_PINNED;
    return 0;
}

static int new_baseptr(struct vcpu *v, uint64_t mfn)
{
    int rc = mmu_new_kernel_root(v, mfn << PAGE_SHIFT);

    if (rc == 0) {
        pt_mark_tree(mfn << PAGE_SHIFT, emu.pae32 ? 3 : 4);
        mmu_load_root(v);
    }
    return rc;
}

static int new_user_baseptr(struct vcpu *v, uint64_t mfn)
{
    uint64_t maddr = mfn << PAGE_SHIFT;

    if (emu.pae32)
        return -XEN_EINVAL;
    if (mfn && !is_guest_frame(mfn))
        return -XEN_EINVAL;
    if (mfn)
        pt_mark_tree(maddr, 4);
    v->user_root = maddr;
    if (emu.split)
        mmu_load_root(v);
    return 0;
}

/* Writable for whom it pleases: the guest's, and no page table. */
bool is_plain_frame(uint64_t mfn)
{
    return is_guest_frame(mfn) && !emu.frame_info[mfn];
}

static int copy_page(uint64_t to, uint64_t from)
{
    if (!is_plain_frame(to) || !is_guest_frame(from))
        return -XEN_EINVAL;
    guest_copy(direct(to << PAGE_SHIFT), direct(from << PAGE_SHIFT), PAGE_SIZE);
    return 0;
}

static int one_op(struct vcpu *v, struct mmuext_op *op)
{
    uint64_t mask, all = ~0ull;
    int rc;

    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
        return pin(op, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
    case MMUEXT_UNPIN_TABLE:
        return unpin(op->arg1.mfn);
    case MMUEXT_NEW_BASEPTR:
        return new_baseptr(v, op->arg1.mfn);
    case MMUEXT_NEW_USER_BASEPTR:
        return new_user_baseptr(v, op->arg1.mfn);
    case MMUEXT_TLB_FLUSH_LOCAL:
        flush_local_all(v);
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        invlpg(op->arg1.linear_addr);
        return 0;
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
        rc = flush_mask(op->arg2.src_mfn, &mask);
        if (rc == 0)
            flush_vcpus(v, mask, op->cmd == MMUEXT_INVLPG_MULTI ? op->arg1.linear_addr
                                                                : FLUSH_EVERYTHING);
        return rc;
    case MMUEXT_TLB_FLUSH_ALL:
    case MMUEXT_INVLPG_ALL:
        flush_vcpus(v, all, op->cmd == MMUEXT_INVLPG_ALL ? op->arg1.linear_addr : FLUSH_EVERYTHING);
        return 0;
    /* for who has a device that looks past the caches; Xen refuses the two in different words */
    case MMUEXT_FLUSH_CACHE:
        return -XEN_EACCES;
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return -XEN_EINVAL;
    case MMUEXT_SET_LDT:
        return segments_set_ldt(v, op->arg1.linear_addr, op->arg2.nr_ents);
    case MMUEXT_CLEAR_PAGE:
        if (!is_plain_frame(op->arg1.mfn))
            return -XEN_EINVAL;
        memset(direct(op->arg1.mfn << PAGE_SHIFT), 0, PAGE_SIZE);
        return 0;
    case MMUEXT_COPY_PAGE:
        return copy_page(op->arg1.mfn, op->arg2.src_mfn);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        return -XEN_EOPNOTSUPP;
    default:
        return -XEN_ENOSYS;
    }
}

HYPERCALL(do_mmuext_op)
{
    uint32_t count = (uint32_t)a[1] & 0x7fffffffu, done = 0;
    domid_t dom = (domid_t)a[3];
    int rc = 0;

    if (dom != DOMID_SELF && dom != 1)
        return dom == 0 ? -XEN_EPERM : -XEN_ESRCH;
    for (; done < count; done++) {
        struct mmuext_op op;
        rc = fetch_op(a[0], done, &op);
        if (rc == 0)
            rc = one_op(v, &op);
        if (rc < 0)
            break;
    }
    if (a[2])
        copy_to_guest(a[2], &done, sizeof(done)); /* Xen does not look whether it could */
    return rc;
}
