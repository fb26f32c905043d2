/* display.c, surface.c, keymap.c: pictures, rectangles, names of keys. */
#include "xenner/display/display.h"
#include "xenner/display/key_queue.h"
#include "xenner/display/keymap.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <string.h>

static void formats(void **state)
{
    static const uint16_t wide[] = {0xffff, 0xf800, 0x07e0, 0x001f, 0x8410};
    static const uint8_t narrow[] = {0xff, 0xe0, 0x1c, 0x03, 0x01};
    static const uint32_t full[] = {0xff000001, 0x00fedcba};
    uint32_t out[5];
    struct surface s = {(const uint8_t *)wide, 5, 1, sizeof(wide), SURFACE_RGB565};

    surface_read(&s, 0, 0, 5, out);
    assert_true(out[0] == 0xffffff && out[1] == 0xff0000 && out[2] == 0xff00 && out[3] == 0xff);
    assert_int_equal(out[4], 0x848284);
    surface_read(&s, 3, 0, 1, out);
    assert_int_equal(out[0], 0xff);
    s = (struct surface){narrow, 5, 1, sizeof(narrow), SURFACE_RGB332};
    surface_read(&s, 0, 0, 5, out);
    assert_true(out[0] == 0xffffff && out[1] == 0xff0000 && out[2] == 0xff00 && out[3] == 0xff);
    assert_int_equal(out[4], 0x55);
    s = (struct surface){(const uint8_t *)full, 1, 2, 4, SURFACE_XRGB8888};
    surface_read(&s, 0, 1, 1, out);
    assert_int_equal(out[0], 0xfedcba);
}

enum { SIDE = 48 };

/* Whatever was added is covered, nothing overlaps, and there are never too many. */
static void dirty_covers(void **state)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (unsigned round = 0; round < 300; round++) {
        bool added[SIDE][SIDE] = {{false}};
        struct dirty d = {0};
        for (unsigned i = 0; i < 30; i++) {
            struct rect r = {(unsigned)g_rand_int_range(rand, 0, SIDE),
                             (unsigned)g_rand_int_range(rand, 0, SIDE), 1, 1};
            r.width = (unsigned)g_rand_int_range(rand, 1, (int)MIN(6, SIDE - r.x + 1));
            r.height = (unsigned)g_rand_int_range(rand, 1, (int)MIN(6, SIDE - r.y + 1));
            dirty_add(&d, &r);
            assert_in_range(d.n, 1, DIRTY_MAX - 1);
            for (unsigned y = r.y; y < r.y + r.height; y++)
                memset(&added[y][r.x], true, r.width);
            unsigned covered[SIDE][SIDE] = {{0}};
            for (unsigned k = 0; k < d.n; k++)
                for (unsigned y = d.rects[k].y; y < d.rects[k].y + d.rects[k].height; y++)
                    for (unsigned x = d.rects[k].x; x < d.rects[k].x + d.rects[k].width; x++)
                        covered[y][x]++;
            for (unsigned y = 0; y < SIDE; y++)
                for (unsigned x = 0; x < SIDE; x++)
                    if (covered[y][x] > 1 || (added[y][x] && !covered[y][x]))
                        fail_msg("round %u: (%u,%u) is covered %u times", round, x, y,
                                 covered[y][x]);
        }
    }
}

static void dirty_joins(void **state)
{
    struct dirty d = {0};

    dirty_add(&d, &(struct rect){0, 0, 100, 1});
    dirty_add(&d, &(struct rect){0, 2, 100, 1});
    assert_int_equal(d.n, 2);
    dirty_add(&d, &(struct rect){0, 1, 100, 1}); /* rows become one */
    assert_int_equal(d.n, 1);
    assert_int_equal(d.rects[0].height, 3);
    dirty_add(&d, &(struct rect){90, 90, 1, 1}); /* far away: not the whole square */
    assert_int_equal(d.n, 2);
}

struct seen {
    unsigned changes, updates, keys, last_key;
    const uint8_t *pixels;
};

static void on_changed(void *opaque, const struct surface *s)
{
    struct seen *seen = opaque;

    seen->changes++;
    seen->pixels = s ? s->pixels : NULL;
}

