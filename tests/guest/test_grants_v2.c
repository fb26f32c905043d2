/* Grant tables of version 2: parts of pages, transitive grants, changes of version. */
#include "grants.h"

static uint64_t status_list[2] = {~0ull, ~0ull}; /* of 64 bits whatever the kernel's width */
static uint8_t *from, *to;

static union grant_entry_v2 *entry(uint8_t *table, unsigned ref)
{
    return &((union grant_entry_v2 *)table)[ref];
}

static struct gnttab_copy from_ref(grant_ref_t ref)
{
    struct gnttab_copy op = grants_frames(from, to);

    op.flags = GNTCOPY_source_gref;
    op.source.u.ref = ref;
    return op;
}

static long set_version(unsigned version)
{
    struct gnttab_set_version set = {.version = version};
    long rc = gnttab(GNTTABOP_set_version, &set, 1);

    if (rc == 0 && set.version != version)
        return 1000;
    return rc;
}

static unsigned get_version(void)
{
    struct gnttab_get_version get = {.dom = DOMID_SELF};

    return gnttab(GNTTABOP_get_version, &get, 1) ? 1000 : get.version;
}

static int status_frames(unsigned n, uint64_t *list)
{
    struct gnttab_get_status_frames st = {.nr_frames = n, .dom = DOMID_SELF, .status = 77};

    st.frame_list.p = list;
    return gnttab(GNTTABOP_get_status_frames, &st, 1) ? 1000 : st.status;
}

static void whole_pages(uint8_t *table)
{
    union grant_entry_v2 *e = entry(table, 20);
    struct gnttab_copy op = from_ref(20);

    e->full_page.hdr = (grant_entry_header_t){GTF_permit_access, OUR_ID};
    e->full_page.frame = mfn_of(from);
    from[0] = 0x44;
    is(grants_copy(&op), GNTST_okay, "copy from a grant of version 2");
    is(to[0], 0x44, "copied");
}

static void parts_of_pages(uint8_t *table)
{
    union grant_entry_v2 *e = entry(table, 21);
    struct gnttab_copy op = from_ref(21);

    e->sub_page.hdr = (grant_entry_header_t){GTF_permit_access | GTF_sub_page, OUR_ID};
    e->sub_page.frame = mfn_of(from);
    e->sub_page.page_off = 100;
    e->sub_page.length = 16;
    from[100] = 0x45;
    op.source.offset = 100;
    is(grants_copy(&op), GNTST_okay, "copy from a part of a page");
    is(to[0], 0x45, "copied");
    op.source.offset = 99;
    is(grants_copy(&op), GNTST_general_error, "from before it");
    op.source.offset = 101;
    is(grants_copy(&op), GNTST_general_error, "from behind it");
    op = grants_frames(to, from);
    op.flags = GNTCOPY_dest_gref;
    op.dest.u.ref = 21;
    op.dest.offset = 100;
    to[0] = 0x46;
    is(grants_copy(&op), GNTST_okay, "copy to a part of a page");
    is(from[100], 0x46, "copied");
    op.len = 17;
    is(grants_copy(&op), GNTST_general_error, "beyond it");
    e->sub_page.page_off = 4090;
    e->sub_page.length = 0xffff;
    op.dest.offset = 4090;
    is(grants_copy(&op), GNTST_bad_copy_arg, "a part that leaves its page");
}

