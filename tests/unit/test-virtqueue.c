/* virtqueue.c against a device made by hand: going round, when who is told, and answers that are nonsense. */
#include "xenner/backend/virtqueue.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib.h>
#include <linux/virtio_ring.h>
#include <string.h>

enum { ENTRIES = 8 };

struct fixture {
    struct virtqueue *vq;
    void *memory;
    struct vring ring;  /* the device's view */
    uint16_t seen;      /* of the available ring */
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    struct virtqueue_layout at = virtqueue_layout(ENTRIES);

    f->memory = aligned_alloc(64, (at.bytes + 63) / 64 * 64);
    memset(f->memory, 0, at.bytes);
    f->vq = virtqueue_new(f->memory, ENTRIES);
    f->ring = (struct vring){.num = ENTRIES, .desc = (void *)((char *)f->memory + at.desc),
                             .avail = (void *)((char *)f->memory + at.avail),
                             .used = (void *)((char *)f->memory + at.used)};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    virtqueue_free(f->vq);
    free(f->memory);
    g_free(f);
    return 0;
}

static unsigned add(struct fixture *f)
{
    int entry = virtqueue_free_entry(f->vq);

    assert_in_range(entry, 0, ENTRIES - 1);
    virtqueue_add(f->vq, (unsigned)entry, 0x1000u * (unsigned)entry, 3);
    return (unsigned)entry;
}

/* The device takes what is next, if the driver has shown it. */
static unsigned device_take(struct fixture *f)
{
    assert_int_not_equal(f->ring.avail->idx, f->seen);
    return f->ring.avail->ring[f->seen++ % ENTRIES];
}

static void device_answer(struct fixture *f, uint32_t id)
{
    f->ring.used->ring[f->ring.used->idx % ENTRIES].id = id;
    f->ring.used->idx++;
}

static void goes_round(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 20000; i++) { /* past the end of the 16-bit counters, with up to three under way */
        unsigned a = add(f), b = add(f), c = add(f);
        virtqueue_publish(f->vq);
        assert_int_equal(virtqueue_under_way(f->vq), 3);
        assert_int_equal(virtqueue_take(f->vq), -1);
        assert_int_equal(device_take(f), a);
        assert_int_equal(f->ring.desc[a].addr, 0x1000u * a);
        assert_int_equal(f->ring.desc[a].len, 3 * sizeof(struct vring_desc));
        assert_int_equal(f->ring.desc[a].flags, VRING_DESC_F_INDIRECT);
        assert_int_equal(device_take(f), b);
        assert_int_equal(device_take(f), c);
        device_answer(f, c); /* in any order */
        device_answer(f, a);
        assert_int_equal(virtqueue_take(f->vq), c);
        assert_int_equal(virtqueue_take(f->vq), a);
        device_answer(f, b);
        assert_int_equal(virtqueue_take(f->vq), b);
        assert_int_equal(virtqueue_take(f->vq), -1);
    }
    assert_int_equal(virtqueue_under_way(f->vq), 0);
}

static void gets_full(void **state)
{
    struct fixture *f = *state;
    bool used[ENTRIES] = {false};

    for (unsigned i = 0; i < ENTRIES; i++) {
        unsigned entry = add(f);
        assert_false(used[entry]);
        used[entry] = true;
    }
    assert_int_equal(virtqueue_free_entry(f->vq), -1);
    assert_int_equal(f->ring.avail->idx, 0); /* nothing is shown before it is published */
    virtqueue_publish(f->vq);
    assert_int_equal(f->ring.avail->idx, ENTRIES);
    device_answer(f, 5);
    assert_int_equal(virtqueue_take(f->vq), 5);
    assert_int_equal(virtqueue_free_entry(f->vq), 5);
}

static void kicks(void **state)
{
    struct fixture *f = *state;

    assert_false(virtqueue_publish(f->vq)); /* nothing to be shown */
    add(f);
    assert_true(virtqueue_publish(f->vq));  /* the device waits for the first */
    add(f);
    assert_false(virtqueue_publish(f->vq)); /* it was told, and has not looked yet */
    vring_avail_event(&f->ring) = 2;
    add(f);
    add(f);
    assert_true(virtqueue_publish(f->vq));
}

static void waits(void **state)
{
    struct fixture *f = *state;

    unsigned a = add(f), b = add(f);
    virtqueue_publish(f->vq);
    assert_true(virtqueue_wait(f->vq));
    assert_int_equal(vring_used_event(&f->ring), 0);
    device_answer(f, a);
    assert_false(virtqueue_wait(f->vq)); /* it came before the device could know */
    assert_int_equal(virtqueue_take(f->vq), a);
    assert_true(virtqueue_wait(f->vq));
    assert_int_equal(vring_used_event(&f->ring), 1);
    device_answer(f, b);
    assert_int_equal(virtqueue_take(f->vq), b);
}

static void nonsense(void **state)
{
    struct fixture *f = *state;
    static const uint32_t ids[] = {ENTRIES, UINT32_MAX, 0x10000};

    unsigned a = add(f), b = add(f);
    virtqueue_publish(f->vq);
    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        f->ring.used->ring[0].id = ids[i];
        f->ring.used->idx = 1;
        assert_int_equal(virtqueue_take(f->vq), -2);
    }
    f->ring.used->ring[0].id = 7; /* nobody asked for that */
    assert_int_equal(virtqueue_take(f->vq), -2);
    f->ring.used->ring[0].id = a;
    assert_int_equal(virtqueue_take(f->vq), a);
    f->ring.used->ring[1].id = b;
    f->ring.used->idx = 0; /* back */
    assert_int_equal(virtqueue_take(f->vq), -2);
    f->ring.used->idx = 3; /* more than there are */
    assert_int_equal(virtqueue_take(f->vq), -2);
    f->ring.used->idx = 2; /* twice the same */
    f->ring.used->ring[1].id = a;
    assert_int_equal(virtqueue_take(f->vq), -2);
    f->ring.used->ring[1].id = b;
    assert_int_equal(virtqueue_take(f->vq), b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_round, setup, teardown),
        cmocka_unit_test_setup_teardown(gets_full, setup, teardown),
        cmocka_unit_test_setup_teardown(kicks, setup, teardown),
        cmocka_unit_test_setup_teardown(waits, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