static void on_updated(void *opaque, const struct rect *r)
{
    ((struct seen *)opaque)->updates++;
}

static void on_key(void *opaque, unsigned code, bool down)
{
    ((struct seen *)opaque)->keys++;
    ((struct seen *)opaque)->last_key = code;
}

static void sources(void **state)
{
    static const struct display_listener listener = {on_changed, on_updated};
    static const struct input_sink sink = {.key = on_key};
    static const uint8_t text[4], guest[4];
    const struct surface t = {text, 1, 1, 4, SURFACE_XRGB8888}, g = {guest, 1, 1, 4, 0};
    const struct rect all = {0, 0, 1, 1};
    struct display *d = display_new();
    struct seen seen = {0};

    display_listen(d, &listener, &seen);
    assert_int_equal(seen.changes, 0);
    display_set_surface(d, DISPLAY_TEXT, &t);
    display_set_surface(d, DISPLAY_GUEST, &g);
    assert_true(seen.changes == 2 && seen.pixels == guest);
    display_update(d, DISPLAY_TEXT, &all); /* hidden */
    display_set_surface(d, DISPLAY_TEXT, &t);
    assert_true(seen.changes == 2 && seen.updates == 0);
    display_update(d, DISPLAY_GUEST, &all);
    assert_int_equal(seen.updates, 1);
    display_set_surface(d, DISPLAY_GUEST, NULL);
    assert_true(seen.changes == 3 && seen.pixels == text);
    display_set_surface(d, DISPLAY_TEXT, NULL);
    assert_true(seen.changes == 4 && !seen.pixels && !display_surface(d));
    display_key(d, KEY_A, true);
    display_set_sink(d, DISPLAY_GUEST, &sink, &seen);
    display_key(d, KEY_B, true);
    display_set_sink(d, DISPLAY_GUEST, NULL, d); /* somebody else's: stays */
    display_key(d, KEY_C, true);
    assert_true(seen.keys == 2 && seen.last_key == KEY_C);
    display_set_sink(d, DISPLAY_GUEST, NULL, &seen);
    display_key(d, KEY_D, true);
    assert_int_equal(seen.keys, 2);
    display_unlisten(d, &seen);
    display_set_surface(d, DISPLAY_TEXT, &t);
    assert_int_equal(seen.changes, 4);
    display_free(d);
}

static void note_key(void *opaque, unsigned code, bool down)
{
    g_string_append_printf(opaque, "%c%u ", down ? '+' : '-', code);
}

static void note_pointer(void *opaque, unsigned x, unsigned y, unsigned width, unsigned height)
{
    g_string_append_printf(opaque, "%u,%u ", x, y);
}

static void note_motion(void *opaque, int dx, int dy)
{
    g_string_append_printf(opaque, "%+d%+d ", dx, dy);
}

static bool yes(void *opaque)
{
    return true;
}

static void pointer_moves(void **state)
{
    static const struct input_sink mouse = {.pointer = note_pointer, .motion = note_motion};
    static const struct input_sink tablet = {.pointer = note_pointer, .motion = note_motion,
                                             .absolute = yes};
    const struct surface s = {(const uint8_t *)"", 100, 50, 0, SURFACE_XRGB8888};
    struct display *d = display_new();
    g_autoptr(GString) seen = g_string_new(NULL);

    display_move(d, 1, 1); /* nobody is there */
    display_set_surface(d, DISPLAY_GUEST, &s);
    display_set_sink(d, DISPLAY_GUEST, &tablet, seen);
    display_pointer(d, 10, 10);
    display_move(d, 5, -3);
    display_move(d, -1000, G_MAXINT);
    assert_string_equal(seen->str, "10,10 15,7 0,49 ");
    g_string_truncate(seen, 0);
    display_set_sink(d, DISPLAY_GUEST, &mouse, seen);
    display_move(d, -1000, 5);
    assert_string_equal(seen->str, "-1000+5 ");
    display_set_sink(d, DISPLAY_GUEST, NULL, seen);
    display_free(d);
}

