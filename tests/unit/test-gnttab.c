/* gnttab.c: mapping and copying what a guest grants, and guests that change their minds. */
#include "xenner/host/gnttab.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* Frames of the guest: the shared page, two table frames, a status frame; its own from 8 on. */
enum { SHARED = 1, TABLE = 2, STATUS = 4, FIRST = 8, PAGE = 10, OTHER = 11 };

struct fixture {
    struct guest_mem *mem;
    struct emu_gnttab *shared;
    struct gnttab *t;
};

static void *frame(struct fixture *f, uint64_t n)
{
    return guest_frame(f->mem, mfn(n));
}

static int setup(void **state, unsigned version)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->mem = guest_mem_new(2 << 20, 0, NULL);
    f->shared = frame(f, SHARED);
    f->shared->version = version;
    f->shared->nr_frames = 2;
    f->shared->frame[0] = TABLE << FRAME_SHIFT;
    f->shared->frame[1] = (TABLE + 1) << FRAME_SHIFT;
    f->shared->nr_status = version == 2;
    f->shared->status[0] = STATUS << FRAME_SHIFT;
    struct gnttab_config config = {.mem = f->mem, .shared = f->shared, .first_mfn = mfn(FIRST)};
    f->t = gnttab_new(&config);
    *state = f;
    return 0;
}

static int setup_v1(void **state)
{
    return setup(state, 1);
}

static int setup_v2(void **state)
{
    return setup(state, 2);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    gnttab_free(f->t);
    guest_mem_free(f->mem);
    g_free(f);
    return 0;
}

static struct grant_entry_v1 *v1(struct fixture *f, unsigned ref)
{
    return (struct grant_entry_v1 *)frame(f, TABLE) + ref;
}

static union grant_entry_v2 *v2(struct fixture *f, unsigned ref)
{
    return (union grant_entry_v2 *)frame(f, TABLE) + ref;
}

static uint16_t *status(struct fixture *f, unsigned ref)
{
    return (uint16_t *)frame(f, STATUS) + ref;
}

/* The guest's side, for either version. */
static void offer(struct fixture *f, unsigned ref, uint16_t flags, domid_t dom, uint64_t mfn)
{
    if (f->shared->version == 1)
        *v1(f, ref) = (struct grant_entry_v1){flags, dom, (uint32_t)mfn};
    else
        v2(f, ref)->full_page.hdr = (struct grant_entry_header){flags, dom},
        v2(f, ref)->full_page.frame = mfn;
}

static uint16_t marks(struct fixture *f, unsigned ref)
{
    uint16_t word = f->shared->version == 1 ? v1(f, ref)->flags : *status(f, ref);

    return word & (GTF_reading | GTF_writing);
}

static void map_and_unmap(void **state)
{
    struct fixture *f = *state;
    void *page = NULL, *again = NULL;

    offer(f, 9, GTF_permit_access, 0, PAGE);
    assert_int_equal(gnttab_map(f->t, 9, true, &page), 0);
    assert_ptr_equal(page, frame(f, PAGE));
    assert_int_equal(marks(f, 9), GTF_reading | GTF_writing);
    assert_int_equal(gnttab_map(f->t, 9, false, &again), 0);
    assert_ptr_equal(again, page);
    assert_int_equal(gnttab_mapped(f->t), 1);
    gnttab_unmap(f->t, 9, true);
    assert_int_equal(marks(f, 9), GTF_reading);
    gnttab_unmap(f->t, 9, false);
    assert_int_equal(marks(f, 9), 0);
    assert_int_equal(gnttab_mapped(f->t), 0);
}

static void read_only(void **state)
{
    struct fixture *f = *state;
    void *page = NULL;

    offer(f, 9, GTF_permit_access | GTF_readonly, 0, PAGE);
    assert_int_equal(gnttab_map(f->t, 9, true, &page), -EACCES);
    assert_int_equal(marks(f, 9), 0);
    assert_int_equal(gnttab_map(f->t, 9, false, &page), 0);
    assert_int_equal(marks(f, 9), GTF_reading);
    assert_int_equal(gnttab_map(f->t, 9, true, &page), -EACCES);
    assert_int_equal(marks(f, 9), GTF_reading); /* the reader is still there */
    gnttab_unmap(f->t, 9, false);
    assert_int_equal(marks(f, 9), 0);
}

