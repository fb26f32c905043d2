/* image_vhost.c and vhost_slots.c against a server of the test's, over an image that takes note of what it gets. */
#include "vhost_server.h"
#include "xenner/backend/image_vhost.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { MANY = 300 }; /* more than there are entries */

struct below {
    struct disk_image base;
    unsigned submitted;
    enum image_op op;
    int rc;
};

struct fixture {
    struct blk_io *io;
    struct below *below;
    struct disk_image *img;
    struct vhost_server *server;
    struct guest_mem *mem;
    struct image_request requests[MANY];
    unsigned count; /* of requests that a call submits */
    GMutex lock;
    GCond done;
    unsigned nr_done;
    int rc;
};

static struct fixture *now; /* for done(), which knows only its request */

static void below_submit(struct disk_image *img, struct image_request *r)
{
    struct below *b = (struct below *)img;

    b->submitted++;
    b->op = r->op;
    r->done(r, b->rc);
}

static void below_free(struct disk_image *img)
{
    g_free(img);
}

static const struct image_ops below_ops = {.format = "below", .submit = below_submit, .free = below_free};

static void connect_server(struct fixture *f)
{
    int fd;

    f->server = vhost_server_new(&fd);
    image_vhost_connect(f->img, fd);
}

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->io = blk_io_new(false);
    f->below = g_new0(struct below, 1);
    f->below->base = (struct disk_image){.ops = &below_ops, .io = f->io, .bytes = VHOST_DISK};
    f->img = image_vhost(&f->below->base, false, -1);
    f->mem = guest_mem_new(4 << 20, 0, NULL);
    connect_server(f);
    *state = now = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    disk_image_free(f->img);
    vhost_server_free(f->server);
    guest_mem_free(f->mem);
    blk_io_free(f->io);
    g_free(f);
    return 0;
}

static void on_done(struct image_request *r, int rc)
{
    g_mutex_lock(&now->lock);
    now->nr_done++;
    if (rc)
        now->rc = rc;
    g_cond_signal(&now->done);
    g_mutex_unlock(&now->lock);
}

static void submit_all(void *opaque)
{
    struct fixture *f = opaque;

    for (unsigned i = 0; i < f->count; i++)
        disk_image_submit(f->img, &f->requests[i]);
}

static void wait_done(struct fixture *f)
{
    g_mutex_lock(&f->lock);
    while (f->nr_done < f->count)
        g_cond_wait(&f->done, &f->lock);
    g_mutex_unlock(&f->lock);
}

static void start(struct fixture *f, unsigned count)
{
    f->count = count;
    f->nr_done = 0;
    f->rc = 0;
    blk_io_call(f->io, submit_all, f);
}

/* One request, to its end. */
static int run(struct fixture *f, enum image_op op, uint64_t offset, struct iovec *iov, unsigned n)
{
    f->requests[0] = (struct image_request){.op = op, .offset = offset, .iov = iov, .iovcnt = n, .done = on_done};
    for (unsigned i = 0; i < n; i++)
        f->requests[0].bytes += iov[i].iov_len;
    start(f, 1);
    wait_done(f);
    return f->rc;
}

static void set_manner(struct fixture *f, enum vhost_manner manner)
{
    g_atomic_int_set(&f->server->manner, manner);
}

/* Two pieces of the guest's memory, filled. */
static void two_pieces(struct fixture *f, struct iovec *iov, int c)
{
    iov[0] = (struct iovec){guest_ptr(f->mem, 0x3000, 4096), 4096};
    iov[1] = (struct iovec){guest_ptr(f->mem, 0x1200, 512), 512};
    memset(iov[0].iov_base, c, 4096);
    memset(iov[1].iov_base, c + 1, 512);
}

