/* p2m.c: pfns jump over the hole, and both lists agree with that. */
#include "xenner/build/p2m.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define HOLE_FIRST (GUEST_MEM_HOLE_START >> FRAME_SHIFT)
#define HOLE_END   (GUEST_MEM_HOLE_END >> FRAME_SHIFT)

static void jumps_over_the_hole(void **state)
{
    static const struct {
        uint64_t first, p, m;
    } cases[] = {
        {0x200, 0, 0x200},
        {0x200, HOLE_FIRST - 0x201, HOLE_FIRST - 1},
        {0x200, HOLE_FIRST - 0x200, HOLE_END},
        {0x200, HOLE_FIRST, HOLE_END + 0x200},
        {HOLE_FIRST, 0, HOLE_END},
        {HOLE_END - 1, 5, HOLE_END + 5},
        {HOLE_END + 3, 5, HOLE_END + 8},
        {0, 1ull << 40, (1ull << 40) + HOLE_END - HOLE_FIRST},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_int_equal(build_pfn_to_mfn(mfn(cases[i].first), pfn(cases[i].p)).v, cases[i].m);
}

static void wants_ram_for_all(void **state)
{
    struct guest_mem *mem = guest_mem_new(4ull << 20, 0, NULL); /* 1024 frames */
    struct pfn_space space;
    g_autoptr(GError) error = NULL;

    /* The last is for shared_info. */
    assert_true(pfn_space_init(&space, mem, mfn(24), 999, NULL));
    assert_ptr_equal(pfn_ptr(&space, pfn(999)), guest_frame(mem, mfn(1023)));
    assert_false(pfn_space_init(&space, mem, mfn(24), 1000, &error));
    assert_string_equal(error->message, "no RAM for all of the guest's 1000 pages");
    assert_false(pfn_space_init(&space, mem, mfn(24), 0, NULL));
    assert_false(pfn_space_init(&space, mem, mfn(24), UINT64_MAX, NULL));
    assert_false(pfn_space_init(&space, mem, mfn(UINT64_MAX), 4, NULL));
    guest_mem_free(mem);
}

/* 4.5 GiB: RAM has two parts. */
static void writes_across_the_hole(void **state)
{
    struct guest_mem *mem = guest_mem_new(4608ull << 20, 0, NULL);
    const uint64_t start = GUEST_MEM_HOLE_START - (2ull << 20) - 6000; /* counted in pfns */
    g_autofree uint8_t *bytes = g_malloc0(20000);
    struct pfn_space space;
    uint64_t n;

    assert_true(pfn_space_init(&space, mem, mfn(0x200), 1024 * 1024, NULL));
    for (unsigned i = 0; i < 20000; i++)
        bytes[i] = (uint8_t)(i / 100 + 1);
    memset(bytes + 6000 + 4096, 0, 4096); /* one page of zeros, which stays as it was */
    memset(guest_frame(mem, mfn(HOLE_END + 1)), 0x55, 4096);
    pfn_write(&space, start, bytes, 20000);
    assert_memory_equal(guest_ptr(mem, GUEST_MEM_HOLE_START - 6000, 6000), bytes, 6000);
    assert_memory_equal(guest_ptr(mem, GUEST_MEM_HOLE_END, 4096), bytes + 6000, 4096);
    assert_int_equal(*(uint8_t *)guest_ptr(mem, GUEST_MEM_HOLE_END + 4096, 1), 0x55);
    assert_memory_equal(guest_ptr(mem, GUEST_MEM_HOLE_END + 8192, 5808), bytes + 6000 + 8192, 5808);

    pfn_run(&space, start, 20000, &n);
    assert_int_equal(n, 6000);
    assert_ptr_equal(pfn_run(&space, start + 6000, 14000, &n), guest_frame(mem, mfn(HOLE_END)));
    assert_int_equal(n, 14000);
    pfn_run(&space, (1024ull * 1024 - 1) << 12, 5000, &n);
    assert_int_equal(n, 4096);
    guest_mem_free(mem);
}

static void lists_agree(void **state)
{
    enum { FIRST = 0x200, PAGES = 5000, LIST = 100, ENTRIES = FIRST + PAGES + 50 };
    struct guest_mem *mem = guest_mem_new(32ull << 20, 0, NULL);
    g_autofree uint64_t *m2p = g_new0(uint64_t, ENTRIES + 1);
    struct pfn_space space;

    assert_int_equal(p2m_frames(PAGES, false), 10);
    assert_int_equal(p2m_frames(PAGES, true), 5);
    assert_int_equal(p2m_frames(512, false), 1);
    assert_int_equal(p2m_frames(513, false), 2);
    assert_true(pfn_space_init(&space, mem, mfn(FIRST), PAGES, NULL));

    p2m_write(&space, (struct pfn_range){pfn(LIST), 10}, false);
    m2p[ENTRIES] = 42;
    build_fill_m2p(m2p, ENTRIES, mfn(FIRST), PAGES);
    for (uint64_t p = 0; p < PAGES; p++) {
        uint64_t *list = guest_ptr(mem, (FIRST + LIST + p / 512) << 12, 4096);

        assert_int_equal(list[p % 512], FIRST + p);
        assert_int_equal(m2p[list[p % 512]], p);
    }
    for (unsigned m = 0; m < ENTRIES; m++) {
        if (m < FIRST || m >= FIRST + PAGES)
            assert_true(m2p[m] == UINT64_MAX);
    }
    assert_int_equal(m2p[ENTRIES], 42); /* nothing is written beyond the end */

    p2m_write(&space, (struct pfn_range){pfn(200), 5}, true);
    for (uint64_t p = 0; p < PAGES; p++) {
        uint32_t *list = guest_ptr(mem, (FIRST + 200 + p / 1024) << 12, 4096);

        assert_int_equal(list[p % 1024], FIRST + p);
    }
    /* A table that is too short for the guest is filled as far as it goes. */
    m2p[FIRST + 10] = 42;
    build_fill_m2p(m2p, FIRST + 10, mfn(FIRST), PAGES);
    assert_int_equal(m2p[FIRST + 9], 9);
    assert_int_equal(m2p[FIRST + 10], 42);
    guest_mem_free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jumps_over_the_hole),
        cmocka_unit_test(wants_ram_for_all),
        cmocka_unit_test(writes_across_the_hole),
        cmocka_unit_test(lists_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
