#include "guest_check.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define PRESENT 1u
#define RW      2u
#define US      4u

uint64_t guest_walk(const struct guest_mem *mem, const struct dom_image *img, uint64_t va,
                    uint64_t *ret_bits)
{
    static const unsigned shifts[] = {39, 30, 21, 12};
    uint64_t table = img->root_table.v << 12, bits = RW | US, entry = 0;

    for (unsigned i = img->pae32 ? 1 : 0; i < 4; i++) {
        uint64_t *t = guest_ptr(mem, table, 4096);

        assert_non_null(t);
        entry = t[va >> shifts[i] & 511];
        if (!(entry & PRESENT))
            return 0;
        /* Bits of PAE's L3 mean nothing, and must not be set. */
        if (img->pae32 && i == 1)
            assert_int_equal(entry & 0xfff, PRESENT);
        else
            bits &= entry;
        table = entry & 0x000ffffffffff000;
    }
    *ret_bits = bits;
    return entry;
}

void *guest_at(const struct guest_mem *mem, const struct dom_image *img, uint64_t va)
{
    uint64_t bits, entry = guest_walk(mem, img, va, &bits);
    uint8_t *frame = entry ? guest_ptr(mem, entry & 0x000ffffffffff000, 4096) : NULL;

    return frame ? frame + va % 4096 : NULL;
}

/* The fields of both layouts, widened. */
struct si {
    char magic[32];
    uint64_t nr_pages, shared_info, flags, store_mfn, store_evtchn, console_frame, console_port;
    uint64_t pt_base, nr_pt_frames, mfn_list, mod_start, mod_len, first_p2m_pfn, nr_p2m_frames;
    const char *cmdline;
};

#define COPY_SI(to, from)                                                                          \
    do {                                                                                           \
        memcpy((to)->magic, (from)->magic, 32);                                                    \
        (to)->nr_pages = (from)->nr_pages;                                                         \
        (to)->shared_info = (from)->shared_info;                                                   \
        (to)->flags = (from)->flags;                                                               \
        (to)->store_mfn = (from)->store_mfn;                                                       \
        (to)->store_evtchn = (from)->store_evtchn;                                                 \
        (to)->console_frame = (from)->console.domU.mfn;                                            \
        (to)->console_port = (from)->console.domU.evtchn;                                          \
        (to)->pt_base = (from)->pt_base;                                                           \
        (to)->nr_pt_frames = (from)->nr_pt_frames;                                                 \
        (to)->mfn_list = (from)->mfn_list;                                                         \
        (to)->mod_start = (from)->mod_start;                                                       \
        (to)->mod_len = (from)->mod_len;                                                           \
        (to)->first_p2m_pfn = (from)->first_p2m_pfn;                                               \
        (to)->nr_p2m_frames = (from)->nr_p2m_frames;                                               \
        (to)->cmdline = (const char *)(from)->cmd_line;                                            \
    } while (0)

static struct si read_start_info(const struct guest_mem *mem, const struct dom_image *img)
{
    void *page = guest_frame(mem, img->start_info);
    struct si si;

    assert_non_null(page);
    assert_ptr_equal(guest_at(mem, img, img->start_info_va), page);
    if (img->pae32)
        COPY_SI(&si, (struct start_info_x86_32 *)page);
    else
        COPY_SI(&si, (struct start_info *)page);
    return si;
}

static uint64_t p2m_entry(const struct guest_mem *mem, const struct dom_image *img,
                          const struct si *si, uint64_t p)
{
    void *e = guest_at(mem, img, si->mfn_list + p * (img->pae32 ? 4 : 8));

    assert_non_null(e);
    return img->pae32 ? *(uint32_t *)e : *(uint64_t *)e;
}

