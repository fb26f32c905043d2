/* pgtable.c: what is mapped is found by walking, with exactly the frames that were counted. */
#include "guest_check.h"

#include "xenner/build/pgtable.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define PAGES 16384u /* 64 MiB */

struct fixture {
    struct guest_mem *mem;
    struct pfn_space space;
};

static void setup(struct fixture *f)
{
    f->mem = guest_mem_new(((uint64_t)PAGES + 1024) << 12, 0, NULL);
    assert_non_null(f->mem);
    assert_true(pfn_space_init(&f->space, f->mem, mfn(0x200), PAGES, NULL));
}

static struct dom_image as_image(const struct fixture *f, const struct pgtable *pt)
{
    return (struct dom_image){.pae32 = pt->is32, .root_table = pfn_to_mfn(&f->space, pt->root)};
}

static void assert_mapped(const struct fixture *f, const struct pgtable *pt, uint64_t start,
                          uint64_t end, uint64_t first)
{
    struct dom_image img = as_image(f, pt);
    uint64_t bits;

    for (uint64_t va = start; va < end; va += 4096, first++) {
        uint64_t e = guest_walk(f->mem, &img, va, &bits);
        bool table = first >= pt->read_only.first.v &&
                     first < pt->read_only.first.v + pt->read_only.count;

        assert_int_equal(e >> 12, 0x200 + first);
        assert_int_equal(e & 0xfff, table ? 0x61 : 0x63);
    }
    assert_int_equal(guest_walk(f->mem, &img, end, &bits), 0);
    if (start)
        assert_int_equal(guest_walk(f->mem, &img, start - 4096, &bits), 0);
}

static void maps_64(void **state)
{
    /* within one table; across tables of each level; from 0; at the top */
    static const struct {
        uint64_t start, end;
    } ranges[] = {
        {0xffffffff80000000, 0xffffffff80400000},
        {0x1ff000, 0x202000},
        {0x3fffe000, 0x40003000},
        {0x7ffffff000, 0x8000001000},
        {0, 0x2000000},
        {0xffffffffffa00000, 0xffffffffffc00000},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
        uint64_t count = pgtable_count(false, ranges[i].start, ranges[i].end);
        struct pgtable pt;
        struct fixture f;

        setup(&f);
        pgtable_init(&pt, &f.space, false, (struct pfn_range){pfn(50), count});
        pgtable_map(&pt, ranges[i].start, ranges[i].end, pfn(40));
        assert_int_equal(pt.pool.count, 0);
        assert_int_equal(pt.root.v, 50);
        assert_mapped(&f, &pt, ranges[i].start, ranges[i].end, 40);
        guest_mem_free(f.mem);
    }
}

static void maps_pae(void **state)
{
    uint64_t count = pgtable_count(true, 0xbfe00000, 0xc0400000);
    struct pgtable pt;
    struct fixture f;
    uint64_t *l3;

    setup(&f);
    assert_int_equal(count, 1 + 4 + 3);
    pgtable_init(&pt, &f.space, true, (struct pfn_range){pfn(50), count});
    pgtable_map(&pt, 0xbfe00000, 0xc0400000, pfn(0));
    assert_int_equal(pt.pool.count, 0);
    assert_mapped(&f, &pt, 0xbfe00000, 0xc0400000, 0);
    l3 = pfn_ptr(&f.space, pt.root);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(l3[i], i < 4 ? (0x200 + 51 + i) << 12 | 1 : 0);
    guest_mem_free(f.mem);
}

static void maps_twice(void **state)
{
    static const struct {
        uint64_t more, more_end, tables;
    } cases[] = {
        {0x8000000000, 0x8000080000, 3},
        {0xffffffff7fe00000, 0xffffffff80000000, 2}, /* another L2, another L1 */
        {0xffffffff80400000, 0xffffffff80401000, 1},
        {0xffffffff80201000, 0xffffffff80202000, 0}, /* all there */
        {0x7fffe00000, 0x8000001000, 6},
    };
    const uint64_t start = 0xffffffff80000000, end = 0xffffffff80201000;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t more = pgtable_count_more(start, end, cases[i].more, cases[i].more_end);
        struct pgtable pt;
        struct fixture f;
        struct dom_image img;
        uint64_t bits;

        assert_int_equal(more, cases[i].tables);
        setup(&f);
        pgtable_init(&pt, &f.space, false,
                     (struct pfn_range){pfn(50), pgtable_count(false, start, end)});
        pgtable_map(&pt, start, end, pfn(0));
        assert_int_equal(pt.pool.count, 0);
        pgtable_add_pool(&pt, (struct pfn_range){pfn(9000), more});
        pgtable_map(&pt, cases[i].more, cases[i].more_end, pfn(8000));
        assert_int_equal(pt.pool.count, 0);
        img = as_image(&f, &pt);
        for (uint64_t va = cases[i].more; va < cases[i].more_end; va += 4096)
            assert_int_equal(guest_walk(f.mem, &img, va, &bits) >> 12,
                             0x200 + 8000 + ((va - cases[i].more) >> 12));
        assert_int_equal(guest_walk(f.mem, &img, start, &bits) >> 12, 0x200);
        guest_mem_free(f.mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_64),
        cmocka_unit_test(maps_pae),
        cmocka_unit_test(maps_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
