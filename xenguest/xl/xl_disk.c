/* disk = [...]: xl-disk-configuration(5), with the older forms "phy:DEV,xvda,w" and
 * "file:FILE,...". */
#include "xenguest/xl/xl_priv.h"

#include "xenner/config/vdev.h"

#include <string.h>

struct disk {
    const char *target, *format, *vdev, *access;
    bool cdrom, discard;
};

/* Prefixes of a target in xend's days, and the format that they mean. */
static const struct prefix {
    const char *text, *format;
} prefixes[] = {
    {"phy:", "raw"},          {"file:", "raw"},      {"aio:", "raw"},     {"ioemu:", NULL},
    {"tap:aio:", "raw"},      {"tap2:aio:", "raw"},  {"raw:", "raw"},     {"tap:qcow2:", "qcow2"},
    {"tap2:qcow2:", "qcow2"}, {"tap:qcow:", "qcow"}, {"qcow2:", "qcow2"}, {"qcow:", "qcow"},
    {"tap:vhd:", "vhd"},      {"tap2:vhd:", "vhd"},  {"vhd:", "vhd"},     {"tap:", NULL},
};

/* True when there was one: the format's place among the positions is gone then. */
static bool strip_prefix(struct disk *d)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (!g_str_has_prefix(d->target, prefixes[i].text))
            continue;
        d->target += strlen(prefixes[i].text);
        d->format = prefixes[i].format;
        return true;
    }
    return false;
}

static bool set_position(const struct xl_out *o, const struct xlcfg_value *v, struct disk *d,
                         unsigned place, char *value, GError **error)
{
    const char **const places[] = {&d->target, &d->format, &d->vdev, &d->access};

    if (place >= G_N_ELEMENTS(places))
        return xl_fail(o, v, error, "disk: what is '%s'?", value);
    if (*value)
        *places[place] = value;
    return true;
}

static bool set_key(const struct xl_out *o, const struct xlcfg_value *v, struct disk *d,
                    const char *key, const char *value, GError **error)
{
    static const char *const ignored[] = {"backendtype", "direct-io-safe", "colo-host", NULL};
    const struct {
        const char *name, **to;
    } keys[] = {
        {"target", &d->target}, {"format", &d->format}, {"vdev", &d->vdev}, {"access", &d->access}};

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(key, keys[i].name) == 0) {
            *keys[i].to = value;
            return true;
        }
    }
    if (strcmp(key, "devtype") == 0) {
        d->cdrom = strcmp(value, "cdrom") == 0;
        return true;
    }
    if (g_strv_contains(ignored, key)) {
        xl_warn(o, v, "disk: '%s' is without effect", key);
        return true;
    }
    return xl_fail(o, v, error, "disk: '%s' is not possible here", key);
}

static bool set_word(const struct xl_out *o, const struct xlcfg_value *v, struct disk *d,
                     char *word, bool *ret_known, GError **error)
{
    char *equals = strchr(word, '=');

    *ret_known = true;
    if (strcmp(word, "cdrom") == 0)
        d->cdrom = true;
    else if (strcmp(word, "discard") == 0)
        d->discard = true;
    else if (strcmp(word, "direct-io-safe") == 0 || strcmp(word, "no-discard") == 0)
        return true;
    else if (equals && strcspn(word, "/:") > (size_t)(equals - word)) {
        *equals = '\0';
        return set_key(o, v, d, word, equals + 1, error);
    } else
        *ret_known = false;
    return true;
}

/* text is cut up; d points into it. target= takes all the rest, commas included. */
static bool parse(const struct xl_out *o, const struct xlcfg_value *v, char *text, struct disk *d,
                  GError **error)
{
    unsigned place = 0;

    for (char *next = text; next;) {
        char *word = g_strchug(next);
        if (g_str_has_prefix(word, "target=")) {
            d->target = word + strlen("target=");
            return true;
        }
        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        bool known;
        if (!set_word(o, v, d, g_strchomp(word), &known, error))
            return false;
        if (known)
            continue;
        if (!set_position(o, v, d, place, word, error))
            return false;
        if (place == 0 && d->target && strip_prefix(d))
            place++;
        place++;
    }
    return true;
}

static const char *qemu_format(const char *xl)
{
    if (!xl || !*xl)
        return "raw"; /* xl's default */
    return strcmp(xl, "vhd") == 0 ? "vpc" : xl;
}

static bool check(const struct xl_out *o, const struct xlcfg_value *v, struct disk *d, bool *ret_ro,
                  GError **error)
{
    static const char *const formats[] = {"raw", "qcow", "qcow2", "vhd", "qed", NULL};
    static const char *const ro[] = {"r", "ro", NULL}, *const rw[] = {"w", "rw", NULL};
    char *type = d->vdev ? strrchr(d->vdev, ':') : NULL;
    uint32_t number;

    if (type) { /* xend's "hdc:cdrom" */
        *type = '\0';
        d->cdrom |= strcmp(type + 1, "cdrom") == 0;
    }
    *ret_ro = d->cdrom || (d->access && g_strv_contains(ro, d->access));
    if (d->access && *d->access && !*ret_ro && !g_strv_contains(rw, d->access) &&
        strcmp(d->access, "w!") != 0)
        return xl_fail(o, v, error, "disk: access '%s' is none of r, ro, w, rw", d->access);
    if (d->format && *d->format && !g_strv_contains(formats, d->format))
        return xl_fail(o, v, error, "disk: format '%s' is not known", d->format);
    if (!d->vdev || !vdev_parse(d->vdev, &number))
        return xl_fail(o, v, error, "disk: '%s' is no virtual device", d->vdev ? d->vdev : "");
    return true;
}

bool xl_disk(struct xl_out *o, const struct xlcfg_value *v, GError **error)
{
    g_autofree char *text = g_strdup(v->string);
    struct disk d = {0};
    bool readonly;

    if (!parse(o, v, text, &d, error))
        return false;
    if (d.format && strcmp(d.format, "empty") == 0)
        d.format = d.target = NULL;
    if (!check(o, v, &d, &readonly, error))
        return false;
    if (!d.target || !*d.target) {
        if (!d.cdrom)
            return xl_fail(o, v, error, "disk: no target");
        xl_warn(o, v, "disk: an empty CD-ROM drive is left out");
        return true;
    }
    g_autoptr(GString) drive = g_string_new("if=none");
    g_autofree char *id = g_strdup_printf("disk%u", o->nr_disks++);
    g_autofree char *device = g_strdup_printf("xen-disk,drive=%s,vdev=%s", id, d.vdev);
    g_autofree char *path = xl_path(o, d.target);
    xl_key(drive, "id", id);
    xl_key(drive, "format", qemu_format(d.format));
    if (d.cdrom)
        xl_key(drive, "media", "cdrom");
    else if (readonly)
        xl_key(drive, "readonly", "on");
    if (d.discard)
        xl_key(drive, "discard", "unmap");
    xl_key(drive, "file", path);
    xl_add(o, "-drive", drive->str);
    xl_add(o, "-device", device);
    return true;
}
