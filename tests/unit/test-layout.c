/* layout.c: the order, the alignment and the room of xen.h's start of day, and what can't fit. */
#include "xenner/build/layout.h"
#include "xenner/build/pgtable.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define MIB (1ull << 20)

static const struct layout_request linux64 = {
    .nr_pages = 65536, /* 256 MiB */
    .virt_base = 0xffffffff80000000,
    .kernel_start = 0xffffffff81000000,
    .kernel_end = 0xffffffff84a00123,
    .initrd_bytes = 5000,
    .initrd_by_pfn = true,
    .separate_p2m = true,
    .p2m_va = 0x8000000000,
};

static const struct layout_request pae = {
    .is32 = true,
    .nr_pages = 65536,
    .virt_base = 0xc0000000,
    .kernel_start = 0xc0100000,
    .kernel_end = 0xc0234567,
    .initrd_bytes = 5000,
};

static void assert_follows(struct pfn_range a, struct pfn_range b)
{
    assert_int_equal(a.first.v + a.count, b.first.v);
}

static struct pfn_range one(pfn_t p)
{
    return (struct pfn_range){p, 1};
}

/* From start_info to the end of the region. */
static void assert_tail(const struct layout *l, bool is32)
{
    uint64_t after_stack = layout_va(l, l->stack) + FRAME_SIZE;

    assert_follows(one(l->start_info), one(l->store_ring));
    assert_follows(one(l->store_ring), one(l->console_ring));
    assert_follows(one(l->console_ring), l->tables);
    assert_follows(l->tables, one(l->stack));
    assert_int_equal(l->virt_end % (4 * MIB), 0);
    assert_in_range(l->virt_end - after_stack, 512 << 10, (512 << 10) + 4 * MIB - 1);
    assert_int_equal(l->tables.count, pgtable_count(is32, l->virt_base, l->virt_end));
}

static void plans_like_xen_32(void **state)
{
    struct layout l;

    assert_true(layout_plan(&pae, &l, NULL));
    assert_int_equal(l.kernel.first.v, 0x100);
    assert_int_equal(l.kernel.count, 0x135);
    assert_follows(l.kernel, l.initrd);
    assert_int_equal(l.initrd.count, 2);
    assert_follows(l.initrd, l.p2m);
    assert_int_equal(l.p2m.count, 64);
    assert_int_equal(l.p2m_va, 0xc0000000 + (l.p2m.first.v << 12));
    assert_follows(l.p2m, one(l.start_info));
    assert_tail(&l, true);
    /* One L3, four L2, and two L1 for the 4 MiB. */
    assert_int_equal(l.virt_end, 0xc0400000);
    assert_int_equal(l.tables.count, 7);
}

static void plans_like_xen_64(void **state)
{
    struct layout l;

    assert_true(layout_plan(&linux64, &l, NULL));
    assert_int_equal(l.kernel.first.v, 0x1000);
    assert_follows(l.kernel, one(l.start_info));
    assert_tail(&l, false);
    assert_int_equal(l.virt_end, 0xffffffff84c00000);
    /* What is not mapped there follows in the frames. */
    assert_int_equal(l.initrd.first.v, (l.virt_end - l.virt_base) >> 12);
    assert_int_equal(l.initrd.count, 2);
    assert_follows(l.initrd, l.p2m);
    assert_int_equal(l.p2m.count, 128);
    assert_follows(l.p2m, l.p2m_tables);
    assert_int_equal(l.p2m_tables.count, 3); /* an L3, an L2, an L1 */
    assert_int_equal(l.p2m_va, 0x8000000000);
}

/* Growing the initrd page by page must at some time need one more table, and 4 MiB more. */
static void keeps_the_slack(void **state)
{
    struct layout_request req = pae;
    struct layout l;

    for (uint64_t pages = 0; pages < 2500; pages++) {
        req.initrd_bytes = pages << 12;
        assert_true(layout_plan(&req, &l, NULL));
        assert_tail(&l, true);
    }
}

static void plans_terabytes(void **state)
{
    struct layout_request req = linux64;
    struct layout l;

    req.nr_pages = 8ull << 40 >> 12;
    assert_true(layout_plan(&req, &l, NULL));
    assert_tail(&l, false);
    assert_int_equal(l.p2m.count, 16ull << 30 >> 12);
    /* 8192 L1, 16 L2, one L3 */
    assert_int_equal(l.p2m_tables.count, 8192 + 16 + 1);
}

