/* grant_table_op: our own table, copies within the domain, and what there is nobody to map from. */
#include "grants.h"
#include "trap.h"

static uint8_t *table; /* the first frame */

int grants_setup(uint32_t frames, domid_t dom, xen_pfn_t *list)
{
    struct gnttab_setup_table op = {.dom = dom, .nr_frames = frames, .status = 77};

    op.frame_list.p = list;
    return gnttab(GNTTABOP_setup_table, &op, 1) ? 1000 : op.status;
}

static void tables(void)
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    xen_pfn_t list[64] = {0};

    is(grants_setup(4, DOMID_SELF, list), GNTST_okay, "setup_table");
    unsigned distinct = list[0] != list[1] && list[1] != list[2] && list[2] != list[3];
    ok(list[0] && distinct, "four frames");
    is(gnttab(GNTTABOP_query_size, &size, 1), 0, "query_size");
    is(size.status, GNTST_okay, "its status");
    ok(size.nr_frames >= 4, "nr_frames");
    ok(size.max_nr_frames >= size.nr_frames, "max_nr_frames");
    is(grants_setup(size.max_nr_frames + 1, DOMID_SELF, list), GNTST_general_error, "too many frames");
    is(grants_setup(1, DOMID_SELF, (xen_pfn_t *)NOWHERE), GNTST_bad_virt_addr, "a bad list");
    is(grants_setup(1, 0, list), GNTST_permission_denied, "the table of domain 0");
    is(grants_setup(1, 1234, list), GNTST_bad_domain, "the table of no domain");
    size.dom = 1234;
    gnttab(GNTTABOP_query_size, &size, 1);
    is(size.status, GNTST_bad_domain, "query_size of no domain");

    table = page_alloc();
    is(update_va(table, pte_make(list[0], KERNEL_RW), UVMF_INVLPG), 0, "it can be mapped");
    memset(table, 0, PAGE_SIZE);
    table[8] = 1;
    is(table[8], 1, "and written to");
    table[8] = 0;
}

static void grant(unsigned ref, const void *page, uint16_t flags)
{
    grant_entry_v1_t *e = &((grant_entry_v1_t *)table)[ref];

    *e = (grant_entry_v1_t){.flags = flags, .domid = OUR_ID, .frame = (uint32_t)mfn_of(page)};
}

int grants_copy(struct gnttab_copy *op)
{
    op->status = 77;
    return gnttab(GNTTABOP_copy, op, 1) ? 1000 : op->status;
}

struct gnttab_copy grants_frames(const void *from, const void *to)
{
    return (struct gnttab_copy){.source = {.u.gmfn = mfn_of(from), .domid = DOMID_SELF},
                                .dest = {.u.gmfn = mfn_of(to), .domid = DOMID_SELF},
                                .len = 16};
}

static void copies(void)
{
    uint8_t *from = page_alloc(), *to = page_alloc();
    struct gnttab_copy op = grants_frames(from, to);

    memset(from, 0x11, 64);
    op.source.offset = 8;
    op.dest.offset = 100;
    is(grants_copy(&op), GNTST_okay, "copy from frame to frame");
    is(to[99] << 8 | to[100], 0x0011, "from its first byte");
    is(to[115] << 8 | to[116], 0x1100, "to its last");
    grant(20, from, GTF_permit_access);
    op = grants_frames(from, to);
    op.flags = GNTCOPY_source_gref;
    op.source.u.ref = 20;
    memset(from, 0x22, 64);
    is(grants_copy(&op), GNTST_okay, "copy from a grant");
    is(to[0], 0x22, "copied");
    grant(21, to, GTF_permit_access);
    op.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
    op.source.domid = op.dest.domid = OUR_ID;
    op.dest.u.ref = 21;
    memset(from, 0x33, 64);
    is(grants_copy(&op), GNTST_okay, "copy from grant to grant");
    is(to[0], 0x33, "copied");
    grant(21, to, GTF_permit_access | GTF_readonly);
    is(grants_copy(&op), GNTST_general_error, "to a grant for reading");
    grant(21, to, GTF_invalid);
    is(grants_copy(&op), GNTST_general_error, "to what is not granted");
    op.dest.u.ref = 1000000;
    is(grants_copy(&op), GNTST_bad_gntref, "to a wild grant");
}

static void copy_errors(void)
{
    uint8_t *from = page_alloc(), *to = page_alloc();
    struct gnttab_copy op = grants_frames(from, to);

    op.len = 100;
    op.source.offset = 4000;
    is(grants_copy(&op), GNTST_bad_copy_arg, "past the end of the source");
    op.source.offset = 0;
    op.dest.offset = 4000;
    is(grants_copy(&op), GNTST_bad_copy_arg, "past the end of the destination");
    op = grants_frames(from, to);
    op.dest.u.gmfn = NO_FRAME;
    is(grants_copy(&op), GNTST_bad_page, "to no frame");
    op.dest.u.gmfn = root_mfn();
    is(grants_copy(&op), GNTST_general_error, "to a page table");
    op = grants_frames(from, to);
    op.source.domid = 0;
    is(grants_copy(&op), GNTST_permission_denied, "from a frame of domain 0");
    op.flags = GNTCOPY_source_gref;
    is(grants_copy(&op), GNTST_bad_gntref, "from a grant of domain 0, which grants nothing");
    op.source.domid = 1234;
    is(grants_copy(&op), GNTST_bad_domain, "from a grant of no domain");
    op = grants_frames(from, to);
    op.source.u.gmfn = NO_FRAME;
    op.dest.domid = 1234;
    op.flags = GNTCOPY_dest_gref;
    is(grants_copy(&op), GNTST_bad_domain, "domains are looked at before frames");
    is(gnttab(GNTTABOP_copy, NOWHERE, 1), -XEN_EFAULT, "copy, bad pointer");
}

