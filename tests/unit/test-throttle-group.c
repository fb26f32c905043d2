/* throttle_group.c and image_throttle.c: disks that share limits. */
#include "xenner/backend/throttle_group.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

enum { DISKS = 2, REQUESTS = 4 };

struct fixture {
    struct blk_io *io;
    struct disk_image below[DISKS], *disk[DISKS];
    struct image_request requests[DISKS][REQUESTS];
    unsigned done[DISKS]; /* below lock */
    unsigned last;        /* whose request came last */
    GMutex lock;
    GCond cond;
};

static struct fixture *fixture; /* the callbacks have no argument of ours */

static void on_done(struct image_request *r, int rc)
{
    struct fixture *f = fixture;
    unsigned disk = r >= f->requests[1];

    g_mutex_lock(&f->lock);
    f->done[disk]++;
    f->last = disk;
    g_cond_signal(&f->cond);
    g_mutex_unlock(&f->lock);
}

static void submit(struct disk_image *img, struct image_request *r)
{
    r->done(r, 0);
}

static void no_free(struct disk_image *img)
{
}

static const struct image_ops ops = {.format = "test", .submit = submit, .free = no_free};

static int set_up(void **state)
{
    struct fixture *f = fixture = g_new0(struct fixture, 1);

    f->io = blk_io_new(false);
    for (unsigned i = 0; i < DISKS; i++) {
        f->below[i] = (struct disk_image){.ops = &ops, .io = f->io, .bytes = 1 << 20};
        f->disk[i] = image_throttle(&f->below[i], NULL);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < DISKS; i++)
        disk_image_free(f->disk[i]);
    blk_io_free(f->io);
    g_free(f);
    return 0;
}

static void submit_all(void *opaque)
{
    struct fixture *f = opaque;

    for (unsigned i = 0; i < DISKS; i++) {
        for (unsigned n = 0; n < REQUESTS; n++) {
            f->requests[i][n] = (struct image_request){.op = IMAGE_WRITE, .bytes = 512, .done = on_done};
            disk_image_submit(f->disk[i], &f->requests[i][n]);
        }
    }
}

static struct throttle_group *slow_group(const char *name, uint64_t iops)
{
    const struct disk_limits limits = {.avg = {[LIMIT_IOPS_TOTAL] = iops}};

    return throttle_group_new(name, &limits);
}

static void wait_done(struct fixture *f, unsigned n)
{
    g_mutex_lock(&f->lock);
    while (f->done[0] + f->done[1] < n)
        g_cond_wait(&f->cond, &f->lock);
    g_mutex_unlock(&f->lock);
}

static unsigned all_done(struct fixture *f)
{
    g_mutex_lock(&f->lock);
    unsigned n = f->done[0] + f->done[1];
    g_mutex_unlock(&f->lock);
    return n;
}

/* Ten a second, one ahead: two go at once; the others in turn, a tenth of a second each. */
static void shared(void **state)
{
    struct fixture *f = *state;
    struct throttle_group *g = slow_group("g", 10);

    for (unsigned i = 0; i < DISKS; i++)
        image_throttle_set_group(f->disk[i], g);
    assert_int_equal(throttle_group_size(g), 2);
    int64_t start = g_get_monotonic_time();
    blk_io_call(f->io, submit_all, f);
    wait_done(f, 2 * REQUESTS);
    assert_true(g_get_monotonic_time() - start > 500000);
    assert_int_equal(f->done[0], REQUESTS);
    for (unsigned i = 0; i < DISKS; i++)
        image_throttle_set_group(f->disk[i], NULL);
    assert_int_equal(throttle_group_size(g), 0);
    throttle_group_unref(g);
}

/* Five a second: who was quick at first does not keep the other one out. */
static void in_turn(void **state)
{
    struct fixture *f = *state;
    struct throttle_group *g = slow_group("g", 5);

    for (unsigned i = 0; i < DISKS; i++)
        image_throttle_set_group(f->disk[i], g);
    blk_io_call(f->io, submit_all, f);
    wait_done(f, 3);
    g_mutex_lock(&f->lock);
    assert_true(f->done[1] >= 1);
    g_mutex_unlock(&f->lock);
    throttle_group_set_limits(g, &(struct disk_limits){0}); /* what waits goes */
    assert_int_equal(all_done(f), 2 * REQUESTS);
    throttle_group_unref(g);
}

/* A disk that leaves takes what it has waiting along; one that nobody may wait for is not held. */
static void leaves(void **state)
{
    struct fixture *f = *state;
    struct throttle_group *g = slow_group("g", 1), *other = slow_group("h", 100000);

    for (unsigned i = 0; i < DISKS; i++)
        image_throttle_set_group(f->disk[i], g);
    throttle_group_unref(g); /* they have it */
    blk_io_call(f->io, submit_all, f);
    assert_true(all_done(f) < 2 * REQUESTS);
    image_throttle_set_group(f->disk[0], other);
    assert_int_equal(f->done[0], REQUESTS);
    assert_true(all_done(f) < 2 * REQUESTS);
    image_throttle_set_group(f->disk[1], NULL);
    assert_int_equal(all_done(f), 2 * REQUESTS);
    throttle_group_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