static void guest_memory(void **state)
{
    struct fixture *f = *state;
    struct iovec iov[2];

    disk_image_set_memory(f->img, f->mem);
    assert_int_equal(f->server->nr_regions, 2);
    two_pieces(f, iov, 'a');
    assert_int_equal(run(f, IMAGE_WRITE, 1024, iov, 2), 0);
    assert_int_equal(run(f, IMAGE_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(f->server->flushes, 1);
    assert_int_equal(f->server->disk[1024], 'a');
    assert_int_equal(f->server->disk[1024 + 4095], 'a');
    assert_int_equal(f->server->disk[1024 + 4096], 'b');
    two_pieces(f, iov, 'x');
    assert_int_equal(run(f, IMAGE_READ, 1024, iov, 2), 0);
    assert_int_equal(*(char *)iov[0].iov_base, 'a');
    assert_int_equal(*(char *)iov[1].iov_base, 'b');
    assert_int_equal(f->server->requests, 3);
    assert_int_equal(f->below->submitted, 0);
    disk_image_set_memory(f->img, NULL);
    assert_int_equal(f->server->nr_regions, 1); /* nothing of the guest's is kept */
}

/* More pieces than the server takes, in memory that it has. */
static void many_pieces(void **state)
{
    struct fixture *f = *state;
    struct iovec iov[200];

    disk_image_set_memory(f->img, f->mem);
    for (unsigned i = 0; i < G_N_ELEMENTS(iov); i++) {
        iov[i] = (struct iovec){guest_ptr(f->mem, 1024 * i, 512), 512};
        memset(iov[i].iov_base, (int)i, 512);
    }
    assert_int_equal(run(f, IMAGE_WRITE, 512, iov, G_N_ELEMENTS(iov)), 0);
    assert_int_equal((uint8_t)f->server->disk[512 * 200], 199);
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 126), 0); /* just as many */
    assert_int_equal(f->server->disk[512 * 125], 125);
    assert_int_equal(f->server->requests, 2);
    assert_int_equal(f->below->submitted, 0);
}

/* Through memory of the queue's, or below when it is too much for that. */
static void other_memory(void **state)
{
    struct fixture *f = *state;
    g_autofree char *data = g_malloc(256 << 10);
    struct iovec iov[200];

    for (unsigned i = 0; i < G_N_ELEMENTS(iov); i++) {
        iov[i] = (struct iovec){data + 1024 * i, 512};
        memset(iov[i].iov_base, (int)i, 512);
    }
    assert_int_equal(run(f, IMAGE_WRITE, 512, iov, G_N_ELEMENTS(iov)), 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(iov); i++)
        assert_int_equal((uint8_t)f->server->disk[512 * (i + 1)], i);
    memset(data, 0, 256 << 10);
    assert_int_equal(run(f, IMAGE_READ, 512, iov, G_N_ELEMENTS(iov)), 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(iov); i++)
        assert_int_equal((uint8_t)data[1024 * i + 511], i);
    assert_int_equal(data[1024 * 3 + 512], 0);
    assert_int_equal(f->below->submitted, 0);
    iov[0] = (struct iovec){data, 256 << 10};
    assert_int_equal(run(f, IMAGE_READ, 0, iov, 1), 0);
    assert_int_equal(f->below->submitted, 1);
}

/* A piece that begins in the guest's memory and ends behind it is not its. */
static void across_the_end(void **state)
{
    struct fixture *f = *state;
    struct iovec iov = {guest_ptr(f->mem, 0, 1), (4 << 20) + 512};

    disk_image_set_memory(f->img, f->mem);
    assert_int_equal(run(f, IMAGE_READ, 0, &iov, 1), 0);
    assert_int_equal(f->below->submitted, 1);
    assert_int_equal(f->server->requests, 0);
}