/* None of these may be mapped, and none leaves a mark. */
static void refused(void **state)
{
    struct fixture *f = *state;
    const uint64_t end = guest_mem_end_mfn(f->mem);
    const struct {
        uint16_t flags;
        domid_t dom;
        uint64_t mfn;
        int error;
    } row[] = {
        {GTF_invalid, 0, PAGE, -ENOENT},
        {GTF_accept_transfer, 0, PAGE, -ENOENT},
        {GTF_transitive, 0, PAGE, -ENOENT},
        {GTF_permit_access, 1, PAGE, -ENOENT},
        {GTF_permit_access, DOMID_SELF, PAGE, -ENOENT},
        {GTF_permit_access, 0, FIRST - 1, -EFAULT}, /* emu's */
        {GTF_permit_access, 0, 0, -EFAULT},
        {GTF_permit_access, 0, end, -EFAULT},
        {GTF_permit_access, 0, UINT32_MAX, -EFAULT},
        {GTF_permit_access, 0, UINT64_MAX, -EFAULT},
        {GTF_permit_access, 0, 1ull << 52 | PAGE, -EFAULT}, /* version 1 has 32 bits only */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        bool cut = f->shared->version == 1 && row[i].mfn == (1ull << 52 | PAGE);
        void *page = NULL;
        offer(f, 9, row[i].flags, row[i].dom, row[i].mfn);
        int rc = cut ? row[i].error : gnttab_map(f->t, 9, i & 1, &page);
        if (rc != row[i].error || page || marks(f, 9) || gnttab_mapped(f->t))
            fail_msg("row %u: %d, page %p, marks %x", i, rc, page, marks(f, 9));
        char byte;
        rc = cut ? row[i].error : gnttab_copy(f->t, 9, i & 1, 0, &byte, 1);
        if (rc != row[i].error || marks(f, 9))
            fail_msg("row %u, copy: %d", i, rc);
    }
}

/* The shared page is the guest's to spoil, too. */
static void spoiled_table(void **state)
{
    struct fixture *f = *state;
    unsigned per_frame = f->shared->version == 1 ? 512 : 256;
    struct emu_gnttab good = *f->shared;
    void *page;

    offer(f, 9, GTF_permit_access, 0, PAGE);
    assert_int_equal(gnttab_map(f->t, 2 * per_frame, false, &page), -ENOENT);
    assert_int_equal(gnttab_map(f->t, UINT32_MAX, false, &page), -ENOENT);
    static const uint64_t bad_frames[] = {1, (TABLE << 12) + 8, 2 << 20, UINT64_MAX,
                                          UINT64_MAX - 4095};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_frames); i++) {
        f->shared->frame[0] = bad_frames[i];
        assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT);
    }
    *f->shared = good;
    f->shared->nr_frames = 0;
    assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT);
    f->shared->nr_frames = f->shared->nr_status = UINT32_MAX;
    /* behind the list of frames is that of the status frames */
    f->shared->status[0] = f->shared->frame[0];
    assert_int_equal(gnttab_map(f->t, EMU_GNTTAB_FRAMES * per_frame + 9, false, &page), -ENOENT);
    f->shared->status[0] = STATUS << FRAME_SHIFT;
    assert_int_equal(gnttab_map(f->t, 9, false, &page), 0);
    gnttab_unmap(f->t, 9, false);
    f->shared->version = 0;
    assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT);
    f->shared->version = 3;
    assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT);
    *f->shared = good;
    if (good.version == 2) {
        f->shared->status[0] = (STATUS << 12) + 1;
        assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT);
        f->shared->nr_status = 0;
        assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT);
        *f->shared = good;
    }
    assert_int_equal(gnttab_map(f->t, 9, false, &page), 0);
    gnttab_unmap(f->t, 9, false);
}

