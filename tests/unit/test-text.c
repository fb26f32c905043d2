/* vt.c, text_view.c, shot.c: a terminal's characters, their picture, and its file. */
#include "xenner/display/font.h"
#include "xenner/display/shot.h"
#include "xenner/display/text_view.h"
#include "xenner/display/vt.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

/* Row y without its trailing blanks; characters beyond ASCII are '?'. */
static const char *row(const struct vt *vt, unsigned y)
{
    static char text[VT_COLUMNS + 1];
    unsigned end = 0;

    for (unsigned x = 0; x < VT_COLUMNS; x++) {
        uint32_t c = vt->cells[y][x].character;
        text[x] = c == 0 ? ' ' : c < 0x7f ? (char)c : '?';
        if (text[x] != ' ')
            end = x + 1;
    }
    text[end] = '\0';
    return text;
}

static void writes(void **state)
{
    static const struct {
        const char *in, *rows[3];
        unsigned y, x;
    } cases[] = {
        {"one\r\ntwo", {"one", "two", ""}, 1, 3},
        {"a\nb", {"a", " b", ""}, 1, 2},
        {"abc\b\bX", {"aXc", "", ""}, 0, 2},
        {"a\tb", {"a       b", "", ""}, 0, 9},
        {"junk\033[2J\033[H\033[?25lnew", {"new", "", ""}, 0, 3},
        {"\033[2;3Hx\033[1;1Hy\033[99;99Hz\033[H", {"y", "  x", ""}, 0, 0},
        {"hello\033[2D\033[K!", {"hel!", "", ""}, 0, 4},
        {"12345\033[1G\033[2P\033[1@", {" 345", "", ""}, 0, 0},
        {"1\r\n2\r\n3\033[1;1H\033[L", {"", "1", "2"}, 0, 0},
        {"1\r\n2\r\n3\033[1;1H\033[M", {"2", "3", ""}, 0, 0},
        {"1\r\n2\r\n3\033[1;2r\033[2;1H\n", {"2", "", "3"}, 1, 0},
        {"1\r\n2\033[H\033M", {"", "1", "2"}, 0, 0},
        {"\033]0;a title\007text", {"text", "", ""}, 0, 4},
        {"\033(Bx\0337\r\ny\0338z", {"xz", "y", ""}, 0, 2},
        {"\303\244\342\202\254!", {"?" "?" "!", "", ""}, 0, 3},
        {"\033[1;31;44mA\033[0mB", {"AB", "", ""}, 0, 2},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vt vt;
        vt_reset(&vt);
        for (const char *c = cases[i].in; *c; c++) /* in pieces: the state is kept */
            vt_write(&vt, (const uint8_t *)c, 1);
        for (unsigned y = 0; y < 3; y++) {
            if (strcmp(row(&vt, y), cases[i].rows[y]) != 0)
                fail_msg("case %zu: row %u is '%s'", i, y, row(&vt, y));
        }
        if (vt.y != cases[i].y || vt.x != cases[i].x)
            fail_msg("case %zu: cursor at row %u, column %u", i, vt.y, vt.x);
    }
}

static void wraps_and_scrolls(void **state)
{
    struct vt vt;
    g_autofree char *line = g_strnfill(VT_COLUMNS, 'x');

    vt_reset(&vt);
    vt_write(&vt, (const uint8_t *)line, VT_COLUMNS);
    assert_int_equal(vt.y, 0); /* not before the next character */
    vt_write(&vt, (const uint8_t *)"y", 1);
    assert_true(vt.y == 1 && vt.x == 1);
    for (unsigned i = 0; i < 2 * VT_ROWS; i++) {
        g_autofree char *text = g_strdup_printf("\r\nline %u", i);
        vt_write(&vt, (const uint8_t *)text, strlen(text));
    }
    assert_string_equal(row(&vt, VT_ROWS - 1), "line 49");
    assert_string_equal(row(&vt, 0), "line 25");
}

