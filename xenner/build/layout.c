#include "xenner/build/layout.h"
#include "xenner/build/error.h"
#include "xenner/build/pgtable.h"

#include <inttypes.h>
#include <xen/xen.h>

#define REGION_ALIGN  (4ull << 20)
#define REGION_SLACK  (512ull << 10)

/* A PAE guest can address no more. */
#define PAE_MAX_PAGES (64ull << 30 >> FRAME_SHIFT)

/* May the guest have a mapping from start to end (exclusive)? */
static bool check_range(bool is32, uint64_t start, uint64_t end, const char *what, GError **error)
{
    bool ok;

    if (is32)
        ok = start < end && end <= XEN_PAE_HV_START;
    else
        ok = start < end && (end <= 1ull << 47 || start >= HYPERVISOR_VIRT_END);
    if (ok)
        return true;
    return build_fail(error,
                      "%s at 0x%" PRIx64 " to 0x%" PRIx64 " is not in the guest's part of "
                      "the address space",
                      what, start, end);
}

static struct pfn_range take(uint64_t *next, uint64_t count)
{
    struct pfn_range r = {pfn(*next), count};

    *next += count;
    return r;
}

/*
 * The page tables map the region that holds them, so their number and the region's end depend on
 * each other; both only grow, and settle after a step or two.
 */
static bool plan_tables(const struct layout_request *req, struct layout *l, uint64_t first,
                        GError **error)
{
    uint64_t count = 0, need = 1, end = 0;

    while (need > count) {
        count = need;
        /* first is below 2^41, so nothing overflows but the sum with virt_base. */
        if (__builtin_add_overflow(l->virt_base, (first + count + 1) << FRAME_SHIFT, &end) ||
            __builtin_add_overflow(end, REGION_SLACK + REGION_ALIGN - 1, &end))
            return build_fail(error, "kernel at 0x%" PRIx64 " leaves no room in the address space",
                              l->virt_base);
        end &= ~(REGION_ALIGN - 1);
        if (!check_range(req->is32, l->virt_base, end, "kernel", error))
            return false;
        need = pgtable_count(req->is32, l->virt_base, end);
    }
    l->tables = (struct pfn_range){pfn(first), count};
    l->virt_end = end;
    return true;
}

static bool check_memory(const struct layout_request *req, uint64_t need, GError **error)
{
    if (need <= req->nr_pages)
        return true;
    return build_fail(
        error, "kernel and initrd need %" PRIu64 " MiB, the guest has %" PRIu64 " MiB of memory",
        (need + 255) >> 8, req->nr_pages >> 8);
}

/* Everything that is mapped from virt_base on. */
static bool plan_region(const struct layout_request *req, struct layout *l, GError **error)
{
    uint64_t kernel_end = frames_up(req->kernel_end - req->virt_base);
    uint64_t initrd = req->initrd_by_pfn ? 0 : frames_up(req->initrd_bytes);
    uint64_t next = (req->kernel_start - req->virt_base) >> FRAME_SHIFT;

    /* First, so that none of the sums to come can overflow. */
    if (!check_memory(req, kernel_end, error) ||
        !check_memory(req, kernel_end + frames_up(req->initrd_bytes), error))
        return false;
    l->virt_base = req->virt_base;
    l->kernel = take(&next, kernel_end - next);
    if (!req->initrd_by_pfn)
        l->initrd = take(&next, initrd);
    if (!req->separate_p2m) {
        l->p2m = take(&next, p2m_frames(req->nr_pages, req->is32));
        l->p2m_va = layout_va(l, l->p2m.first);
    }
    l->start_info = take(&next, 1).first;
    l->store_ring = take(&next, 1).first;
    l->console_ring = take(&next, 1).first;
    if (!plan_tables(req, l, next, error))
        return false;
    l->stack = pfn(next + l->tables.count);
    return true;
}

/* What has frames, but no address in the region. */
static bool plan_rest(const struct layout_request *req, struct layout *l, GError **error)
{
    uint64_t next = (l->virt_end - l->virt_base) >> FRAME_SHIFT;

    if (!check_memory(req, next, error))
        return false;
    if (req->initrd_by_pfn)
        l->initrd = take(&next, frames_up(req->initrd_bytes));
    if (req->separate_p2m) {
        uint64_t frames = p2m_frames(req->nr_pages, false), end;

        if (__builtin_add_overflow(req->p2m_va, frames << FRAME_SHIFT, &end))
            return build_fail(error, "INIT_P2M 0x%" PRIx64 " is too high", req->p2m_va);
        if (!check_range(false, req->p2m_va, end, "INIT_P2M", error))
            return false;
        if (req->p2m_va < l->virt_end && l->virt_base < end)
            return build_fail(error, "INIT_P2M 0x%" PRIx64 " overlaps the kernel", req->p2m_va);
        l->p2m_va = req->p2m_va;
        l->p2m = take(&next, frames);
        l->p2m_tables = take(&next, pgtable_count_more(l->virt_base, l->virt_end, l->p2m_va, end));
    }
    return check_memory(req, next, error);
}

bool layout_plan(const struct layout_request *req, struct layout *ret, GError **error)
{
    struct layout l = {0};

    if (req->is32 && req->nr_pages > PAE_MAX_PAGES)
        return build_fail(error, "a 32-bit guest can't have more than 64 GiB of memory");
    if (!plan_region(req, &l, error) || !plan_rest(req, &l, error))
        return false;
    *ret = l;
    return true;
}
