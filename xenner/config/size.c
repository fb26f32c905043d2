#include "xenner/config/size.h"

#include <errno.h>
#include <gio/gio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool bad(GError **error, const char *text, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' is not %s", text, what);
    return false;
}

static int suffix_shift(char c)
{
    const char *units = "bkmgtpe";
    const char *at = c ? strchr(units, g_ascii_tolower(c)) : NULL;

    return at ? (int)(at - units) * 10 : -1;
}

bool size_parse(const char *text, uint64_t unit, uint64_t *ret_bytes, GError **error)
{
    const char *what = "a size (a number with an optional suffix k, M, G, T)";
    bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
    uint64_t whole, part, scale = unit;
    double fraction = 0;
    char *end;

    if (!g_ascii_isdigit(text[0]))
        return bad(error, text, what);
    errno = 0;
    whole = g_ascii_strtoull(text, &end, hex ? 16 : 10);
    if (errno)
        return bad(error, text, "a size: it is too large");
    if (*end == '.' && !hex && g_ascii_isdigit(end[1])) {
        const char *dot = end;
        fraction = g_ascii_strtod(dot, &end);
        if (memchr(dot, 'e', (size_t)(end - dot)) || memchr(dot, 'E', (size_t)(end - dot)))
            return bad(error, text, what);
    }
    if (*end) {
        int shift = suffix_shift(*end);
        if (shift < 0 || end[1])
            return bad(error, text, what);
        scale = 1ull << shift;
    }
    if (fraction != 0 && scale == 1)
        return bad(error, text, "a whole number of bytes");
    part = (uint64_t)(fraction * (double)scale); /* scale itself when .999... rounds to 1 */
    if (whole > INT64_MAX / scale || part > INT64_MAX - whole * scale)
        return bad(error, text, "a size: it is too large");
    *ret_bytes = whole * scale + part;
    return true;
}

bool number_parse(const char *text, uint64_t max, uint64_t *ret, GError **error)
{
    char *end;

    errno = 0;
    uint64_t val = g_ascii_isdigit(text[0])
                       ? g_ascii_strtoull(text, &end, g_str_has_prefix(text, "0x") ? 16 : 10)
                       : (end = (char *)text, 0);
    if (end == text || *end)
        return bad(error, text, "a number");
    if (errno || val > max) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "'%s' is larger than %" G_GUINT64_FORMAT, text, max);
        return false;
    }
    *ret = val;
    return true;
}

bool switch_parse(const char *text, bool *ret, GError **error)
{
    static const char *const on[] = {"on", "yes", "true", "y", NULL};
    static const char *const off[] = {"off", "no", "false", "n", NULL};

    if (g_strv_contains(on, text))
        *ret = true;
    else if (g_strv_contains(off, text))
        *ret = false;
    else
        return bad(error, text, "'on' or 'off'");
    return true;
}
