/* fb.c: a frontend that says what is right, and what is not. */
#include "fb_guest.h"
#include "xenner/backend/fb.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/io/fbif.h>

enum { WIDTH = 64, HEIGHT = 40, STRIDE = WIDTH * 4, FRAMES = 3 }; /* 10240 bytes: 2.5 frames */

struct fixture {
    struct fb_guest *guest;
    struct display *display;
    struct fb *fb;
    unsigned changes, updates;
    bool shown;
    struct surface surface;
    struct rect last;
};

static void on_changed(void *opaque, const struct surface *s)
{
    struct fixture *f = opaque;

    f->changes++;
    f->shown = s != NULL;
    f->surface = s ? *s : (struct surface){0};
}

static void on_updated(void *opaque, const struct rect *r)
{
    struct fixture *f = opaque;

    f->updates++;
    f->last = *r;
}

static const struct display_listener listener = {on_changed, on_updated};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->guest = fb_guest_new();
    f->display = display_new();
    display_listen(f->display, &listener, f);
    f->fb = fb_new(f->guest->g.host, 0, f->display, NULL);
    assert_non_null(f->fb);
    fb_guest_run();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fb_free(f->fb);
    assert_false(f->shown);
    display_unlisten(f->display, f);
    display_free(f->display);
    fb_guest_free(f->guest);
    g_free(f);
    return 0;
}

static void expect_state(struct fixture *f, const char *state)
{
    g_autofree char *is = fb_guest_backend(f->guest, "vfb", "state");

    assert_string_equal(is, state);
}

/* A good page; the pixels' frames lie backwards. */
static struct xenfb_page *fill(struct fixture *f)
{
    struct xenfb_page *page = fb_guest_frame(f->guest, FB_PAGE);
    uint64_t *dir = fb_guest_frame(f->guest, FB_DIR);

    memset(page, 0, FRAME_SIZE);
    page->width = WIDTH;
    page->height = HEIGHT;
    page->line_length = STRIDE;
    page->mem_length = STRIDE * HEIGHT;
    page->depth = 32;
    page->pd[0] = FB_DIR;
    for (unsigned i = 0; i < FRAMES; i++)
        dir[i] = FB_FIRST + FRAMES - 1 - i;
    return page;
}

static struct xenfb_page *good(struct fixture *f)
{
    struct xenfb_page *page = fill(f);

    fb_guest_connect(f->guest, "vfb", "x86_64-abi");
    expect_state(f, "4");
    assert_true(f->shown);
    return page;
}

/* Until all that the guest said was heard, or nobody listens any more. */
static void settle(struct fixture *f, struct xenfb_page *page)
{
    while (f->shown && page->out_cons != page->out_prod)
        g_main_context_iteration(NULL, TRUE);
}

static void say(struct fixture *f, struct xenfb_page *page, const union xenfb_out_event *e)
{
    memcpy(&XENFB_OUT_RING_REF(page, page->out_prod), e, sizeof(*e));
    page->out_prod++;
    fb_guest_send(f->guest);
    settle(f, page);
}

static void pixels_are_the_guests(void **state)
{
    struct fixture *f = *state;
    uint32_t pixel;

    good(f);
    assert_true(f->surface.width == WIDTH && f->surface.height == HEIGHT);
    /* the second frame of the picture is in the middle; its first pixel is at byte 4096 */
    uint32_t *frame = fb_guest_frame(f->guest, FB_FIRST + 1);
    frame[0] = 0xff123456;
    surface_read(&f->surface, 0, FRAME_SIZE / STRIDE, 1, &pixel);
    assert_int_equal(pixel, 0x123456);
    frame = fb_guest_frame(f->guest, FB_FIRST + 2);
    frame[WIDTH + 3] = 0x00abcdef;
    surface_read(&f->surface, 3, 1, 1, &pixel);
    assert_int_equal(pixel, 0xabcdef);
    g_autofree char *wants = fb_guest_backend(f->guest, "vfb", "request-update");
    g_autofree char *resize = fb_guest_backend(f->guest, "vfb", "feature-resize");
    assert_string_equal(wants, "1");
    assert_string_equal(resize, "1");
}

