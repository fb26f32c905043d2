/* image_on_error.c over an image that fails as the test says, and eats what it is given. */
#include "xenner/backend/disk_image.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

struct failing {
    struct disk_image base;
    int rc;
    unsigned submitted;
    size_t first; /* bytes of the first part, as it came */
};

struct fixture {
    struct failing *below;
    struct disk_image *img;
    unsigned failed, done;
    enum image_action action;
    int rc;
};

static struct fixture *now; /* for done(), which knows only its request */

static void submit(struct disk_image *img, struct image_request *r)
{
    struct failing *f = (struct failing *)img;

    f->submitted++;
    if (r->iovcnt) {
        f->first = r->iov[0].iov_len;
        r->iov[0].iov_len = 0;
    }
    r->done(r, f->rc);
}

static void free_image(struct disk_image *img)
{
    g_free(img);
}

static const struct image_ops failing_ops = {.format = "failing", .submit = submit, .free = free_image};

static void on_failed(void *opaque, enum image_op op, int rc, enum image_action action)
{
    struct fixture *f = opaque;

    f->failed++;
    f->action = action;
}

static void on_done(struct image_request *r, int rc)
{
    now->done++;
    now->rc = rc;
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->below = g_new0(struct failing, 1);
    f->below->base = (struct disk_image){.ops = &failing_ops, .can_discard = true};
    f->img = image_on_error(&f->below->base);
    *state = now = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    disk_image_free(f->img);
    g_free(f);
    return 0;
}

static void set_policy(struct fixture *f, enum disk_on_error read, enum disk_on_error write)
{
    const struct image_policy policy = {read, write, on_failed, f};

    f->img->ops->set_policy(f->img, &policy);
}

static void ask(struct fixture *f, struct image_request *r, enum image_op op, int rc)
{
    static char data[1024];
    static struct iovec iov[2];

    iov[0] = (struct iovec){data, 512};
    iov[1] = (struct iovec){data + 512, 512};
    *r = (struct image_request){.op = op, .bytes = 1024, .iov = iov, .iovcnt = 2, .done = on_done};
    f->below->rc = rc;
    f->failed = f->done = 0;
    disk_image_submit(f->img, r);
}

static void policies(void **state)
{
    static const struct {
        enum disk_on_error policy;
        enum image_op op;
        int rc;
        enum image_action want;
    } cases[] = {
        {DISK_ERROR_AUTO, IMAGE_READ, -EIO, IMAGE_REPORTED},
        {DISK_ERROR_AUTO, IMAGE_READ, -ENOSPC, IMAGE_REPORTED},
        {DISK_ERROR_AUTO, IMAGE_WRITE, -EIO, IMAGE_REPORTED},
        {DISK_ERROR_AUTO, IMAGE_WRITE, -ENOSPC, IMAGE_STOPPED},
        {DISK_ERROR_AUTO, IMAGE_FLUSH, -ENOSPC, IMAGE_STOPPED},
        {DISK_ERROR_ENOSPC, IMAGE_WRITE, -ENOSPC, IMAGE_STOPPED},
        {DISK_ERROR_ENOSPC, IMAGE_WRITE, -EIO, IMAGE_REPORTED},
        {DISK_ERROR_REPORT, IMAGE_WRITE, -ENOSPC, IMAGE_REPORTED},
        {DISK_ERROR_IGNORE, IMAGE_WRITE, -EIO, IMAGE_IGNORED},
        {DISK_ERROR_IGNORE, IMAGE_READ, -EIO, IMAGE_IGNORED},
        {DISK_ERROR_STOP, IMAGE_READ, -EIO, IMAGE_STOPPED},
        {DISK_ERROR_STOP, IMAGE_DISCARD, -EIO, IMAGE_STOPPED},
    };
    struct fixture *f = *state;

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct image_request r;
        set_policy(f, cases[i].policy, cases[i].policy);
        ask(f, &r, cases[i].op, cases[i].rc);
        assert_int_equal(f->failed, 1);
        assert_int_equal(f->action, cases[i].want);
        assert_int_equal(f->done, cases[i].want != IMAGE_STOPPED);
        if (f->done)
            assert_int_equal(f->rc, cases[i].want == IMAGE_IGNORED ? 0 : cases[i].rc);
        f->below->rc = 0;
        f->img->ops->retry(f->img);
        assert_int_equal(f->done, 1);
    }
}

/* As often as it takes, and always whole. */
static void held(void **state)
{
    struct fixture *f = *state;
    struct image_request r;

    set_policy(f, DISK_ERROR_STOP, DISK_ERROR_STOP);
    ask(f, &r, IMAGE_WRITE, -EIO);
    f->img->ops->retry(f->img);
    assert_int_equal(f->below->submitted, 2);
    assert_int_equal(f->failed, 2);
    assert_int_equal(f->done, 0);
    f->below->rc = 0;
    f->img->ops->retry(f->img);
    assert_int_equal(f->below->first, 512);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->rc, 0);
    f->img->ops->retry(f->img);
    assert_int_equal(f->below->submitted, 3);
}

/* Somebody waits for the end of all requests: nothing stays, nothing new is held. */
static void hurry(void **state)
{
    struct fixture *f = *state;
    struct image_request r, r2;

    set_policy(f, DISK_ERROR_STOP, DISK_ERROR_STOP);
    ask(f, &r, IMAGE_WRITE, -EIO);
    disk_image_hurry(f->img, true);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->rc, -EIO);
    ask(f, &r2, IMAGE_WRITE, -EIO);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->action, IMAGE_REPORTED);
    disk_image_hurry(f->img, false);
}

/* What the medium can't do at all is no failure. */
static void unsupported(void **state)
{
    struct fixture *f = *state;
    struct image_request r;

    set_policy(f, DISK_ERROR_STOP, DISK_ERROR_STOP);
    ask(f, &r, IMAGE_DISCARD, -EOPNOTSUPP);
    assert_int_equal(f->failed, 0);
    assert_int_equal(f->rc, -EOPNOTSUPP);
}

static void submit_to(void *opaque)
{
    struct fixture *f = opaque;
    static struct image_request r;

    ask(f, &r, IMAGE_WRITE, 0);
}

/* Requests wait while another image comes; without one they fail. */
static void exchanged(void **state)
{
    struct fixture *f = *state;
    struct blk_io *io = blk_io_new(false);
    struct image_request r;

    f->img->io = io;
    disk_image_hold(f->img);
    blk_io_call(io, submit_to, f);
    assert_int_equal(f->done, 0);
    assert_int_equal(f->below->submitted, 0);
    f->below = g_new0(struct failing, 1);
    f->below->base.ops = &failing_ops;
    image_on_error_exchange(f->img, &f->below->base);
    disk_image_go_on(f->img);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->below->submitted, 1);
    ask(f, &r, IMAGE_DISCARD, 0); /* that one can't */
    assert_int_equal(f->rc, -EOPNOTSUPP);
    disk_image_hold(f->img);
    blk_io_call(io, submit_to, f);
    image_on_error_exchange(f->img, NULL);
    disk_image_go_on(f->img);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->rc, -EIO);
    blk_io_free(io);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(policies), TEST(held), TEST(hurry), TEST(unsupported), TEST(exchanged)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
