/*
 * memory_op of a PV guest: giving frames back, getting frames, the memory map, where the M2P is. A
 * frame that the guest gave back stays its own (D4: frames keep their numbers) and is only marked;
 * the host is told, so that it can use the memory meanwhile.
 */
#include "emu/emu.h"

#include <xen/memory.h>

#define MAX_ORDER 9

struct extents {
    uint64_t list; /* guest address of xen_pfn_t[] */
    uint64_t count;
    uint32_t order;
    domid_t dom;
};

static bool is_self(domid_t dom)
{
    return dom == DOMID_SELF || dom == 1;
}


static int fetch_reservation(uint64_t at, struct extents *e)
{
    if (emu.pae32) {
        struct {
            uint32_t list, count, order, flags;
            domid_t dom, pad;
        } r32;
        if (copy_from_guest(&r32, at, sizeof(r32)))
            return -XEN_EFAULT;
        *e = (struct extents){r32.list, r32.count, r32.order, r32.dom};
        return 0;
    }
    struct xen_memory_reservation r;
    if (copy_from_guest(&r, at, sizeof(r)))
        return -XEN_EFAULT;
    *e = (struct extents){(uint64_t)r.extent_start.p, r.nr_extents, r.extent_order, r.domid};
    return 0;
}

static int get_pfn(const struct extents *e, uint64_t i, uint64_t *ret)
{
    size_t size = emu.pae32 ? 4 : 8;

    *ret = 0;
    return copy_from_guest(ret, e->list + i * size, size);
}

static int put_pfn(const struct extents *e, uint64_t i, uint64_t pfn)
{
    size_t size = emu.pae32 ? 4 : 8;

    return copy_to_guest(e->list + i * size, &pfn, size);
}

static void m2p_set(uint64_t mfn, uint64_t pfn)
{
    if (emu.pae32)
        ((uint32_t *)emu.m2p)[mfn] = (uint32_t)pfn;
    else
        emu.m2p[mfn] = pfn;
}

static bool is_guest_frame(uint64_t mfn)
{
    return mfn >= emu.boot->guest_first_mfn && mfn < emu.boot->guest_end_mfn &&
           maddr_is_ram(mfn << PAGE_SHIFT);
}

static bool release(uint64_t mfn, unsigned order)
{
    for (uint64_t i = 0; i < 1ull << order; i++) {
        if (!is_guest_frame(mfn + i) || (emu.frame_info[mfn + i] & FRAME_RELEASED))
            return false;
    }
    for (uint64_t i = 0; i < 1ull << order; i++) {
        emu.frame_info[mfn + i] = FRAME_RELEASED;
        m2p_set(mfn + i, ~0ull);
        memset(direct((mfn + i) << PAGE_SHIFT), 0, PAGE_SIZE);
    }
    emu.nr_pages_now -= 1ull << order;
    return true;
}

/* First fit. The marks are few (a balloon's worth), the search starts where the last one ended. */
static bool take(unsigned order, uint64_t *ret)
{
    uint64_t n = 1ull << order, run = 0;

    for (uint64_t mfn = emu.boot->guest_first_mfn; mfn < emu.boot->guest_end_mfn; mfn++) {
        run = is_guest_frame(mfn) && (emu.frame_info[mfn] & FRAME_RELEASED) ? run + 1 : 0;
        if (run == n) {
            *ret = mfn - n + 1;
            for (uint64_t i = 0; i < n; i++)
                emu.frame_info[*ret + i] = 0;
            emu.nr_pages_now += n;
            return true;
        }
    }
    return false;
}

/* The three reservation calls return how many extents were done. */
static int64_t decrease(struct vcpu *v, const struct extents *e)
{
    uint64_t done;

    for (done = 0; done < e->count; done++) {
        uint64_t mfn;
        if (get_pfn(e, done, &mfn) || !release(mfn, e->order))
            break;
        struct emu_frames f = {mfn, 1ull << e->order};
        hostcall(v, EMU_HOSTCALL_RELEASE, 0, &f, sizeof(f));
    }
    return (int64_t)done;
}

static int64_t increase(const struct extents *e, bool physmap)
{
    uint64_t done;

    for (done = 0; done < e->count; done++) {
        uint64_t pfn = ~0ull, mfn;
        if (physmap && get_pfn(e, done, &pfn))
            break;
        if (!take(e->order, &mfn))
            break;
        for (uint64_t i = 0; i < 1ull << e->order && physmap; i++)
            m2p_set(mfn + i, pfn + i);
        if (e->list && put_pfn(e, done, mfn))
            break;
    }
    return (int64_t)done;
}

static int64_t reservation(struct vcpu *v, unsigned op, uint64_t at)
{
    struct extents e;
    int64_t rc;

    if (fetch_reservation(at, &e))
        return -XEN_EFAULT;
    if (!is_self(e.dom))
        return -XEN_ESRCH;
    if (e.order > MAX_ORDER)
        return 0;
    spin_lock(&emu.memory_lock);
    rc = op == XENMEM_decrease_reservation ? decrease(v, &e)
                                           : increase(&e, op == XENMEM_populate_physmap);
    spin_unlock(&emu.memory_lock);
    return rc;
}

