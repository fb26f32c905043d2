/* blk_ring.c, blk_req.c, image_raw.c, blk_io.c: a frontend against a real file. */
#include "blk_guest.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { SECTORS = 4096, SIZE = SECTORS * 512 };

struct fixture {
    struct blk_io *io;
    struct disk_config config;
    struct disk_image *image;
    char *path;
    int fd;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->fd = g_file_open_tmp("blk-XXXXXX", &f->path, NULL);
    assert_int_equal(ftruncate(f->fd, SIZE), 0);
    f->config = (struct disk_config){.path = f->path, .format = (char *)"raw", .discard = true};
    f->io = blk_io_new(*state == NULL);
    f->image = disk_image_open(&f->config, f->io, NULL);
    assert_non_null(f->image);
    *state = f;
    return 0;
}

/* The same through threads. */
static int setup_threads(void **state)
{
    *state = state;
    return setup(state);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    disk_image_free(f->image);
    blk_io_free(f->io);
    g_unlink(f->path);
    g_free(f->path);
    close(f->fd);
    g_free(f);
    return 0;
}

static void expect_answer(struct blk_guest *g, uint64_t id, uint8_t op, int16_t status)
{
    uint64_t is_id;
    uint8_t is_op;
    int16_t is_status;

    assert_true(blk_guest_answer(g, &is_id, &is_op, &is_status));
    assert_int_equal(is_id, id);
    assert_int_equal(is_op, op);
    assert_int_equal(is_status, status);
}

static void expect_no_answer(struct blk_guest *g)
{
    uint64_t id;
    uint8_t op;
    int16_t status;

    assert_false(blk_guest_answer(g, &id, &op, &status));
}

/* Two pages with something in them. */
static void fill(struct blk_guest *g, char first)
{
    for (unsigned i = 0; i < 2; i++)
        memset(fake_host_grant(g->host, BLK_GUEST_DATA + i), first + (int)i, FRAME_SIZE);
}

static const struct blkif_request_segment two[] = {{BLK_GUEST_DATA, 0, 7}, {BLK_GUEST_DATA + 1, 2, 4}};