static void colours(void **state)
{
    static const char text[] = "\033[1;31;44mA\033[7mB\033[m\033[38;5;1mC\033[93mD";
    struct vt vt;

    vt_reset(&vt);
    vt_write(&vt, (const uint8_t *)text, sizeof(text) - 1);
    assert_true(vt.cells[0][0].fg == 9 && vt.cells[0][0].bg == 4);
    assert_true(vt.cells[0][1].fg == 4 && vt.cells[0][1].bg == 9);
    assert_true(vt.cells[0][2].fg == 7 && vt.cells[0][2].bg == 0);
    assert_int_equal(vt.cells[0][3].fg, 11);
}

/* Any bytes leave the cursor where it can be. */
static void nonsense(void **state)
{
    static const char likely[] = "\033[];?0123456789HJKLMPXSTrmhlABCDGdsu@78cM\n\r\b\t\303\377";
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    struct vt vt;

    vt_reset(&vt);
    for (unsigned i = 0; i < 500000; i++) {
        int n = g_rand_int_range(rand, 0, (int)sizeof(likely) + 20);
        uint8_t c = n < (int)sizeof(likely) ? (uint8_t)likely[n] : (uint8_t)g_rand_int(rand);
        vt_write(&vt, &c, 1);
        if (vt.x > VT_COLUMNS || vt.y >= VT_ROWS || vt.top >= vt.bottom || vt.bottom > VT_ROWS)
            fail_msg("byte %u: cursor %u, %u, region %u to %u", i, vt.x, vt.y, vt.top, vt.bottom);
    }
}

/* A picture of "A" on a screen without a cursor has the font's pixels, in both formats. */
static void picture(void **state)
{
    struct display *d = display_new();
    struct text_view *t = text_view_new(d);
    g_autofree char *dir = g_dir_make_tmp("shot-XXXXXX", NULL);
    g_autofree char *ppm = g_build_filename(dir, "a.ppm", NULL);
    g_autofree char *png = g_build_filename(dir, "a.png", NULL);
    g_autofree char *file = NULL;
    const unsigned width = VT_COLUMNS * FONT_WIDTH, height = VT_ROWS * FONT_HEIGHT;
    const struct glyph *a = font_glyphs;
    unsigned dots = 0;
    gsize len;

    while (a->character != 'A')
        a++;
    text_view_write(t, (const uint8_t *)"\033[?25l\r\n A", 10);
    assert_true(display_shot(d, ppm, SHOT_PPM, NULL));
    assert_true(display_shot(d, png, SHOT_PNG, NULL));
    assert_true(g_file_get_contents(ppm, &file, &len, NULL));
    assert_int_equal(len, strlen("P6\n640 400\n255\n") + (gsize)width * height * 3);
    const uint8_t *pixels = (const uint8_t *)file + len - (gsize)width * height * 3;
    for (unsigned i = 0; i < width * height; i++) {
        unsigned x = i % width, y = i / width;
        bool inside = x / FONT_WIDTH == 1 && y / FONT_HEIGHT == 1;
        bool set = inside && a->rows[y % FONT_HEIGHT] & 0x80 >> x % FONT_WIDTH;
        if (pixels[3 * i] != (set ? 0xaa : 0) || pixels[3 * i + 2] != pixels[3 * i])
            fail_msg("pixel %u, %u", x, y);
        dots += set;
    }
    assert_in_range(dots, 10, 100);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, png));
    assert_true(image.width == width && image.height == height);
    image.format = PNG_FORMAT_RGB;
    g_autofree uint8_t *read = g_malloc(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, read, 0, NULL));
    assert_memory_equal(read, pixels, PNG_IMAGE_SIZE(image));
    g_autoptr(GError) error = NULL;
    assert_false(display_shot(d, "/nowhere/a.png", SHOT_PNG, &error));
    assert_string_equal(error->message, "/nowhere/a.png: No such file or directory");
    text_view_free(t);
    assert_false(display_shot(d, ppm, SHOT_PPM, NULL)); /* nothing to see */
    g_unlink(ppm);
    g_unlink(png);
    g_rmdir(dir);
    display_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes),   cmocka_unit_test(wraps_and_scrolls), cmocka_unit_test(colours),
        cmocka_unit_test(nonsense), cmocka_unit_test(picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