/* Gives the in-extents back and takes the out-extents, whose pfns are in the out list. */
static int64_t exchange(uint64_t at)
{
    struct xen_memory_exchange ex;
    struct extents in, out;
    uint64_t nr = 0;
    int64_t rc = 0;

    if (emu.pae32 || copy_from_guest(&ex, at, sizeof(ex)))
        return emu.pae32 ? -XEN_ENOSYS : -XEN_EFAULT;
    in = (struct extents){(uint64_t)ex.in.extent_start.p, ex.in.nr_extents, ex.in.extent_order,
                          ex.in.domid};
    out = (struct extents){(uint64_t)ex.out.extent_start.p, ex.out.nr_extents, ex.out.extent_order,
                           ex.out.domid};
    if (!is_self(in.dom) || !is_self(out.dom))
        return -XEN_EPERM;
    if (in.order > MAX_ORDER || out.order > MAX_ORDER || ex.nr_exchanged > in.count ||
        in.count << in.order != out.count << out.order || (ex.nr_exchanged && in.count))
        return -XEN_EINVAL;
    spin_lock(&emu.memory_lock);
    for (uint64_t i = 0; i < in.count && rc == 0; i++) {
        uint64_t mfn;
        if (get_pfn(&in, i, &mfn))
            rc = -XEN_EFAULT;
        else if (!release(mfn, in.order))
            rc = -XEN_EINVAL;
        else
            nr++;
    }
    for (uint64_t i = 0; i < out.count && rc == 0; i++) {
        uint64_t pfn, mfn;
        if (get_pfn(&out, i, &pfn))
            rc = -XEN_EFAULT;
        else if (!take(out.order, &mfn))
            rc = -XEN_ENOMEM;
        else {
            for (uint64_t k = 0; k < 1ull << out.order; k++)
                m2p_set(mfn + k, pfn + k);
            if (put_pfn(&out, i, mfn))
                rc = -XEN_EFAULT;
        }
    }
    spin_unlock(&emu.memory_lock);
    if (copy_to_guest(at + offsetof(struct xen_memory_exchange, nr_exchanged), &nr, sizeof(nr)))
        return -XEN_EFAULT;
    return rc;
}

static int64_t memory_map(uint64_t at)
{
    struct {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) e820 = {0, emu.max_pages << PAGE_SHIFT, 1};
    struct xen_memory_map map = {0};

    if (copy_from_guest(&map, at, emu.pae32 ? 8 : sizeof(map)))
        return -XEN_EFAULT;
    uint64_t buffer = emu.pae32 ? *((uint32_t *)&map + 1) : (uint64_t)map.buffer.p;
    if (map.nr_entries == 0)
        return -XEN_EINVAL;
    map.nr_entries = 1;
    if (copy_to_guest(buffer, &e820, sizeof(e820)) || copy_to_guest(at, &map.nr_entries, 4))
        return -XEN_EFAULT;
    return 0;
}

static int64_t machphys_mapping(uint64_t at)
{
    uint64_t m[3] = {EMU_M2P_VA, EMU_M2P_VA + emu.boot->m2p_bytes, emu.boot->guest_end_mfn - 1};

    if (emu.pae32) {
        uint32_t m32[3] = {EMU_PAE_M2P_VA, 0xfffff000u, (uint32_t)m[2]};
        return copy_to_guest(at, m32, sizeof(m32));
    }
    return copy_to_guest(at, m, sizeof(m));
}

/* One frame number for each 2 MiB of the M2P. */
static int64_t machphys_mfn_list(uint64_t at)
{
    struct xen_machphys_mfn_list list = {0};
    uint64_t total = (emu.boot->m2p_bytes + 0x1fffff) >> 21;

    if (copy_from_guest(&list, at, emu.pae32 ? 12 : sizeof(list)))
        return -XEN_EFAULT;
    struct extents e = {emu.pae32 ? *((uint32_t *)&list + 1) : (uint64_t)list.extent_start.p, 0, 0,
                        0};
    uint32_t n = (uint32_t)MIN(list.max_extents, total);
    for (uint32_t i = 0; i < n; i++) {
        if (put_pfn(&e, i, (emu.boot->m2p_maddr >> PAGE_SHIFT) + i * 512))
            return -XEN_EFAULT;
    }
    uint64_t offset = emu.pae32 ? 8 : offsetof(struct xen_machphys_mfn_list, nr_extents);
    return copy_to_guest(at + offset, &n, sizeof(n));
}

static int64_t domid_query(uint64_t at, uint64_t answer)
{
    domid_t dom;

    if (copy_from_guest(&dom, at, sizeof(dom)))
        return -XEN_EFAULT;
    return is_self(dom) ? (int64_t)answer : -XEN_ESRCH;
}

HYPERCALL(do_memory_op)
{
    switch (a[0] & 63) { /* MEMOP_CMD_MASK: the rest is a start extent */
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return reservation(v, a[0] & 63, a[1]);
    case XENMEM_exchange:
        return exchange(a[1]);
    case XENMEM_maximum_ram_page:
        return (int64_t)emu.boot->guest_end_mfn - 1;
    case XENMEM_current_reservation:
        return domid_query(a[1], emu.nr_pages_now);
    case XENMEM_maximum_reservation:
        return domid_query(a[1], emu.max_pages);
    case XENMEM_maximum_gpfn:
        return domid_query(a[1], emu.max_pages - 1);
    case XENMEM_memory_map:
        return memory_map(a[1]);
    case XENMEM_machphys_mapping:
        return machphys_mapping(a[1]);
    case XENMEM_machphys_mfn_list:
        return machphys_mfn_list(a[1]);
    case XENMEM_machine_memory_map:
    case XENMEM_set_memory_map:
        return -XEN_EPERM;
    case XENMEM_add_to_physmap:
    case XENMEM_add_to_physmap_batch:
    case XENMEM_remove_from_physmap:
        return -XEN_EINVAL; /* for translated guests */
    default:
        return -XEN_ENOSYS;
    }
}
