/* kbd.c: what arrives in the guest's ring. */
#include "fb_guest.h"
#include "xenner/backend/kbd.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <xen/io/kbdif.h>

struct fixture {
    struct fb_guest *guest;
    struct display *display;
    struct kbd *kbd;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);
    const struct kbd_config config = {.width = 800, .height = 600, .absolute = true};
    static const uint8_t pixels[100 * 100];
    const struct surface s = {pixels, 401, 301, 1, SURFACE_RGB332};

    f->guest = fb_guest_new();
    f->display = display_new();
    display_set_surface(f->display, DISPLAY_TEXT, &s);
    f->kbd = kbd_new(f->guest->g.host, 0, &config, f->display, NULL);
    assert_non_null(f->kbd);
    fb_guest_run();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kbd_free(f->kbd);
    display_free(f->display);
    fb_guest_free(f->guest);
    g_free(f);
    return 0;
}

static struct xenkbd_page *connect(struct fixture *f, bool absolute)
{
    struct xenkbd_page *page = fb_guest_frame(f->guest, FB_PAGE);

    memset(page, 0, FRAME_SIZE);
    fb_guest_write(f->guest, "vkbd", "request-abs-pointer", absolute ? "1" : "0");
    fb_guest_connect(f->guest, "vkbd", "x86_64-abi");
    assert_int_equal(display_is_absolute(f->display), absolute);
    return page;
}

static union xenkbd_in_event next(struct xenkbd_page *page)
{
    union xenkbd_in_event e;

    assert_int_not_equal(page->in_cons, page->in_prod);
    memcpy(&e, &XENKBD_IN_RING_REF(page, page->in_cons), sizeof(e));
    page->in_cons++;
    return e;
}

static void keys(void **state)
{
    struct fixture *f = *state;

    display_key(f->display, KEY_A, true); /* there is nobody yet: it is lost */
    struct xenkbd_page *page = connect(f, true);
    display_key(f->display, KEY_B, true);
    display_key(f->display, BTN_LEFT, false);
    union xenkbd_in_event e = next(page);
    assert_true(e.type == XENKBD_TYPE_KEY && e.key.keycode == KEY_B && e.key.pressed == 1);
    e = next(page);
    assert_true(e.type == XENKBD_TYPE_KEY && e.key.keycode == BTN_LEFT && e.key.pressed == 0);
    assert_int_equal(page->in_cons, page->in_prod);
}

static void absolute(void **state)
{
    struct fixture *f = *state;
    struct xenkbd_page *page = connect(f, true);

    display_pointer(f->display, 400, 300); /* the last pixel of 401x301 */
    union xenkbd_in_event e = next(page);
    assert_true(e.type == XENKBD_TYPE_POS && e.pos.abs_x == 799 && e.pos.abs_y == 599);
    display_pointer(f->display, 4000, 0); /* outside: the edge */
    e = next(page);
    assert_true(e.pos.abs_x == 799 && e.pos.abs_y == 0 && e.pos.rel_z == 0);
    display_pointer(f->display, 4000, 0); /* it did not move */
    assert_int_equal(page->in_cons, page->in_prod);
    display_wheel(f->display, -1);
    e = next(page);
    assert_true(e.type == XENKBD_TYPE_POS && e.pos.abs_x == 799 && e.pos.rel_z == -1);
}

static void relative(void **state)
{
    struct fixture *f = *state;
    struct xenkbd_page *page = connect(f, false);

    display_pointer(f->display, 10, 20); /* from where? */
    assert_int_equal(page->in_cons, page->in_prod);
    display_pointer(f->display, 13, 15);
    union xenkbd_in_event e = next(page);
    assert_true(e.type == XENKBD_TYPE_MOTION && e.motion.rel_x == 3 && e.motion.rel_y == -5);
    display_wheel(f->display, 1);
    e = next(page);
    assert_true(e.type == XENKBD_TYPE_MOTION && e.motion.rel_x == 0 && e.motion.rel_z == 1);
}

/* A guest that does not read for a while loses nothing, up to a bound. */
static void waits(void **state)
{
    struct fixture *f = *state;
    struct xenkbd_page *page = connect(f, true);
    unsigned seen = 0;

    for (unsigned i = 0; i < 10000; i++)
        display_key(f->display, i & 0xff, true);
    assert_int_equal(page->in_prod, XENKBD_IN_RING_LEN);
    while (page->in_cons != page->in_prod) {
        while (page->in_cons != page->in_prod)
            assert_int_equal(next(page).key.keycode, seen++ & 0xff);
        fb_guest_send(f->guest);
    }
    assert_in_range(seen, 500, 600);
}

static void broken_ring(void **state)
{
    struct fixture *f = *state;
    struct xenkbd_page *page = connect(f, true);

    page->out_prod = 12345; /* events that nobody defined: they are done */
    fb_guest_send(f->guest);
    assert_int_equal(page->out_cons, 12345);
    page->in_cons = page->in_prod + 1; /* read what was never there */
    display_key(f->display, KEY_A, true);
    g_autofree char *is = fb_guest_backend(f->guest, "vkbd", "state");
    assert_string_equal(is, "5");
    display_key(f->display, KEY_A, false);
}

#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GUEST(keys),  WITH_GUEST(absolute),    WITH_GUEST(relative),
        WITH_GUEST(waits), WITH_GUEST(broken_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