static void thirty_two_bits(void **state)
{
    struct fixture *f = *state;
    uint8_t *page = (uint8_t *)fill(f);
    uint32_t dir[FRAMES] = {FB_FIRST, FB_FIRST + 1, FB_FIRST + 2}, first = FB_DIR2;

    memset(page + 36, 0xff, 64); /* what a 64-bit guest would mean */
    memcpy(page + 36, &first, sizeof(first));
    memcpy(fb_guest_frame(f->guest, FB_DIR2), dir, sizeof(dir));
    fb_guest_connect(f->guest, "vfb", "x86_32-abi");
    expect_state(f, "4");
    uint32_t pixel, *frame = fb_guest_frame(f->guest, FB_FIRST + 1);
    frame[0] = 0x00112233;
    surface_read(&f->surface, 0, FRAME_SIZE / STRIDE, 1, &pixel);
    assert_int_equal(pixel, 0x112233);
}

static void updates_are_clipped(void **state)
{
    struct fixture *f = *state;
    struct xenfb_page *page = good(f);
    const struct {
        int32_t in[4];
        unsigned out[4]; /* width 0: nothing */
    } cases[] = {
        {{1, 2, 3, 4}, {1, 2, 3, 4}},
        {{0, 0, WIDTH, HEIGHT}, {0, 0, WIDTH, HEIGHT}},
        {{-5, -5, 10, 10}, {0, 0, 5, 5}},
        {{60, 30, INT32_MAX, INT32_MAX}, {60, 30, 4, 10}},
        {{INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX}, {0}},
        {{INT32_MAX, 0, INT32_MAX, 1}, {0}},
        {{0, 0, -1, 5}, {0}},
        {{0, 0, 0, 0}, {0}},
        {{WIDTH, 0, 1, 1}, {0}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const int32_t *in = cases[i].in;
        const unsigned *out = cases[i].out;
        unsigned before = f->updates;
        say(f, page, &(union xenfb_out_event){
            .update = {XENFB_TYPE_UPDATE, in[0], in[1], in[2], in[3]}});
        assert_int_equal(page->out_cons, page->out_prod);
        assert_int_equal(f->updates - before, out[2] != 0);
        if (out[2] && (f->last.x != out[0] || f->last.y != out[1] || f->last.width != out[2] ||
                       f->last.height != out[3]))
            fail_msg("case %zu: %u,%u %ux%u", i, f->last.x, f->last.y, f->last.width,
                     f->last.height);
    }
}

/* A guest that draws without pause has few places in the ring, all of it again when it rests. */
static void busy_guest(void **state)
{
    struct fixture *f = *state;
    struct xenfb_page *page = good(f);
    unsigned sent = 0, turns = 0;
    uint32_t cons = page->out_cons;

    while (turns < 5) {
        for (; page->out_prod - page->out_cons < XENFB_OUT_RING_LEN; page->out_prod++, sent++)
            XENFB_OUT_RING_REF(page, page->out_prod) =
                (union xenfb_out_event){.update = {XENFB_TYPE_UPDATE, 0, 0, WIDTH, HEIGHT}};
        fb_guest_send(f->guest);
        turns += page->out_cons != cons;
        cons = page->out_cons;
        g_main_context_iteration(NULL, FALSE);
    }
    assert_in_range(sent, XENFB_OUT_RING_LEN, XENFB_OUT_RING_LEN + 5 * 8);
    settle(f, page);
    assert_int_equal(f->updates, sent);
    display_refresh(f->display); /* who looks sees what was said up to now, whatever the turn */
    for (unsigned i = 0; i < 2; i++) {
        XENFB_OUT_RING_REF(page, page->out_prod) =
            (union xenfb_out_event){.update = {XENFB_TYPE_UPDATE, 0, 0, 1, 1}};
        page->out_prod++;
        if (i == 0)
            fb_guest_send(f->guest);
    }
    display_refresh(f->display);
    assert_int_equal(f->updates, sent + 2);
}

static void resize(void **state)
{
    struct fixture *f = *state;
    struct xenfb_page *page = good(f);

    say(f, page, &(union xenfb_out_event){.resize = {XENFB_TYPE_RESIZE, 100, 20, 200, 16, 96}});
    expect_state(f, "4");
    assert_int_equal(f->changes, 2);
    assert_true(f->surface.width == 100 && f->surface.height == 20 && f->surface.stride == 200);
    assert_int_equal(f->surface.format, SURFACE_RGB565);
    /* one byte more than there is */
    say(f, page, &(union xenfb_out_event){
        .resize = {XENFB_TYPE_RESIZE, WIDTH, HEIGHT, STRIDE, 32, 1}});
    expect_state(f, "5");
    assert_false(f->shown);
}

static void broken_ring(void **state)
{
    struct fixture *f = *state;
    struct xenfb_page *page = good(f);

    page->out_prod = XENFB_OUT_RING_LEN; /* full is fine; all are of a type that is not known */
    fb_guest_send(f->guest);
    expect_state(f, "4");
    settle(f, page);
    page->out_prod += XENFB_OUT_RING_LEN + 1;
    fb_guest_send(f->guest);
    expect_state(f, "5");
    assert_false(f->shown);
    fb_guest_send(f->guest); /* nobody listens any more */
    /* the driver comes again */
    fb_guest_write(f->guest, "vfb", "state", "6");
    fb_guest_run();
    fb_guest_write(f->guest, "vfb", "state", "1");
    fb_guest_run();
    good(f);
}

static void bad_pages(void **state)
{
    struct fixture *f = *state;

    for (unsigned what = 0; what < 8; what++) {
        struct xenfb_page *page = fill(f);
        uint64_t *dir = fb_guest_frame(f->guest, FB_DIR);
        switch (what) {
        case 0: page->mem_length = 0; break;
        case 1: page->mem_length = UINT32_MAX; break;
        case 2: page->pd[0] = UINT64_MAX; break;
        case 3: page->pd[0] = FB_GUEST_FRAMES; break;
        case 4: dir[FRAMES - 1] = UINT64_MAX >> 12; break;
        case 5: page->height++; break;
        case 6: page->depth = 31; break;
        case 7: page->mem_length = FB_MAX_MEMORY + 1; break;
        }
        fb_guest_connect(f->guest, "vfb", "x86_64-abi");
        g_autofree char *is = fb_guest_backend(f->guest, "vfb", "state");
        if (strcmp(is, "5") != 0 || f->shown)
            fail_msg("page %u: state %s", what, is);
        fb_guest_write(f->guest, "vfb", "state", "6");
        fb_guest_run();
        fb_guest_write(f->guest, "vfb", "state", "1");
        fb_guest_run();
    }
}

static void geometry(void **state)
{
    static const struct {
        struct fb_geometry g;
        bool good;
    } cases[] = {
        {{16, 16, 64, 32, 0}, true},   {{16, 16, 64, 32, 1}, false},  {{16, 15, 64, 32, 64}, true},
        {{17, 16, 64, 32, 0}, false},  {{16, 17, 64, 32, 0}, false},  {{0, 16, 64, 32, 0}, false},
        {{16, 0, 64, 32, 0}, false},   {{-16, 16, 64, 32, 0}, false}, {{16, -16, 64, 32, 0}, false},
        {{16, 16, -64, 32, 0}, false}, {{16, 16, 64, 32, -1}, false}, {{32, 32, 32, 8, 0}, true},
        {{32, 16, 64, 16, 0}, true},   {{32, 16, 64, 24, 0}, false},  {{16, 16, 64, -32, 0}, false},
        {{16384, 16384, INT32_MAX, 32, 0}, false},
        {{INT32_MAX, INT32_MAX, INT32_MAX, 32, INT32_MAX}, false},
        {{INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN}, false},
        {{1, 1, 4, 32, 1020}, true},   {{1, 1, 4, 32, 1021}, false},  {{1, 1, 4, 32, 1025}, false},
        {{1, 16, 65, 32, 0}, true},    {{16, 16, 65, 32, 0}, false},
    };
    static const uint8_t memory[1024];

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct surface s;
        const char *why;
        if (fb_check(&cases[i].g, memory, sizeof(memory), &s, &why) != cases[i].good)
            fail_msg("case %zu: %s", i, why ? why : "taken");
    }
}

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GUEST(pixels_are_the_guests), WITH_GUEST(thirty_two_bits),
        WITH_GUEST(updates_are_clipped),   WITH_GUEST(busy_guest),
        WITH_GUEST(resize),
        WITH_GUEST(broken_ring),           WITH_GUEST(bad_pages),
        cmocka_unit_test(geometry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