/* No way leads to a frame: back to the own table there is none, and no other domain grants anything. */
static void transitive(uint8_t *table)
{
    static const struct {
        domid_t dom, trans_dom;
        grant_ref_t ref;
        const char *what;
    } row[] = {
        {OUR_ID, OUR_ID, 20, "to a good grant of one's own"},
        {OUR_ID, OUR_ID, 22, "to itself"},
        {OUR_ID, OUR_ID, 23, "to one that leads back"},
        {OUR_ID, OUR_ID, 0xffffffff, "to a wild one of one's own"},
        {OUR_ID, 0, 20, "to domain 0"},
        {OUR_ID, 1234, 20, "to no domain"},
        {OUR_ID, DOMID_SELF, 20, "to DOMID_SELF"},
        {0, 0, 20, "offered to domain 0"},
    };
    struct gnttab_copy op;

    entry(table, 23)->transitive.hdr = (grant_entry_header_t){GTF_transitive, OUR_ID};
    entry(table, 23)->transitive.trans_domid = OUR_ID;
    entry(table, 23)->transitive.gref = 22;
    to[0] = 0x47;
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        union grant_entry_v2 *e = entry(table, 22);
        e->transitive.hdr = (grant_entry_header_t){GTF_transitive, row[i].dom};
        e->transitive.trans_domid = row[i].trans_dom;
        e->transitive.gref = row[i].ref;
        op = from_ref(22);
        is(grants_copy(&op), GNTST_general_error, "copy from a transitive grant %s", row[i].what);
        op = grants_frames(from, to);
        op.flags = GNTCOPY_dest_gref;
        op.dest.u.ref = 22;
        is(grants_copy(&op), GNTST_general_error, "and to it");
    }
    is(to[0], 0x47, "nothing was copied");
}

static void many_frames(void)
{
    xen_pfn_t all[64] = {0};
    uint64_t many[8] = {0};

    is(status_frames(1000, status_list), GNTST_general_error, "get_status_frames: too many");
    is(grants_setup(64, DOMID_SELF, all), GNTST_okay, "a table of 64 frames");
    is(status_frames(8, many), GNTST_okay, "its 16384 entries have status words");
    ok(many[0] == status_list[0] && many[6] && many[7] && many[6] != many[7],
       "on frames of their own");
}

/* The first eight entries belong to the toolstack, and stay. */
static void reserved(uint8_t *table)
{
    union grant_entry_v2 *e = entry(table, 7), kept;
    grant_entry_v1_t *old = (grant_entry_v1_t *)table;

    e->transitive.hdr = (grant_entry_header_t){GTF_transitive, 0};
    is(set_version(1), -XEN_ERANGE, "no version 1 for a reserved transitive entry");
    is(get_version(), 2, "it stays 2");
    e->full_page.hdr = (grant_entry_header_t){GTF_permit_access, 0};
    e->full_page.frame = 1ull << 32;
    is(set_version(1), -XEN_ERANGE, "nor for a high frame");
    e->full_page.frame = kept.full_page.frame = mfn_of(from);
    is(set_version(1), 0, "set_version 1");
    is(old[7].flags, GTF_permit_access, "a reserved entry is kept");
    is(old[7].frame, mfn_of(from), "with its frame");
    is(old[8].flags | old[20].flags | old[21].flags, 0, "the others are empty");
    is(set_version(2), 0, "set_version 2 again");
    is(e->full_page.hdr.flags, GTF_permit_access, "kept again");
    is(e->full_page.frame, kept.full_page.frame, "with its frame");
    memset(e, 0, sizeof(*e));
    is(set_version(1), 0, "and 1");
}

static void other_domains(void)
{
    struct gnttab_get_version get = {.dom = 1234};

    is(gnttab(GNTTABOP_get_version, &get, 1), -XEN_ESRCH, "get_version of no domain");
    get.dom = 0;
    is(gnttab(GNTTABOP_get_version, &get, 1), -XEN_EPERM, "get_version of domain 0");
}

void grants_versions(uint8_t *table)
{
    struct gnttab_set_version bad = {.version = 3};

    from = page_alloc();
    to = page_alloc();
    is(get_version(), 1, "version 1 at first");
    is(status_frames(0, status_list), GNTST_okay, "no status frames in version 1");
    is(status_frames(1, status_list), GNTST_general_error, "get_status_frames in version 1");
    is(set_version(2), 0, "set_version 2");
    is(get_version(), 2, "2 now");
    is(status_frames(1, status_list), GNTST_okay, "get_status_frames");
    ok(status_list[0] && status_list[0] < NO_FRAME && status_list[1] == ~0ull, "a frame");
    whole_pages(table);
    parts_of_pages(table);
    transitive(table);
    many_frames();
    is(gnttab(GNTTABOP_set_version, &bad, 1), -XEN_EINVAL, "set_version 3");
    is(bad.version, 2, "and it says which there is");
    reserved(table);
    is(status_frames(1, status_list), GNTST_general_error, "no status frames any more");
    other_domains();
}