static void chords(void **state)
{
    static const struct input_sink sink = {.key = note_key};
    static const unsigned one[] = {29, 56, 111}, two[] = {30}, many[KEY_QUEUE_MAX_KEYS + 1];
    struct display *d = display_new();
    g_autoptr(GString) seen = g_string_new(NULL);
    struct key_queue *q = key_queue_new(d);

    display_set_sink(d, DISPLAY_GUEST, &sink, seen);
    assert_false(key_queue_add(q, many, G_N_ELEMENTS(many), 1));
    assert_true(key_queue_add(q, one, 3, 1));
    assert_true(key_queue_add(q, two, 1, 1));
    assert_string_equal(seen->str, "+29 +56 +111 ");
    while (!g_str_has_suffix(seen->str, "-30 "))
        g_main_context_iteration(NULL, TRUE);
    assert_string_equal(seen->str, "+29 +56 +111 -111 -56 -29 +30 -30 ");
    unsigned n = 0;
    while (key_queue_add(q, two, 1, 1000000))
        n++;
    assert_int_equal(n, 1024);
    key_queue_free(q); /* what is down comes up */
    assert_true(g_str_has_suffix(seen->str, "-30 +30 -30 "));
    display_set_sink(d, DISPLAY_GUEST, NULL, seen);
    display_free(d);
}

static void keymaps(void **state)
{
    const struct keymap *us = keymap_find("us"), *de = keymap_find("de");

    assert_non_null(us);
    assert_non_null(de);
    assert_null(keymap_find("xx"));
    assert_int_equal(keymap_code(us, 'y'), KEY_Y);
    assert_int_equal(keymap_code(us, 'Y'), KEY_Y);
    assert_int_equal(keymap_code(de, 'y'), KEY_Z);
    assert_int_equal(keymap_code(us, '@'), KEY_2);
    assert_int_equal(keymap_code(de, '@'), KEY_Q);
    assert_int_equal(keymap_code(de, 0x20ac), KEY_E);
    assert_int_equal(keymap_code(de, 0xfc), KEY_LEFTBRACE);
    assert_int_equal(keymap_code(de, '<'), KEY_102ND);
    assert_int_equal(keymap_code(us, '<'), KEY_COMMA);
    assert_int_equal(keymap_code(us, 0xff0d), KEY_ENTER);
    assert_int_equal(keymap_code(us, 0xffc9), KEY_F12);
    assert_int_equal(keymap_code(us, 0), 0);
    assert_int_equal(keymap_code(us, UINT32_MAX), 0);
    for (uint32_t c = 0x20; c < 0x7f; c++) {
        if (!keymap_code(us, c) || !keymap_code(de, c))
            fail_msg("no key for '%c'", (int)c);
    }
}

static void names(void **state)
{
    static const struct {
        const char *qcode;
        unsigned code, number;
    } cases[] = {
        {"a", KEY_A, 0x1e}, {"ret", KEY_ENTER, 0x1c}, {"kp_enter", KEY_KPENTER, 0x9c},
        {"delete", KEY_DELETE, 0xd3}, {"ctrl_r", KEY_RIGHTCTRL, 0x9d}, {"f12", KEY_F12, 0x58},
        {"less", KEY_102ND, 0x56}, {"meta_l", KEY_LEFTMETA, 0xdb}, {"sysrq", KEY_SYSRQ, 0x54},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct key *k = key_by_qcode(cases[i].qcode);
        if (!k || k->code != cases[i].code || k->number != cases[i].number)
            fail_msg("%s: %d, number 0x%x", cases[i].qcode, k ? k->code : 0, k ? k->number : 0);
        assert_ptr_equal(key_by_number(cases[i].number), k);
        assert_int_equal(key_by_code(cases[i].code)->code, k->code);
    }
    assert_ptr_equal(key_by_number(0xe01c), key_by_qcode("kp_enter"));
    assert_null(key_by_number(0));
    assert_null(key_by_number(UINT32_MAX));
    assert_null(key_by_qcode("no such"));
    assert_null(key_by_code(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats), cmocka_unit_test(dirty_covers), cmocka_unit_test(dirty_joins),
        cmocka_unit_test(sources), cmocka_unit_test(keymaps),      cmocka_unit_test(names),
        cmocka_unit_test(pointer_moves), cmocka_unit_test(chords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
