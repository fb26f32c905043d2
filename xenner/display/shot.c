#include "xenner/display/shot.h"

#include <errno.h>
#include <gio/gio.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>

/* A row as three bytes a pixel. */
static void read_row(const struct surface *s, unsigned y, uint32_t *pixels, uint8_t *ret)
{
    surface_read(s, 0, y, s->width, pixels);
    for (unsigned x = 0; x < s->width; x++) {
        *ret++ = (uint8_t)(pixels[x] >> 16);
        *ret++ = (uint8_t)(pixels[x] >> 8);
        *ret++ = (uint8_t)pixels[x];
    }
}

static bool write_ppm(const struct surface *s, FILE *f)
{
    g_autofree uint32_t *pixels = g_new(uint32_t, s->width);
    g_autofree uint8_t *row = g_malloc(3 * (size_t)s->width);
    bool ok = fprintf(f, "P6\n%u %u\n255\n", s->width, s->height) > 0;

    for (unsigned y = 0; ok && y < s->height; y++) {
        read_row(s, y, pixels, row);
        ok = fwrite(row, 3, s->width, f) == s->width;
    }
    return ok;
}

/* The library reports with longjmp(): what it may skip is the caller's. */
static bool png_rows(png_structp png, png_infop info, const struct surface *s, FILE *f,
                     uint32_t *pixels, uint8_t *row)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_init_io(png, f);
    png_set_IHDR(png, info, s->width, s->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < s->height; y++) {
        read_row(s, y, pixels, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    return true;
}

static bool write_png(const struct surface *s, FILE *f)
{
    g_autofree uint32_t *pixels = g_new(uint32_t, s->width);
    g_autofree uint8_t *row = g_malloc(3 * (size_t)s->width);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = info && png_rows(png, info, s, f, pixels, row);

    png_destroy_write_struct(&png, &info);
    return ok;
}

bool display_shot(struct display *d, const char *path, enum shot_format format, GError **error)
{
    display_refresh(d);
    const struct surface *s = display_surface(d);
    if (!s) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "there is no picture");
        return false;
    }
    FILE *f = fopen(path, "we");
    bool ok = f && (format == SHOT_PNG ? write_png(s, f) : write_ppm(s, f));
    int err = errno;
    if (f && fclose(f) != 0) {
        err = errno;
        ok = false;
    }
    if (!ok)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(err), "%s: %s", path,
                    g_strerror(err));
    return ok;
}