/* The P2M below an L3 that the region has too. */
static void shares_tables(void **state)
{
    struct layout_request req = linux64;
    struct layout l;

    req.p2m_va = 0xffffffff40000000;
    assert_true(layout_plan(&req, &l, NULL));
    assert_int_equal(l.p2m_tables.count, 2); /* an L2 and an L1; the L3 is there */
    req.p2m_va = 0xffffffff90000000;
    assert_true(layout_plan(&req, &l, NULL));
    assert_int_equal(l.p2m_tables.count, 1);
}

static void assert_refused(struct layout_request req, const char *why)
{
    g_autoptr(GError) error = NULL;
    struct layout l;

    assert_false(layout_plan(&req, &l, &error));
    assert_string_equal(error->message, why);
}

static void wants_enough_memory(void **state)
{
    struct layout_request req = linux64;
    struct layout l;

    req.nr_pages = 64 * 256;
    assert_refused(req, "kernel and initrd need 75 MiB, the guest has 64 MiB of memory");
    req = linux64;
    req.initrd_bytes = 256 * MIB;
    assert_refused(req, "kernel and initrd need 331 MiB, the guest has 256 MiB of memory");
    req.initrd_bytes = UINT64_MAX;
    assert_refused(req,
                   "kernel and initrd need 17592186044491 MiB, the guest has 256 MiB of memory");
    req = pae;
    req.nr_pages = 1024;
    assert_true(layout_plan(&req, &l, NULL)); /* the region is all that there is */
    req.nr_pages = 1023;
    assert_refused(req, "kernel and initrd need 4 MiB, the guest has 3 MiB of memory");
    req = linux64;
    req.kernel_end = UINT64_MAX;
    req.virt_base = req.kernel_start = 0;
    assert_refused(req,
                   "kernel and initrd need 17592186044416 MiB, the guest has 256 MiB of memory");
}

static void stays_in_the_guests_addresses(void **state)
{
    struct layout_request req = pae;

    req.virt_base = 0xf5400000;
    req.kernel_start = 0xf5500000;
    req.kernel_end = 0xf57f0000;
    assert_refused(req, "kernel at 0xf5400000 to 0xf5c00000 is not in the guest's part of the "
                        "address space");
    req.nr_pages = (64ull << 30 >> 12) + 1;
    assert_refused(req, "a 32-bit guest can't have more than 64 GiB of memory");

    req = linux64;
    req.virt_base = req.kernel_start = 0xffffffffff000000;
    req.kernel_end = 0xffffffffffffff00;
    assert_refused(req, "kernel at 0xffffffffff000000 leaves no room in the address space");
    req.virt_base = req.kernel_start = 0xffff804000000000; /* Xen's */
    req.kernel_end = 0xffff804000001000;
    assert_refused(req, "kernel at 0xffff804000000000 to 0xffff804000400000 is not in the guest's "
                        "part of the address space");
    req.virt_base = req.kernel_start = 0x7fffffc00000; /* not canonical at its end */
    req.kernel_end = 0x7fffffff0000;
    assert_refused(req, "kernel at 0x7fffffc00000 to 0x800000400000 is not in the guest's part of "
                        "the address space");

    req = linux64;
    req.p2m_va = 0xffff800000000000;
    assert_refused(req, "INIT_P2M at 0xffff800000000000 to 0xffff800000080000 is not in the "
                        "guest's part of the address space");
    req.p2m_va = 0x7ffffffff000;
    assert_refused(req, "INIT_P2M at 0x7ffffffff000 to 0x80000007f000 is not in the guest's part "
                        "of the address space");
    req.p2m_va = UINT64_MAX - 0xfff;
    assert_refused(req, "INIT_P2M 0xfffffffffffff000 is too high");
    req.p2m_va = 0xffffffff84bff000; /* the region's last page */
    assert_refused(req, "INIT_P2M 0xffffffff84bff000 overlaps the kernel");
    req.p2m_va = 0xffffffff7ffff000;
    assert_refused(req, "INIT_P2M 0xffffffff7ffff000 overlaps the kernel");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_like_xen_32),
        cmocka_unit_test(plans_like_xen_64),
        cmocka_unit_test(keeps_the_slack),
        cmocka_unit_test(plans_terabytes),
        cmocka_unit_test(shares_tables),
        cmocka_unit_test(wants_enough_memory),
        cmocka_unit_test(stays_in_the_guests_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