static void swap(void)
{
    struct gnttab_swap_grant_ref op = {.ref_a = 30, .ref_b = 31};
    uint8_t *page = page_alloc();

    grant(30, page, GTF_permit_access);
    grant(31, page, GTF_invalid);
    is(gnttab(GNTTABOP_swap_grant_ref, &op, 1), 0, "swap_grant_ref");
    is(op.status, GNTST_okay, "its status");
    is(((grant_entry_v1_t *)table)[31].flags, GTF_permit_access, "swapped");
    op.ref_b = 1000000;
    gnttab(GNTTABOP_swap_grant_ref, &op, 1);
    is(op.status, GNTST_bad_gntref, "swap with a wild one");
    op.ref_b = op.ref_a;
    gnttab(GNTTABOP_swap_grant_ref, &op, 1);
    is(op.status, GNTST_okay, "swap with itself");
}

static void flushes(void)
{
    uint8_t *page = page_alloc();
    const struct {
        uint64_t at;
        uint16_t offset, length;
        uint32_t op;
        int answer;
        const char *what;
    } row[] = {
        {maddr_of(page), 0, PAGE_SIZE, GNTTAB_CACHE_CLEAN, 0, "clean"},
        {maddr_of(page), 64, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL, 0, "both"},
        {maddr_of(page), 0, 64, GNTTAB_CACHE_INVAL, -XEN_EOPNOTSUPP, "invalidate only"},
        {maddr_of(page), 0, 0, GNTTAB_CACHE_CLEAN, 0, "nothing"},
        {maddr_of(page), 0, 64, 0, 0, "no operation"},
        {maddr_of(page), 4095, 2, GNTTAB_CACHE_CLEAN, -XEN_EINVAL, "past the end"},
        {maddr_of(page), PAGE_SIZE, 0, GNTTAB_CACHE_CLEAN, -XEN_EINVAL, "behind the page"},
        {maddr_of(page), 0, 64, 4, -XEN_EINVAL, "an unknown operation"},
        {20, 0, 64, GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_SOURCE_GREF, -XEN_EINVAL, "of a grant"},
        {1ull << 51, 0, 64, GNTTAB_CACHE_CLEAN, -XEN_EINVAL, "no memory"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        struct gnttab_cache_flush op = {.a.dev_bus_addr = row[i].at, .offset = row[i].offset,
                                        .length = row[i].length, .op = row[i].op};
        is(gnttab(GNTTABOP_cache_flush, &op, 1), row[i].answer, "cache_flush: %s", row[i].what);
    }
    is(gnttab(GNTTABOP_cache_flush, NOWHERE, 1), -XEN_EFAULT, "cache_flush, bad pointer");
}

static void others(void)
{
    struct gnttab_map_grant_ref map = {
        .host_addr = (unsigned long)table, .flags = GNTMAP_host_map, .ref = 20, .dom = 1234};
    struct gnttab_unmap_grant_ref unmap = {.host_addr = (unsigned long)table, .handle = 12345};
    struct gnttab_unmap_and_replace replace = {.host_addr = (unsigned long)table, .handle = 12345};
    struct gnttab_transfer transfer = {.mfn = 0, .domid = 1234};

    is(gnttab(GNTTABOP_map_grant_ref, &map, 1), 0, "map_grant_ref");
    is(map.status, GNTST_bad_domain, "map_grant_ref: no domain");
    is(gnttab(GNTTABOP_unmap_grant_ref, &unmap, 1), 0, "unmap_grant_ref");
    is(unmap.status, GNTST_bad_handle, "unmap_grant_ref: a bad handle");
    is(gnttab(GNTTABOP_unmap_and_replace, &replace, 1), 0, "unmap_and_replace");
    is(replace.status, GNTST_bad_handle, "unmap_and_replace: a bad handle");
    is(gnttab(GNTTABOP_transfer, &transfer, 1), 0, "transfer");
    ok(transfer.status < 0, "transfer to no domain");
    is(gnttab(GNTTABOP_map_grant_ref, NOWHERE, 1), -XEN_EFAULT, "map_grant_ref, bad pointer");
    is(gnttab(GNTTABOP_unmap_grant_ref, NOWHERE, 1), -XEN_EFAULT, "unmap_grant_ref, bad pointer");
    is(gnttab(GNTTABOP_map_grant_ref, &map, 0), 0, "map_grant_ref of none");
}

static void errors(void)
{
    static const unsigned single[] = {GNTTABOP_setup_table, GNTTABOP_query_size,
                                      GNTTABOP_set_version, GNTTABOP_get_version,
                                      GNTTABOP_get_status_frames};
    struct gnttab_get_version get = {.dom = DOMID_SELF};
    uint64_t buf[16] = {0};

    for (unsigned i = 0; i < ARRAY_SIZE(single); i++) {
        is(gnttab(single[i], NOWHERE, 1), -XEN_EFAULT, "command %u, bad pointer", single[i]);
        if (single[i] != GNTTABOP_get_version)
            is(gnttab(single[i], buf, 2), -XEN_EINVAL, "command %u, two at once", single[i]);
    }
    is(gnttab(GNTTABOP_get_version, &get, 2), 0, "get_version does not look at the count");
    is(gnttab(GNTTABOP_copy, buf, 0x80000000), -XEN_EINVAL, "a negative count");
    is(gnttab(99, buf, 1), -XEN_ENOSYS, "unknown command");
}

void test_grants(void)
{
    tables();
    copies();
    copy_errors();
    swap();
    flushes();
    others();
    errors();
    grants_versions(table);
}