static void many(struct fixture *f)
{
    static struct iovec iov[MANY];

    for (unsigned i = 0; i < MANY; i++) {
        iov[i] = (struct iovec){guest_ptr(f->mem, 512 * i, 512), 512};
        memset(iov[i].iov_base, (int)i, 512);
        f->requests[i] = (struct image_request){
            .op = IMAGE_WRITE, .offset = 512 * i, .bytes = 512, .iov = &iov[i], .iovcnt = 1, .done = on_done};
    }
    start(f, MANY);
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;

    disk_image_set_memory(f->img, f->mem);
    for (unsigned round = 0; round < 20; round++) {
        memset(f->server->disk, 0xff, 512 * MANY);
        many(f);
        wait_done(f);
        assert_int_equal(f->rc, 0);
    }
    assert_int_equal(f->server->requests + (int)f->below->submitted, 20 * MANY);
    assert_true(f->server->requests >= 20 * 256);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal((uint8_t)f->server->disk[512 * i], (uint8_t)i);
}

static void errors(void **state)
{
    struct fixture *f = *state;
    struct iovec iov[2];

    disk_image_set_memory(f->img, f->mem);
    two_pieces(f, iov, 'a');
    set_manner(f, VHOST_FAILS);
    f->below->rc = -ENOSPC;
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 2), -ENOSPC);
    assert_int_equal(f->below->submitted, 1);
    f->below->rc = 0; /* there is room by now */
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 2), 0);
    set_manner(f, VHOST_SERVES);
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 2), 0);
    assert_int_equal(f->below->submitted, 2);
}

static void goes_below(void **state)
{
    struct fixture *f = *state;

    f->requests[0] = (struct image_request){.op = IMAGE_DISCARD, .bytes = 4096, .done = on_done};
    start(f, 1);
    wait_done(f);
    assert_int_equal(f->below->op, IMAGE_DISCARD);
    assert_int_equal(f->below->submitted, 1);
    assert_int_equal(f->server->requests, 0);
}

static void is_lost(struct fixture *f, enum vhost_manner manner)
{
    struct iovec iov[2];

    disk_image_set_memory(f->img, f->mem);
    two_pieces(f, iov, 'a');
    set_manner(f, manner);
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 2), -EIO);
    assert_int_equal(f->below->submitted, 0);
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 2), 0); /* the other way */
    assert_int_equal(f->below->submitted, 1);
    disk_image_set_memory(f->img, NULL);
    image_vhost_disconnect(f->img);
    vhost_server_free(f->server);
    disk_image_set_memory(f->img, f->mem);
    connect_server(f);
    assert_int_equal(run(f, IMAGE_READ, 0, iov, 2), 0);
    assert_int_equal(f->server->requests, 1);
}

static void hangs_up(void **state)
{
    is_lost(*state, VHOST_HANGS_UP);
}

static void lies(void **state)
{
    is_lost(*state, VHOST_LIES);
}

/* Ends while requests are with a server that goes away. */
static void ends_under_way(void **state)
{
    struct fixture *f = *state;

    disk_image_set_memory(f->img, f->mem);
    set_manner(f, VHOST_WAITS);
    many(f);
    shutdown(f->server->fd, SHUT_RDWR);
    image_vhost_disconnect(f->img);
    wait_done(f);
    assert_int_equal(f->rc, -EIO);
}

/* What says that it is smaller is another disk. */
static void other_disk(void **state)
{
    struct fixture *f = *state;
    struct iovec iov[2];
    int fd;

    image_vhost_disconnect(f->img);
    vhost_server_free(f->server);
    f->server = vhost_server_new(&fd);
    f->server->sectors--;
    image_vhost_connect(f->img, fd);
    two_pieces(f, iov, 'a');
    assert_int_equal(run(f, IMAGE_WRITE, 0, iov, 2), 0);
    assert_int_equal(f->below->submitted, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(guest_memory), TEST(many_pieces), TEST(other_memory), TEST(across_the_end), TEST(many_at_once),
        TEST(errors), TEST(goes_below), TEST(hangs_up), TEST(lies), TEST(ends_under_way), TEST(other_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
