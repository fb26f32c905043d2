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

/* A base pointer holds emu's own entries: it can't go while it is in use. */
static bool may_release(uint64_t mfn, unsigned order)
{
    for (uint64_t i = 0; i < 1ull << order; i++) {
        if (!is_guest_frame(mfn + i) || (emu.frame_info[mfn + i] & FRAME_RELEASED) ||
            pt_is_root(mfn + i))
            return false;
    }
    return true;
}

/* No released frame is below; under memory_lock. A balloon that shrinks asks for frame after frame. */
static uint64_t first_released = ~0ull;

static void mark_released(uint64_t mfn, unsigned order)
{
    memset(&emu.frame_info[mfn], FRAME_RELEASED, 1ull << order);
    first_released = MIN(first_released, mfn);
    emu.nr_pages_now -= 1ull << order;
}

static void m2p_forget(uint64_t mfn, unsigned order)
{
    for (uint64_t i = 0; i < 1ull << order; i++) {
        if (emu.frame_info[mfn + i] & FRAME_RELEASED)
            m2p_set(mfn + i, ~0ull);
    }
}

static void mark_taken(uint64_t mfn, unsigned order)
{
    memset(&emu.frame_info[mfn], 0, 1ull << order);
    emu.nr_pages_now += 1ull << order;
}

/* First fit, aligned as the allocator of Xen has it; the marks are few (a balloon's worth). */
static bool take(unsigned order, uint64_t *ret)
{
    uint64_t n = 1ull << order, end = emu.boot.guest_end_mfn;

    if (first_released >= end)
        return false;
    for (uint64_t mfn = (first_released + n - 1) & ~(n - 1); mfn + n <= end; mfn += n) {
        uint64_t i = 0;
        while (i < n && is_guest_frame(mfn + i) && (emu.frame_info[mfn + i] & FRAME_RELEASED))
            i++;
        if (i < n)
            continue;
        mark_taken(mfn, order);
        if (order == 0)
            first_released = mfn + 1;
        *ret = mfn;
        return true;
    }
    if (order == 0)
        first_released = ~0ull;
    return false;
}

static void clear_frames(uint64_t mfn, unsigned order)
{
    memset(direct(mfn << PAGE_SHIFT), 0, PAGE_SIZE << order);
}

/* Frames side by side go back to the host in one go: each call of it takes as long as many frames. */
static void give_back(struct vcpu *v, struct emu_frames *run)
{
    if (run->count)
        hostcall(v, EMU_HOSTCALL_RELEASE, 0, run, sizeof(*run));
    run->count = 0;
}

static void add_to_run(struct vcpu *v, struct emu_frames *run, uint64_t mfn, uint64_t n)
{
    if (run->count && mfn + n == run->first_mfn) {
        run->first_mfn = mfn;
        run->count += n;
        return;
    }
    if (run->count && mfn == run->first_mfn + run->count) {
        run->count += n;
        return;
    }
    give_back(v, run);
    *run = (struct emu_frames){mfn, n};
}

/*
 * The three reservation calls return how many extents are done, whatever is wrong with the rest. All of
 * it is under memory_lock: nobody gets a frame that is on its way to the host.
 */
static int64_t decrease(struct vcpu *v, const struct extents *e, uint64_t done)
{
    struct emu_frames run = {0, 0};

    for (; done < e->count; done++) {
        uint64_t mfn;
        if (get_pfn(e, done, &mfn) || !may_release(mfn, e->order))
            break;
        mark_released(mfn, e->order);
        m2p_forget(mfn, e->order);
        add_to_run(v, &run, mfn, 1ull << e->order);
    }
    give_back(v, &run);
    return (int64_t)done;
}

static int64_t increase(const struct extents *e, uint64_t done, bool physmap)
{
    for (; done < e->count; done++) {
        uint64_t pfn = ~0ull, mfn;
        if (physmap && get_pfn(e, done, &pfn))
            break;
        if (!take(e->order, &mfn))
            break;
        clear_frames(mfn, e->order);
        for (uint64_t i = 0; i < 1ull << e->order && physmap; i++)
            m2p_set(mfn + i, pfn + i);
        if (e->list && put_pfn(e, done, mfn))
            break;
    }
    return (int64_t)done;
}

static int64_t reservation(struct vcpu *v, unsigned op, uint64_t start, uint64_t at)
{
    struct extents e;
    int64_t rc;

    if (fetch_reservation(at, &e) || start >= e.count || !is_self(e.dom) || e.order > MAX_ORDER)
        return (int64_t)start;
    spin_lock(&emu.memory_lock);
    rc = op == XENMEM_decrease_reservation ? decrease(v, &e, start)
                                           : increase(&e, start, op == XENMEM_populate_physmap);
    spin_unlock(&emu.memory_lock);
    return rc;
}

/*
 * One chunk of an exchange: as many extents as make up the larger order of both sides. The frames
 * that come in are the first candidates for those that go out: there is no other memory. Nothing is
 * changed when it fails.
 */
