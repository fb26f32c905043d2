#include "xenner/build/p2m.h"
#include "xenner/build/error.h"

#include <string.h>

#define HOLE_FIRST (GUEST_MEM_HOLE_START >> FRAME_SHIFT)
#define HOLE_END   (GUEST_MEM_HOLE_END >> FRAME_SHIFT)

/* 2^40 frames are 4 PiB: no sum of two of them overflows, whatever they are multiplied with. */
#define MAX_FRAMES (1ull << 40)

mfn_t build_pfn_to_mfn(mfn_t first, pfn_t p)
{
    if (first.v >= HOLE_END)
        return mfn(first.v + p.v);
    if (first.v >= HOLE_FIRST)
        return mfn(HOLE_END + p.v);
    if (p.v < HOLE_FIRST - first.v)
        return mfn(first.v + p.v);
    return mfn(first.v + p.v + (HOLE_END - HOLE_FIRST));
}

bool pfn_space_init(struct pfn_space *ret, struct guest_mem *mem, mfn_t first, uint64_t nr_pages,
                    GError **error)
{
    if (nr_pages == 0 || nr_pages > MAX_FRAMES || first.v > MAX_FRAMES)
        return build_fail(error, "guest of %" G_GUINT64_FORMAT " pages", nr_pages);
    /* mfns grow with pfns, and RAM has no hole but the one they jump over: the last decides. */
    if (build_pfn_to_mfn(first, pfn(nr_pages)).v >= guest_mem_end_mfn(mem))
        return build_fail(error, "no RAM for all of the guest's %" G_GUINT64_FORMAT " pages",
                          nr_pages);
    *ret = (struct pfn_space){mem, first, nr_pages};
    return true;
}

mfn_t pfn_to_mfn(const struct pfn_space *space, pfn_t p)
{
    return build_pfn_to_mfn(space->first, p);
}

void *pfn_ptr(const struct pfn_space *space, pfn_t p)
{
    void *frame;

    g_assert(p.v <= space->nr_pages);
    frame = guest_frame(space->mem, pfn_to_mfn(space, p));
    g_assert(frame); /* pfn_space_init() */
    return frame;
}

uint8_t *pfn_run(const struct pfn_space *space, uint64_t offset, uint64_t want, uint64_t *ret_bytes)
{
    uint64_t end = space->nr_pages << FRAME_SHIFT;
    uint64_t gpa, bytes;
    uint8_t *ptr;

    g_assert(offset < end);
    gpa = mfn_to_gpa(pfn_to_mfn(space, pfn(offset >> FRAME_SHIFT))) + offset % FRAME_SIZE;
    bytes = MIN(want, end - offset);
    if (gpa < GUEST_MEM_HOLE_START)
        bytes = MIN(bytes, GUEST_MEM_HOLE_START - gpa);
    ptr = guest_ptr(space->mem, gpa, bytes);
    g_assert(ptr);
    *ret_bytes = bytes;
    return ptr;
}

static bool is_zero(const uint8_t *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

void pfn_write(const struct pfn_space *space, uint64_t offset, const uint8_t *bytes, uint64_t len)
{
    while (len) {
        uint64_t n;
        uint8_t *dst = pfn_run(space, offset, MIN(len, FRAME_SIZE - offset % FRAME_SIZE), &n);

        if (n < FRAME_SIZE || !is_zero(bytes, n))
            memcpy(dst, bytes, n);
        offset += n;
        bytes += n;
        len -= n;
    }
}

uint64_t p2m_frames(uint64_t nr_pages, bool is32)
{
    return frames_up(nr_pages * (is32 ? sizeof(uint32_t) : sizeof(uint64_t)));
}

void p2m_write(const struct pfn_space *space, struct pfn_range list, bool is32)
{
    unsigned per_frame = FRAME_SIZE / (is32 ? sizeof(uint32_t) : sizeof(uint64_t));
    uint64_t p = 0;

    for (uint64_t f = 0; f < list.count; f++) {
        uint64_t *out = pfn_ptr(space, pfn(list.first.v + f));
        uint32_t *out32 = (uint32_t *)out;

        for (unsigned i = 0; i < per_frame && p < space->nr_pages; i++, p++) {
            uint64_t m = pfn_to_mfn(space, pfn(p)).v;

            if (is32)
                out32[i] = (uint32_t)m;
            else
                out[i] = m;
        }
    }
}

void build_fill_m2p(uint64_t *m2p, uint64_t entries, mfn_t first, uint64_t nr_pages)
{
    memset(m2p, 0xff, entries * sizeof(*m2p));
    for (uint64_t p = 0; p < nr_pages; p++) {
        mfn_t m = build_pfn_to_mfn(first, pfn(p));

        if (m.v >= entries)
            break;
        m2p[m.v] = p;
    }
}

void build_fill_m2p32(uint32_t *m2p, uint64_t entries, mfn_t first, uint64_t nr_pages)
{
    memset(m2p, 0xff, entries * sizeof(*m2p));
    for (uint64_t p = 0; p < nr_pages; p++) {
        mfn_t m = build_pfn_to_mfn(first, pfn(p));

        if (m.v >= entries)
            break;
        m2p[m.v] = (uint32_t)p;
    }
}
