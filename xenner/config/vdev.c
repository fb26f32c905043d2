#include "xenner/config/vdev.h"

#include <glib.h>
#include <string.h>

#define XVD_MAJOR 202u
#define SD_MAJOR  8u
#define IDE0      3u
#define IDE1      22u
#define EXTENDED  (1u << 28)
#define MAX_DISK  ((1u << 20) - 1)

/* a..z, aa..: 0, 1, ... *at moves behind the letters. */
static bool parse_letters(const char **at, uint32_t *ret)
{
    uint32_t n = 0;
    const char *p = *at;

    for (; g_ascii_islower(*p); p++) {
        n = n * 26 + (uint32_t)(*p - 'a') + 1;
        if (n > MAX_DISK)
            return false;
    }
    if (p == *at)
        return false;
    *at = p;
    *ret = n - 1;
    return true;
}

/* All of text as a number without leading zeroes (but "0" itself when zero is true). */
static bool parse_digits(const char *text, bool zero, uint32_t max, uint32_t *ret)
{
    guint64 n;

    if (text[0] == '0' && !(zero && !text[1]))
        return false;
    if (!g_ascii_string_to_unsigned(text, 10, 0, max, &n, NULL))
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool xvd_number(uint32_t disk, uint32_t part, uint32_t *ret)
{
    if (part > 255)
        return false;
    if (disk < 16 && part < 16)
        *ret = XVD_MAJOR << 8 | disk << 4 | part;
    else
        *ret = EXTENDED | disk << 8 | part;
    return true;
}

static bool hd_number(uint32_t disk, uint32_t part, uint32_t *ret)
{
    if (disk > 3 || part > 63)
        return false;
    *ret = (disk < 2 ? IDE0 : IDE1) << 8 | (disk & 1) << 6 | part;
    return true;
}

static bool sd_number(uint32_t disk, uint32_t part, uint32_t *ret)
{
    if (disk > 15 || part > 15)
        return false;
    *ret = SD_MAJOR << 8 | disk << 4 | part;
    return true;
}

/* d5, d5p3 */
static bool parse_d(const char *name, uint32_t *ret)
{
    g_autofree char *disk_text = g_strdup(name + 1);
    char *p = strchr(disk_text, 'p');
    uint32_t disk, part = 0;

    if (p)
        *p++ = '\0';
    return parse_digits(disk_text, true, MAX_DISK, &disk) &&
           (!p || parse_digits(p, true, 255, &part)) && xvd_number(disk, part, ret);
}

bool vdev_parse(const char *name, uint32_t *ret_number)
{
    static const struct {
        const char *prefix;
        bool (*number)(uint32_t disk, uint32_t part, uint32_t *ret);
    } kinds[] = {{"xvd", xvd_number}, {"hd", hd_number}, {"sd", sd_number}};

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!g_str_has_prefix(name, kinds[i].prefix))
            continue;
        const char *at = name + strlen(kinds[i].prefix);
        uint32_t disk, part = 0;
        return parse_letters(&at, &disk) && (!*at || parse_digits(at, false, 255, &part)) &&
               kinds[i].number(disk, part, ret_number);
    }
    if (name[0] == 'd' && g_ascii_isdigit(name[1]))
        return parse_d(name, ret_number);
    return parse_digits(name, false, INT32_MAX, ret_number);
}

static char *letters(uint32_t disk)
{
    char buf[8], *p = buf + sizeof(buf);

    *--p = '\0';
    for (disk++; disk; disk = (disk - 1) / 26)
        *--p = (char)('a' + (disk - 1) % 26);
    return g_strdup(p);
}

static char *make_name(const char *prefix, uint32_t disk, uint32_t part)
{
    g_autofree char *which = letters(disk);

    return part ? g_strdup_printf("%s%s%u", prefix, which, part) : g_strconcat(prefix, which, NULL);
}

char *vdev_name(uint32_t number)
{
    uint32_t major = number >> 8, minor = number & 0xff;

    if (number & EXTENDED)
        return make_name("xvd", number >> 8 & MAX_DISK, minor);
    switch (major) {
    case XVD_MAJOR:
        return make_name("xvd", minor >> 4, minor & 15);
    case SD_MAJOR:
        return make_name("sd", minor >> 4, minor & 15);
    case IDE0:
    case IDE1:
        return minor >> 6 < 2 ? make_name("hd", (major == IDE1 ? 2 : 0) + (minor >> 6), minor & 63)
                              : NULL;
    }
    return NULL;
}

char *vdev_nth(unsigned n)
{
    return make_name("xvd", n, 0);
}