static int64_t exchange_chunk(const struct extents *in, const struct extents *out, uint64_t first_in,
                              uint64_t first_out, unsigned chunk_order)
{
    static uint64_t taken[1 << MAX_ORDER], given[1 << MAX_ORDER]; /* under memory_lock */
    uint64_t nr_in = 1ull << (chunk_order - in->order), nr_out = 1ull << (chunk_order - out->order);
    uint64_t gone = 0, got = 0;
    int64_t rc = 0;

    for (; gone < nr_in && rc == 0; gone += rc == 0) {
        if (get_pfn(in, first_in + gone, &given[gone]))
            rc = -XEN_EFAULT;
        else if (!may_release(given[gone], in->order))
            rc = -XEN_EINVAL;
        else
            mark_released(given[gone], in->order);
    }
    for (; got < nr_out && rc == 0; got += rc == 0)
        rc = take(out->order, &taken[got]) ? 0 : -XEN_ENOMEM;
    if (rc < 0) {
        while (got)
            mark_released(taken[--got], out->order);
        while (gone)
            mark_taken(given[--gone], in->order);
        return rc;
    }
    for (uint64_t i = 0; i < nr_in; i++)
        m2p_forget(given[i], in->order);
    for (uint64_t i = 0; i < nr_out; i++) {
        uint64_t pfn;
        if (get_pfn(out, first_out + i, &pfn) || put_pfn(out, first_out + i, taken[i]))
            rc = -XEN_EFAULT;
        clear_frames(taken[i], out->order);
        for (uint64_t k = 0; k < 1ull << out->order && rc == 0; k++)
            m2p_set(taken[i] + k, pfn + k);
    }
    return rc;
}

static int64_t exchange_all(const struct extents *in, const struct extents *out, uint64_t *done)
{
    unsigned chunk_order = in->order > out->order ? in->order : out->order;
    int64_t rc = 0;

    if (chunk_order > MAX_ORDER)
        return -XEN_EPERM;
    if (*done > in->count || in->dom != out->dom || ~0ull >> in->order < in->count ||
        ~0ull >> out->order < out->count || in->count << in->order != out->count << out->order)
        return -XEN_EINVAL;
    if (!is_self(in->dom))
        return in->dom == 0 ? -XEN_EPERM : -XEN_ESRCH;
    unsigned in_shift = chunk_order - in->order, out_shift = chunk_order - out->order;
    spin_lock(&emu.memory_lock);
    for (uint64_t i = *done >> in_shift; i < in->count >> in_shift && rc == 0; i++) {
        rc = exchange_chunk(in, out, i << in_shift, i << out_shift, chunk_order);
        *done = (i + (rc == 0)) << in_shift;
    }
    spin_unlock(&emu.memory_lock);
    if (rc == 0)
        *done = in->count;
    return rc;
}

/* struct xen_memory_exchange: two reservations and the count of what is done. */
static int64_t exchange(uint64_t at)
{
    size_t size = emu.pae32 ? 20 : sizeof(struct xen_memory_reservation);
    size_t word = emu.pae32 ? 4 : 8;
    struct extents in, out;
    uint64_t done = 0;

    if (fetch_reservation(at, &in) || fetch_reservation(at + size, &out) ||
        copy_from_guest(&done, at + 2 * size, word))
        return -XEN_EFAULT;
    int64_t rc = exchange_all(&in, &out, &done);
    return copy_to_guest(at + 2 * size, &done, word) ? -XEN_EFAULT : rc;
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
    map.nr_entries = MIN(map.nr_entries, 1u);
    if (copy_to_guest(buffer, &e820, map.nr_entries * sizeof(e820)) || copy_to_guest(at, &map.nr_entries, 4))
        return -XEN_EFAULT;
    return 0;
}

static int64_t machphys_mapping(uint64_t at)
{
    uint64_t m[3] = {EMU_M2P_VA, EMU_M2P_VA + emu.boot.m2p_bytes, emu.boot.guest_end_mfn - 1};

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
    uint64_t total = (emu.boot.m2p_bytes + 0x1fffff) >> 21;

    if (copy_from_guest(&list, at, emu.pae32 ? 12 : sizeof(list)))
        return -XEN_EFAULT;
    struct extents e = {emu.pae32 ? *((uint32_t *)&list + 1) : (uint64_t)list.extent_start.p, 0, 0,
                        0};
    uint32_t n = (uint32_t)MIN(list.max_extents, total);
    for (uint32_t i = 0; i < n; i++) {
        if (put_pfn(&e, i, (emu.boot.m2p_maddr >> PAGE_SHIFT) + i * 512))
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
    if (dom == 0)
        return -XEN_EPERM;
    return is_self(dom) ? (int64_t)answer : -XEN_ESRCH;
}

/* What a PV guest has said of itself in shared_info->arch.max_pfn. */
static uint64_t max_gpfn(void)
{
    enum { MAX_PFN_32 = 2048 + 2 * 128 + 3 * 4 }; /* vCPUs, event bits, wall clock */
    const volatile void *at = emu.shared_info +
        (emu.pae32 ? MAX_PFN_32 : offsetof(struct shared_info, arch.max_pfn));
    uint64_t max = emu.pae32 ? *(const volatile uint32_t *)at : *(const volatile uint64_t *)at;

    return max ? max - 1 : 0;
}

/* For translated guests: a PV guest is told so when its argument can be read at all. */
static int64_t physmap_op(uint64_t at)
{
    uint16_t domid;

    return copy_from_guest(&domid, at, sizeof(domid)) ? -XEN_EFAULT : -XEN_EACCES;
}

HYPERCALL(do_memory_op)
{
    uint64_t start = a[0] >> 6; /* MEMOP_EXTENT_SHIFT */
    unsigned op = a[0] & 63;

    if (start && op != XENMEM_increase_reservation && op != XENMEM_decrease_reservation &&
        op != XENMEM_populate_physmap)
        return -XEN_EINVAL;
    switch (op) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return reservation(v, op, start, a[1]);
    case XENMEM_exchange:
        return exchange(a[1]);
    case XENMEM_maximum_ram_page:
        return (int64_t)emu.boot.guest_end_mfn - 1;
    case XENMEM_current_reservation:
        return domid_query(a[1], emu.nr_pages_now);
    case XENMEM_maximum_reservation:
        return domid_query(a[1], emu.max_pages);
    case XENMEM_maximum_gpfn:
        return domid_query(a[1], max_gpfn());
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
        return physmap_op(a[1]);
    default:
        return -XEN_ENOSYS;
    }
}
