#include "xenguest/lib/diskcfg.h"

#include "xenner/config/size.h"

#include <gio/gio.h>
#include <string.h>

#define MAX_MB (INT64_MAX / DISKCFG_MB)

static const char *const fs_names[] = {
    [DISKCFG_FS_NONE] = "",     [DISKCFG_FS_EXT2] = "ext2", [DISKCFG_FS_EXT3] = "ext3",
    [DISKCFG_FS_EXT4] = "ext4", [DISKCFG_FS_VFAT] = "vfat", [DISKCFG_FS_SWAP] = "swap",
};

static const char *const suffixes[] = {
    [DISKCFG_CONTENT_IMG] = ".img",         [DISKCFG_CONTENT_IMG_GZ] = ".img.gz",
    [DISKCFG_CONTENT_IMG_BZ2] = ".img.bz2", [DISKCFG_CONTENT_TAR] = ".tar",
    [DISKCFG_CONTENT_TAR_GZ] = ".tar.gz",   [DISKCFG_CONTENT_TAR_BZ2] = ".tar.bz2",
    [DISKCFG_CONTENT_TAR_XZ] = ".tar.xz",
};

static bool G_GNUC_PRINTF(2, 3) wrong(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *safe = g_strescape(what, "\"\\");
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, safe);
    return false;
}

bool diskcfg_size_parse(const char *text, uint64_t *ret_mb, GError **error)
{
    size_t len = strlen(text);
    char unit = len ? g_ascii_toupper(text[len - 1]) : '\0';
    uint64_t scale = unit == 'M' ? 1 : 1000, number;
    g_autofree char *digits = g_strndup(text, len - (unit == 'M' || unit == 'G'));

    if (digits[strspn(digits, "0123456789")] || !number_parse(digits, UINT64_MAX, &number, NULL))
        return wrong(error, "'%s' is not a size: a number of GB, or with the suffix M or G", text);
    if (number > MAX_MB / scale)
        return wrong(error, "'%s' is not a size: it is larger than %llu MB", text,
                     (unsigned long long)MAX_MB);
    *ret_mb = number * scale;
    return true;
}

enum diskcfg_content diskcfg_content_type(const char *name)
{
    if (!*name)
        return DISKCFG_CONTENT_NONE;
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        if (suffixes[i] && g_str_has_suffix(name, suffixes[i]) &&
            strlen(name) > strlen(suffixes[i]))
            return i;
    }
    return DISKCFG_CONTENT_UNKNOWN;
}

const char *diskcfg_fs_name(enum diskcfg_fs fs)
{
    return fs_names[fs];
}

static bool fs_parse(const char *text, enum diskcfg_fs *ret, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fs_names); i++) {
        if (!strcmp(text, fs_names[i])) {
            *ret = i;
            return true;
        }
    }
    return wrong(error, "'%s' is no file system: ext2, ext3, ext4, vfat, swap or nothing", text);
}

/* A plain way below disk/: what is made of it stays there. */
static bool content_check(const char *name, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);

    if (diskcfg_content_type(name) == DISKCFG_CONTENT_UNKNOWN)
        return wrong(error,
                     "'%s' is no content: it must end in .img, .img.gz, .img.bz2, .tar, .tar.gz, "
                     ".tar.bz2 or .tar.xz",
                     name);
    for (char **p = parts; *p; p++) {
        if (!**p || !strcmp(*p, ".") || !strcmp(*p, ".."))
            return wrong(error, "'%s' is no content: it must be a name in disk/", name);
    }
    return true;
}

bool diskcfg_part_parse(const char *text, struct diskcfg_part *ret, GError **error)
{
    g_auto(GStrv) fields = g_strsplit(text, ":", 3);
    guint n = g_strv_length(fields);
    const char *fs = n > 1 ? fields[1] : "", *content = n > 2 ? fields[2] : "";
    struct diskcfg_part part = {0};

    if (!diskcfg_size_parse(n ? fields[0] : "", &part.mb, error) || !fs_parse(fs, &part.fs, error))
        return false;
    if (!part.mb)
        return wrong(error, "'%s': a partition of 0 MB", text);
    if (*content && !content_check(content, error))
        return false;
    if (part.fs == DISKCFG_FS_SWAP && *content)
        return wrong(error, "'%s': a swap partition has no content", text);
    if (part.fs == DISKCFG_FS_NONE && *content &&
        diskcfg_content_type(content) >= DISKCFG_CONTENT_TAR)
        return wrong(error, "'%s': a tar needs a file system to be unpacked to", text);
    part.content = *content ? g_strdup(content) : NULL;
    *ret = part;
    return true;
}

void diskcfg_clear(struct diskcfg *cfg)
{
    g_free(cfg->device);
    for (unsigned i = 0; i < DISKCFG_PARTS; i++)
        g_free(cfg->parts[i].content);
    memset(cfg, 0, sizeof(*cfg));
}

static bool read_part(const struct assign *a, const char *name, struct diskcfg *ret, GError **error)
{
    const char *number = name + strlen("DISK_PART"), *text = assign_get(a, name);
    uint64_t nr;

    if (!number_parse(number, UINT64_MAX, &nr, NULL))
        return true; /* a name of the scripts' own */
    if (*number == '0' || nr > DISKCFG_PARTS)
        return wrong(error, "%s: partitions have numbers from 1 to %u", name, DISKCFG_PARTS);
    if (!*text)
        return true;
    if (diskcfg_part_parse(text, &ret->parts[nr - 1], error))
        return true;
    g_prefix_error(error, "%s: ", name);
    return false;
}

static bool check_fit(const struct diskcfg *cfg, GError **error)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < DISKCFG_PARTS; i++) {
        const struct diskcfg_part *p = &cfg->parts[i];

        sum += p->mb;
        if (sum > cfg->mb)
            return wrong(error,
                         "DISK_PART%u: the partitions up to this one take %" G_GUINT64_FORMAT
                         " MB, DISK_SIZE is %" G_GUINT64_FORMAT " MB",
                         i + 1, sum, cfg->mb);
        for (unsigned j = 0; p->content && j < i; j++) {
            if (!g_strcmp0(cfg->parts[j].content, p->content))
                return wrong(error, "DISK_PART%u: '%s' is the content of partition %u too", i + 1,
                             p->content, j + 1);
        }
    }
    return true;
}

bool diskcfg_read(const struct assign *a, struct diskcfg *ret, GError **error)
{
    g_auto(GStrv) names = assign_names(a);
    const char *size = assign_get(a, "DISK_SIZE"), *device = assign_get(a, "DISK_DEVICE");

    memset(ret, 0, sizeof(*ret));
    if (size && *size && !diskcfg_size_parse(size, &ret->mb, error)) {
        g_prefix_error(error, "DISK_SIZE: ");
        return false;
    }
    ret->device = device && *device ? g_strdup(device) : NULL;
    for (char **n = names; *n; n++) {
        if (g_str_has_prefix(*n, "DISK_PART") && !read_part(a, *n, ret, error))
            return false;
    }
    return check_fit(ret, error);
}