static void talk(struct fixture *f, enum blk_abi abi, unsigned pages)
{
    struct blk_guest g;
    char is[512];

    blk_guest_init(&g, f->io, f->image, abi, pages);
    /* around the ring several times, across the ends of its pages */
    for (uint64_t i = 0; i < 5 * g.front.entries; i++) {
        fill(&g, (char)(i % 100));
        blk_guest_request(&g, BLKIF_OP_WRITE, i << 33, i % 300 * 11, two, 2);
        blk_guest_kick(&g);
        expect_answer(&g, i << 33, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
        fill(&g, 'x');
        blk_guest_request(&g, BLKIF_OP_READ, i, i % 300 * 11, two, 2);
        blk_guest_kick(&g);
        expect_answer(&g, i, BLKIF_OP_READ, BLKIF_RSP_OKAY);
        const char *first = g.host->grants[BLK_GUEST_DATA], *second = g.host->grants[BLK_GUEST_DATA + 1];
        assert_int_equal(first[0], i % 100);
        assert_int_equal(first[4095], i % 100);
        assert_int_equal(second[1023], 'x' + 1); /* not part of the segment */
        assert_int_equal(second[1024], i % 100 + 1);
        assert_int_equal(second[2559], i % 100 + 1);
        assert_int_equal(second[2560], 'x' + 1);
        assert_int_equal(pread(f->fd, is, 512, (off_t)(i % 300 * 11 + 10) * 512), 512);
        assert_int_equal(is[511], i % 100 + 1);
    }
    expect_no_answer(&g);
    blk_guest_done(&g);
}

static void both_abis(void **state)
{
    talk(*state, BLK_ABI_64, 1);
    talk(*state, BLK_ABI_32, 1);
    talk(*state, BLK_ABI_64, 4);
    talk(*state, BLK_ABI_32, 2);
}

static uint32_t event_at(struct blk_guest *g, unsigned word)
{
    return __atomic_load_n(ring_word(&g->front, word), __ATOMIC_SEQ_CST);
}

/* n requests of which the guest sees all answers, and asks for the next event. */
static void round_of(struct blk_guest *g, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        blk_guest_request(g, BLKIF_OP_READ, i, 0, two, 2);
    blk_guest_kick(g);
    for (unsigned i = 0; i < n; i++)
        expect_answer(g, i, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    __atomic_store_n(ring_word(&g->front, RING_RSP_EVENT), g->rsp_cons + 1, __ATOMIC_SEQ_CST);
}

/* Who waits for each answer is told of each at once, busy or not. */
static void one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    g.host->busy = true;
    __atomic_store_n(ring_word(&g.front, RING_RSP_EVENT), 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; i < 100; i++) {
        round_of(&g, 1);
        assert_int_equal(g.host->notified, i);
        assert_int_equal(event_at(&g, RING_REQ_EVENT), g.req_prod + 1);
    }
    assert_int_equal(g.host->wake_idle, 0);
    blk_guest_done(&g);
}

/* Who sends several is told late while its vCPU is busy, but is told; and then may send single ones again. */
static void several_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    g.host->busy = true;
    __atomic_store_n(ring_word(&g.front, RING_RSP_EVENT), 1, __ATOMIC_SEQ_CST);
    round_of(&g, 2);
    assert_int_equal(g.host->notified, 1); /* it is not known for it yet */

    blk_guest_request(&g, BLKIF_OP_READ, 5, 0, two, 2);
    blk_guest_kick(&g);
    expect_answer(&g, 5, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    assert_int_equal(g.host->wake_idle, 0);
    blk_guest_request(&g, BLKIF_OP_READ, 6, 0, two, 2);
    blk_guest_kick(&g);
    expect_answer(&g, 6, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    assert_int_equal(g.host->wake_idle, 1); /* no bell for the next request, until none comes */
    blk_guest_wait_asked(&g);
    assert_int_equal(g.host->notified, 2);

    __atomic_store_n(ring_word(&g.front, RING_RSP_EVENT), g.rsp_cons + 1, __ATOMIC_SEQ_CST);
    round_of(&g, 1); /* the last one that may be late */
    unsigned before = g.host->notified;
    round_of(&g, 1);
    assert_int_equal(g.host->notified, before + 1);
    blk_guest_done(&g);
}

/* A vCPU without anything to do is told at once. */
static void several_idle(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    __atomic_store_n(ring_word(&g.front, RING_RSP_EVENT), 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; i < 20; i++) {
        round_of(&g, 8);
        assert_int_equal(g.host->notified, i);
    }
    blk_guest_done(&g);
}

/* What was held back is told before the ring goes. */
static void held_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    g.host->busy = true;
    __atomic_store_n(ring_word(&g.front, RING_RSP_EVENT), 1, __ATOMIC_SEQ_CST);
    round_of(&g, 2);
    for (unsigned i = 0; i < g.front.entries; i++)
        blk_guest_request(&g, BLKIF_OP_READ, i, 0, two, 2);
    blk_guest_kick(&g);
    struct fake_host *host = g.host;
    unsigned *notified = &host->notified;
    blk_guest_close(&g);
    assert_true(*notified >= 2);
    fake_host_free(host);
}

/* A frontend that keeps its grants: they stay mapped, no more of them than there is room for. */
static void persistent(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init_kept(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    for (unsigned i = 0; i < 3; i++) {
        blk_guest_request(&g, i & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE, i, 0, two, 2);
        blk_guest_kick(&g);
        expect_answer(&g, i, i & 1 ? BLKIF_OP_READ : BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
        assert_int_equal(g.host->granted[BLK_GUEST_DATA], 1);
        assert_int_equal(g.host->granted[BLK_GUEST_DATA + 1], 1);
    }
    const struct blkif_request_segment half[] = {two[0], {FAKE_GRANTS - 1, 0, 7}};
    blk_guest_request(&g, BLKIF_OP_WRITE, 9, 0, half, 2);
    blk_guest_kick(&g);
    expect_answer(&g, 9, BLKIF_OP_WRITE, BLKIF_RSP_ERROR);
    blk_guest_done(&g); /* all are unmapped */
}

static void indirect_entry(enum blk_abi abi, uint8_t op, uint16_t n, uint64_t sector, grant_ref_t ref,
                           uint8_t *e)
{
    size_t body = abi == BLK_ABI_64 ? 8 : 4;

    memset(e, 0, BLK_MAX_ENTRY);
    e[0] = BLKIF_OP_INDIRECT;
    e[1] = op;
    memcpy(e + 2, &n, sizeof(n));
    memcpy(e + body + 8, &sector, sizeof(sector));
    memcpy(e + body + 20, &ref, sizeof(ref));
}

static void indirect(void **state)
{
    struct fixture *f = *state;
    uint8_t e[BLK_MAX_ENTRY];

    for (unsigned abi = BLK_ABI_64; abi <= BLK_ABI_32; abi++) {
        struct blk_guest g;
        blk_guest_init(&g, f->io, f->image, abi, 1);
        struct blkif_request_segment *seg = fake_host_grant(g.host, 10);
        for (unsigned i = 0; i < BLK_MAX_INDIRECT; i++) {
            seg[i] = (struct blkif_request_segment){BLK_GUEST_DATA + i, 0, 7};
            memset(fake_host_grant(g.host, BLK_GUEST_DATA + i), (int)i, FRAME_SIZE);
        }
        indirect_entry(abi, BLKIF_OP_WRITE, 256, 0, 10, e);
        blk_guest_put(&g, e);
        blk_guest_kick(&g);
        expect_answer(&g, 0, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
        for (unsigned i = 0; i < 256; i++) {
            uint8_t is;
            assert_int_equal(pread(f->fd, &is, 1, i * 4096 + 4095), 1);
            assert_int_equal(is, i);
        }
        /* too many, none, no page, another operation, a bad segment in the middle */
        static const struct {
            uint8_t op;
            uint16_t n;
            grant_ref_t ref;
        } bad[] = {{BLKIF_OP_WRITE, 257, 10}, {BLKIF_OP_READ, 0, 10}, {BLKIF_OP_READ, 1, 11},
                   {BLKIF_OP_INDIRECT, 1, 10}, {BLKIF_OP_READ, 0xffff, 10},
                   {BLKIF_OP_FLUSH_DISKCACHE, 1, 10}, {BLKIF_OP_READ, 256, 10}};
        seg[200].last_sect = 8;
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
            indirect_entry(abi, bad[i].op, bad[i].n, 0, bad[i].ref, e);
            blk_guest_put(&g, e);
            blk_guest_kick(&g);
            expect_answer(&g, 0, bad[i].op, BLKIF_RSP_ERROR);
        }
        blk_guest_done(&g);
    }
}

/* Each is answered with an error, changes nothing, and the next good one works. */
static void bad_requests(void **state)
{
    static const struct {
        uint8_t op;
        unsigned n;
        uint64_t sector;
        struct blkif_request_segment seg;
        int16_t status;
    } row[] = {
        {BLKIF_OP_WRITE, 0, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 12, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 255, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, SECTORS, {BLK_GUEST_DATA, 0, 0}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, SECTORS - 7, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, UINT64_MAX, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, UINT64_MAX - 3, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, 1ull << 55, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, {BLK_GUEST_DATA, 0, 8}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, {BLK_GUEST_DATA, 5, 4}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, {BLK_GUEST_DATA, 255, 255}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, {FAKE_GRANTS - 1, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, {UINT32_MAX, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE_BARRIER, 12, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE_BARRIER, 1, SECTORS, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_ERROR},
        {BLKIF_OP_RESERVED_1, 1, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_EOPNOTSUPP},
        {7, 1, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_EOPNOTSUPP},
        {255, 1, 0, {BLK_GUEST_DATA, 0, 7}, BLKIF_RSP_EOPNOTSUPP},
        {BLKIF_OP_DISCARD, BLKIF_DISCARD_SECURE, 0, {0, 0, 0}, BLKIF_RSP_EOPNOTSUPP},
        {BLKIF_OP_FLUSH_DISKCACHE, 0, UINT64_MAX, {0, 0, 0}, BLKIF_RSP_OKAY},
    };
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fake_host_grant(g.host, BLK_GUEST_DATA);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST] = {row[i].seg};
        memset(g.host->grants[BLK_GUEST_DATA], 'y', FRAME_SIZE);
        blk_guest_request(&g, row[i].op, i, row[i].sector, seg, row[i].n);
        blk_guest_kick(&g);
        expect_answer(&g, i, row[i].op, row[i].status);
    }
    blk_guest_request(&g, BLKIF_OP_READ, 99, SECTORS - 8, two, 1);
    blk_guest_kick(&g);
    expect_answer(&g, 99, BLKIF_OP_READ, BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < SIZE; i += 512) {
        char is;
        assert_int_equal(pread(f->fd, &is, 1, i), 1);
        assert_int_equal(is, 0);
    }
    blk_guest_done(&g);
}

static void rights(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    g.host->readonly[BLK_GUEST_DATA] = true;
    blk_guest_request(&g, BLKIF_OP_WRITE, 1, 0, two, 2);
    blk_guest_request(&g, BLKIF_OP_READ, 2, 0, two, 2);
    f->image->readonly = true;
    f->image->can_discard = false;
    blk_guest_kick(&g);
    expect_answer(&g, 1, BLKIF_OP_WRITE, BLKIF_RSP_ERROR);
    expect_answer(&g, 2, BLKIF_OP_READ, BLKIF_RSP_ERROR); /* into a page that is read-only */
    blk_guest_request(&g, BLKIF_OP_DISCARD, 3, 0, NULL, 0);
    blk_guest_request(&g, BLKIF_OP_FLUSH_DISKCACHE, 4, 0, NULL, 0);
    blk_guest_kick(&g);
    expect_answer(&g, 3, BLKIF_OP_DISCARD, BLKIF_RSP_EOPNOTSUPP);
    expect_answer(&g, 4, BLKIF_OP_FLUSH_DISKCACHE, BLKIF_RSP_OKAY);
    f->image->readonly = false;
    blk_guest_request(&g, BLKIF_OP_WRITE, 5, 0, two, 2);
    blk_guest_kick(&g);
    expect_answer(&g, 5, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
    blk_guest_done(&g);
}

/* Answers in any order, but nothing passes a barrier. */
static void barrier(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;
    uint64_t id;
    uint8_t op;
    int16_t status;

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    for (unsigned i = 0; i < 30; i++)
        blk_guest_request(&g, i % 10 == 9 ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_WRITE, i, i * 16, two, 2);
    blk_guest_request(&g, BLKIF_OP_WRITE_BARRIER, 30, 0, NULL, 0);
    blk_guest_request(&g, BLKIF_OP_FLUSH_DISKCACHE, 31, 31 * 16, two, 2);
    blk_guest_kick(&g);
    for (unsigned i = 0; i < 32; i++) {
        assert_true(blk_guest_answer(&g, &id, &op, &status));
        assert_int_equal(status, BLKIF_RSP_OKAY);
        assert_int_equal(id / 10, i / 10);
        if (op == BLKIF_OP_WRITE_BARRIER)
            assert_int_equal(id, i);
    }
    char is;
    assert_int_equal(pread(f->fd, &is, 1, 31 * 16 * 512), 1);
    assert_int_equal(is, 'a');
    blk_guest_done(&g);
}

static unsigned complaints;

static void count(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
    complaints += (level & G_LOG_LEVEL_WARNING) != 0;
}

/* Indices from nowhere: one complaint, and nothing more from that ring. */
static void broken_ring(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;
    GLogFunc old = g_log_set_default_handler(count, NULL);

    complaints = 0;
    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    g.req_prod = 33;
    blk_guest_kick(&g);
    expect_no_answer(&g);
    assert_int_equal(complaints, 1);
    g.req_prod = 0;
    blk_guest_request(&g, BLKIF_OP_WRITE, 1, 0, two, 2);
    blk_guest_kick(&g);
    expect_no_answer(&g);
    assert_int_equal(complaints, 1);
    blk_guest_done(&g);
    g_log_set_default_handler(old, NULL);
}

static void discard(void **state)
{
    struct fixture *f = *state;
    struct blk_guest g;
    char is[8192];

    blk_guest_init(&g, f->io, f->image, BLK_ABI_64, 1);
    fill(&g, 'a');
    blk_guest_request(&g, BLKIF_OP_WRITE, 1, 8, two, 1);
    blk_guest_request(&g, BLKIF_OP_WRITE, 2, 0, two + 1, 1);
    blk_guest_kick(&g);
    uint8_t e[BLK_MAX_ENTRY] = {[0] = BLKIF_OP_DISCARD, [16] = 8, [24] = 8};
    blk_guest_put(&g, e);
    blk_guest_kick(&g);
    assert_int_equal(pread(f->fd, is, sizeof(is), 0), sizeof(is));
    assert_int_equal(is[0], 'b');
    assert_int_equal(is[4096], 0);
    assert_int_equal(is[8191], 0);
    memset(e + 24, 0xff, 8); /* more than there is */
    blk_guest_put(&g, e);
    blk_guest_kick(&g);
    assert_int_equal(pread(f->fd, is, 1, 0), 1);
    assert_int_equal(is[0], 'b');
    blk_guest_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_abis, setup, teardown),
        cmocka_unit_test_setup_teardown(both_abis, setup_threads, teardown),
        cmocka_unit_test_setup_teardown(indirect, setup, teardown),
        cmocka_unit_test_setup_teardown(indirect, setup_threads, teardown),
        cmocka_unit_test_setup_teardown(bad_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(rights, setup, teardown),
        cmocka_unit_test_setup_teardown(barrier, setup, teardown),
        cmocka_unit_test_setup_teardown(barrier, setup_threads, teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(several_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(several_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(held_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(persistent, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(discard, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