/* What was mapped stays what it was, whatever the guest writes into entry and table meanwhile. */
static void changed_while_mapped(void **state)
{
    struct fixture *f = *state;
    void *page = NULL, *again = NULL;

    offer(f, 9, GTF_permit_access, 0, PAGE);
    assert_int_equal(gnttab_map(f->t, 9, true, &page), 0);
    offer(f, 9, GTF_permit_access, 0, OTHER);
    assert_int_equal(gnttab_map(f->t, 9, true, &again), 0);
    assert_ptr_equal(again, page);
    /* even what a frontend tried to end stays usable: blkfront's persistent grants on version 2 */
    offer(f, 9, GTF_permit_access, 7, OTHER);
    assert_int_equal(gnttab_map(f->t, 9, false, &again), 0);
    assert_ptr_equal(again, page);
    assert_int_equal(gnttab_copy(f->t, 9, false, 0, &(char){0}, 1), 0);
    gnttab_unmap(f->t, 9, false);
    f->shared->version = 3 - f->shared->version;
    f->shared->nr_frames = 0;
    gnttab_unmap(f->t, 9, true);
    gnttab_unmap(f->t, 9, true);
    assert_int_equal(gnttab_mapped(f->t), 0);
    f->shared->version = 3 - f->shared->version;
    assert_int_equal(marks(f, 9), 0);
}

/* A read-only use does not bring the right to write. */
static void more_rights(void **state)
{
    struct fixture *f = *state;
    void *page = NULL;

    offer(f, 9, GTF_permit_access, 0, PAGE);
    assert_int_equal(gnttab_map(f->t, 9, false, &page), 0);
    offer(f, 9, GTF_permit_access, 7, PAGE);
    assert_int_equal(gnttab_map(f->t, 9, false, &page), 0);
    assert_int_equal(gnttab_map(f->t, 9, true, &page), -ENOENT);
    offer(f, 9, GTF_permit_access | GTF_readonly, 0, PAGE);
    assert_int_equal(gnttab_map(f->t, 9, true, &page), -EACCES);
    gnttab_unmap(f->t, 9, false);
    gnttab_unmap(f->t, 9, false);
    assert_int_equal(gnttab_mapped(f->t), 0);
}

static void copies(void **state)
{
    struct fixture *f = *state;
    char *page = frame(f, PAGE), buf[8] = "abcdefg";

    offer(f, 9, GTF_permit_access, 0, PAGE);
    assert_int_equal(gnttab_copy(f->t, 9, true, 4088, buf, 8), 0);
    assert_memory_equal(page + 4088, "abcdefg", 8);
    memset(buf, 0, 8);
    assert_int_equal(gnttab_copy(f->t, 9, false, 4090, buf, 3), 0);
    assert_string_equal(buf, "cde");
    assert_int_equal(gnttab_copy(f->t, 9, true, 4089, buf, 8), -EINVAL);
    assert_int_equal(gnttab_copy(f->t, 9, true, 4097, buf, 0), -EINVAL);
    assert_int_equal(gnttab_copy(f->t, 9, true, 0, buf, SIZE_MAX), -EINVAL);
    assert_int_equal(gnttab_copy(f->t, 9, true, UINT_MAX, buf, 2), -EINVAL);
    assert_int_equal(marks(f, 9), 0);
}