static void check_start_info(const struct guest_mem *mem, const struct dom_image *img,
                             const struct build_params *p, const struct si *si)
{
    uint64_t bits;

    assert_string_equal(si->magic, img->pae32 ? "xen-3.0-x86_32p" : "xen-3.0-x86_64");
    assert_int_equal(si->nr_pages, p->nr_pages);
    assert_int_equal(si->shared_info, img->shared_info.v << 12);
    assert_int_equal(si->store_evtchn, p->store_port);
    assert_int_equal(si->store_mfn, p->store_port ? img->store_ring.v : 0);
    assert_int_equal(si->console_frame, img->console_ring.v);
    assert_int_equal(si->console_port, p->console_port);
    assert_string_equal(si->cmdline, p->cmdline ? p->cmdline : "");
    assert_int_equal(si->nr_pt_frames, img->nr_tables);
    assert_int_equal(guest_walk(mem, img, si->pt_base, &bits) >> 12, img->root_table.v);
    assert_int_equal(p2m_entry(mem, img, si, img->first_table.v), img->root_table.v);
    /* The rings follow start_info in the guest's addresses. */
    assert_int_equal(guest_walk(mem, img, img->start_info_va + 4096, &bits) >> 12,
                     img->store_ring.v);
    assert_int_equal(guest_walk(mem, img, img->start_info_va + 8192, &bits) >> 12,
                     img->console_ring.v);
}

static void check_region(const struct guest_mem *mem, const struct dom_image *img,
                         const struct build_params *params, const struct si *si)
{
    uint64_t pages = (img->virt_end - img->virt_base) >> 12;

    assert_true(pages <= params->nr_pages);
    assert_int_equal(img->virt_end % (4 << 20), 0);
    for (uint64_t p = 0; p < pages; p++) {
        uint64_t bits, entry = guest_walk(mem, img, img->virt_base + (p << 12), &bits);
        bool table = p >= img->first_table.v && p < img->first_table.v + img->nr_tables;

        assert_int_equal((entry & 0x000ffffffffff000) >> 12, p2m_entry(mem, img, si, p));
        assert_int_equal(entry & 0xfff, table ? 0x061 : 0x063);
        assert_int_equal(bits & US, 0);
        assert_int_equal(bits & RW, table ? 0 : RW);
    }
    assert_null(guest_at(mem, img, img->virt_end));
    if (img->virt_base)
        assert_null(guest_at(mem, img, img->virt_base - 4096));
}

static void check_shared_info(const struct guest_mem *mem, const struct dom_image *img,
                              const struct build_params *p)
{
    struct shared_info *s = guest_frame(mem, img->shared_info);
    struct shared_info_x86_32 *s32 = (struct shared_info_x86_32 *)s;

    assert_non_null(s);
    /* Not one of the guest's frames. */
    assert_int_equal(img->shared_info.v, build_pfn_to_mfn(p->first_mfn, pfn(p->nr_pages)).v);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(img->pae32 ? s32->vcpu_info[i].evtchn_upcall_mask
                                    : s->vcpu_info[i].evtchn_upcall_mask,
                         1);
        assert_int_equal(img->pae32 ? s32->vcpu_info[i].evtchn_upcall_pending
                                    : s->vcpu_info[i].evtchn_upcall_pending,
                         0);
    }
}

void guest_check(const struct guest_mem *mem, const struct dom_image *img,
                 const struct build_params *p)
{
    struct si si = read_start_info(mem, img);

    check_start_info(mem, img, p, &si);
    check_region(mem, img, p, &si);
    check_shared_info(mem, img, p);
    for (uint64_t i = 0; i < p->nr_pages; i++)
        assert_int_equal(p2m_entry(mem, img, &si, i), build_pfn_to_mfn(p->first_mfn, pfn(i)).v);
    assert_non_null(guest_at(mem, img, img->entry));
    assert_int_equal(img->stack % 4096, 0);
    assert_int_equal(img->stack - 4096,
                     img->virt_base + ((img->first_table.v + img->nr_tables) << 12));
    assert_true(img->virt_end - img->stack >= 512 << 10);
    /* A P2M with an address of its own is named by its frames, tables included. */
    if (si.nr_p2m_frames) {
        uint64_t bits;

        assert_int_equal(guest_walk(mem, img, si.mfn_list, &bits) >> 12,
                         p2m_entry(mem, img, &si, si.first_p2m_pfn));
        assert_true(si.nr_p2m_frames > (p->nr_pages * 8 + 4095) >> 12);
    }
}