static void parts_of_pages(void **state)
{
    struct fixture *f = *state;
    char *page = frame(f, PAGE), buf[16] = "0123456789";
    void *mapped;

    offer(f, 9, GTF_permit_access | GTF_sub_page, 0, PAGE);
    v2(f, 9)->sub_page.page_off = 100;
    v2(f, 9)->sub_page.length = 10;
    assert_int_equal(gnttab_map(f->t, 9, false, &mapped), -ENOENT);
    assert_int_equal(gnttab_copy(f->t, 9, true, 100, buf, 10), 0);
    assert_memory_equal(page + 100, "0123456789", 10);
    assert_int_equal(gnttab_copy(f->t, 9, true, 99, buf, 2), -EINVAL);
    assert_int_equal(gnttab_copy(f->t, 9, true, 109, buf, 2), -EINVAL);
    assert_int_equal(gnttab_copy(f->t, 9, false, 110, buf, 0), 0);
    v2(f, 9)->sub_page.page_off = 4090;
    v2(f, 9)->sub_page.length = 0xffff;
    assert_int_equal(gnttab_copy(f->t, 9, false, 4090, buf, 7), -EINVAL);
    assert_int_equal(gnttab_copy(f->t, 9, false, 4090, buf, 6), 0);
    v2(f, 9)->sub_page.page_off = 0xffff;
    assert_int_equal(gnttab_copy(f->t, 9, false, 0xffff, buf, 1), -EINVAL);
    assert_int_equal(*status(f, 9), 0);
}

/*
 * Transitive grants lead to other domains' tables, never back to the one that they are in, and there is no
 * other guest: whatever they say, they are refused, and without a mark.
 */
static void transitive(void **state)
{
    static const struct {
        domid_t dom;
        grant_ref_t ref;
    } row[] = {{1, 8}, {1, 9}, {1, 10}, {1, UINT32_MAX}, {0, 8}, {0, 9}, {77, 8}, {DOMID_SELF, 8}};
    struct fixture *f = *state;
    void *page = NULL;
    char byte = 7;

    offer(f, 8, GTF_permit_access, 0, PAGE);
    v2(f, 10)->transitive.hdr = (struct grant_entry_header){GTF_transitive, 0};
    v2(f, 10)->transitive.trans_domid = 1;
    v2(f, 10)->transitive.gref = 9; /* a loop with the third row's */
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        v2(f, 9)->transitive.hdr = (struct grant_entry_header){GTF_transitive, 0};
        v2(f, 9)->transitive.trans_domid = row[i].dom;
        v2(f, 9)->transitive.gref = row[i].ref;
        assert_int_equal(gnttab_copy(f->t, 9, false, 0, &byte, 1), -ENOENT);
        assert_int_equal(gnttab_copy(f->t, 9, true, 0, &byte, 1), -ENOENT);
        assert_int_equal(gnttab_map(f->t, 9, false, &page), -ENOENT); /* never, says Xen */
        assert_int_equal(marks(f, 8) | marks(f, 9) | marks(f, 10), 0);
    }
    assert_int_equal(byte, 7);
    assert_int_equal(gnttab_mapped(f->t), 0);
}

/*
 * A guest that keeps to the protocol, at full speed beside the host: a page that it took back is
 * its own again, nobody maps it then.
 */
struct race {
    struct fixture *f;
    int stop, withdrawn;
    unsigned rounds;
};

static void withdraw(struct race *r)
{
    struct fixture *f = r->f;

    if (f->shared->version == 1) {
        uint16_t flags = __atomic_load_n(&v1(f, 9)->flags, __ATOMIC_SEQ_CST);
        do {
            while (flags & (GTF_reading | GTF_writing))
                flags = __atomic_load_n(&v1(f, 9)->flags, __ATOMIC_SEQ_CST);
        } while (!__atomic_compare_exchange_n(&v1(f, 9)->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                              __ATOMIC_SEQ_CST));
    } else {
        __atomic_store_n(&v2(f, 9)->hdr.flags, 0, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(status(f, 9), __ATOMIC_SEQ_CST))
            ;
    }
}

static gpointer honest_guest(gpointer data)
{
    struct race *r = data;
    uint16_t *flags = r->f->shared->version == 1 ? &v1(r->f, 9)->flags : &v2(r->f, 9)->hdr.flags;

    while (!__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&r->withdrawn, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(flags, GTF_permit_access, __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < r->rounds % 64; i++)
            __asm__ volatile("pause");
        withdraw(r);
        __atomic_store_n(&r->withdrawn, 1, __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < r->rounds % 16; i++)
            __asm__ volatile("pause");
        r->rounds++;
    }
    return NULL;
}

static void withdrawn_is_gone(void **state)
{
    struct fixture *f = *state;
    struct race r = {.f = f};
    unsigned mapped = 0;
    gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;

    offer(f, 9, GTF_invalid, 0, PAGE);
    GThread *guest = g_thread_new("guest", honest_guest, &r);
    while (mapped < 1000000 && g_get_monotonic_time() < end) {
        void *page;
        int rc = gnttab_map(f->t, 9, mapped & 1, &page);
        assert_true(rc == 0 || rc == -ENOENT || rc == -EAGAIN);
        if (rc)
            continue;
        assert_int_equal(__atomic_load_n(&r.withdrawn, __ATOMIC_SEQ_CST), 0);
        gnttab_unmap(f->t, 9, mapped & 1);
        mapped++;
    }
    __atomic_store_n(&r.stop, 1, __ATOMIC_SEQ_CST);
    g_thread_join(guest);
    assert_true(mapped > 100 && r.rounds > 100);
    assert_int_equal(marks(f, 9), 0);
}

/* A guest that writes noise all over entry and table: nothing but its own memory ever comes out. */
static gpointer noisy_guest(gpointer data)
{
    static const uint16_t flags[] = {GTF_permit_access, GTF_permit_access | GTF_sub_page,
                                     GTF_permit_access | GTF_readonly, GTF_transitive, 0};
    static const uint64_t frames[] = {PAGE, UINT64_MAX, OTHER, 0, 1ull << 40};
    struct race *r = data;
    struct fixture *f = r->f;

    for (; !__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST); r->rounds++) {
        *(volatile uint16_t *)&v2(f, 9)->hdr.flags = flags[r->rounds % 5];
        *(volatile uint64_t *)&v2(f, 9)->full_page.frame = frames[r->rounds % 4];
        *(volatile uint32_t *)&v2(f, 9)->full_page.pad0 = r->rounds * 0x1000193u;
        *(volatile uint32_t *)&f->shared->version = r->rounds % 3;
        *(volatile uint64_t *)&f->shared->frame[0] = r->rounds % 7 ? TABLE << 12 : UINT64_MAX;
        *(volatile uint64_t *)&f->shared->status[0] = r->rounds % 11 ? STATUS << 12 : 1ull << 60;
    }
    return NULL;
}

static void noise(void **state)
{
    struct fixture *f = *state;
    struct race r = {.f = f};
    g_autofree char *buf = g_malloc(FRAME_SIZE);
    gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    unsigned mapped = 0, copied = 0;

    GThread *guest = g_thread_new("guest", noisy_guest, &r);
    for (unsigned i = 0; (mapped < 1000 || copied < 1000) && g_get_monotonic_time() < end; i++) {
        void *page;
        if (gnttab_map(f->t, 9, i & 1, &page) == 0) {
            assert_true(page == frame(f, PAGE) || page == frame(f, OTHER));
            gnttab_unmap(f->t, 9, i & 1);
            mapped++;
        }
        /* ASan sees it when this leaves the page */
        size_t len = FRAME_SIZE - i % 5000 % FRAME_SIZE;
        copied += gnttab_copy(f->t, 9, false, i % 5000, buf, len) == 0;
    }
    __atomic_store_n(&r.stop, 1, __ATOMIC_SEQ_CST);
    g_thread_join(guest);
    assert_true(mapped > 0 && copied > 0);
    assert_int_equal(gnttab_mapped(f->t), 0);
}

#define BOTH(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, setup_v1, teardown),                                    \
        cmocka_unit_test_setup_teardown(test, setup_v2, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(map_and_unmap),
        BOTH(read_only),
        BOTH(refused),
        BOTH(spoiled_table),
        BOTH(changed_while_mapped),
        BOTH(more_rights),
        BOTH(copies),
        cmocka_unit_test_setup_teardown(parts_of_pages, setup_v2, teardown),
        cmocka_unit_test_setup_teardown(transitive, setup_v2, teardown),
        BOTH(withdrawn_is_gone),
        cmocka_unit_test_setup_teardown(noise, setup_v2, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
