/* struct disk_config to <disk>. */
#include "libvirt-xml/xml_out_parts.h"

#include <string.h>

/* libvirt looks into no image: what isn't said is raw. */
static const char *format(struct xml_out *out, const struct disk_config *d)
{
    static const char *const suffixes[] = {"qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx"};

    if (d->format)
        return d->format;
    if (!d->path)
        return "raw";
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        const char *dot = strrchr(d->path, '.');
        if (dot && strcmp(dot + 1, suffixes[i]) == 0)
            return suffixes[i];
    }
    if (!d->cdrom)
        xml_out_note(out, "%s: libvirt has to be told the format: 'raw' is written", d->origin);
    return "raw";
}

static void driver(struct xml_out *out, xmlNode *disk, const struct disk_config *d)
{
    static const char *const caches[] = {"writeback", "none", "writethrough", "directsync", "unsafe"};
    static const char *const aios[] = {[DISK_AIO_THREADS] = "threads", [DISK_AIO_URING] = "io_uring"};
    static const char *const zeroes[] = {[DISK_ZEROES_ON] = "on", [DISK_ZEROES_UNMAP] = "unmap"};
    xmlNode *n = xml_out_child(out, disk, "driver", NULL);

    xml_out_attr(out, n, "name", "qemu");
    xml_out_attr(out, n, "type", format(out, d));
    if (d->cache != DISK_CACHE_WRITEBACK)
        xml_out_attr(out, n, "cache", caches[d->cache]);
    if (d->aio != DISK_AIO_AUTO)
        xml_out_attr(out, n, "io", aios[d->aio]);
    if (d->discard)
        xml_out_attr(out, n, "discard", "unmap");
    if (d->zeroes != DISK_ZEROES_OFF)
        xml_out_attr(out, n, "detect_zeroes", zeroes[d->zeroes]);
}

/* PROTOCOL://HOST:PORT/NAME */
static void network_source(struct xml_out *out, xmlNode *source, const struct disk_config *d)
{
    static const char *const protocols[] = {"nbd", "http", "https", "ftp", "ftps", NULL};
    g_autoptr(GUri) uri = g_uri_parse(d->path, G_URI_FLAGS_NONE, NULL);

    if (!uri || !g_strv_contains(protocols, g_uri_get_scheme(uri)) || !g_uri_get_host(uri)) {
        xml_out_wrong(out, "%s: such a URL has no form in libvirt's XML", d->origin);
        return;
    }
    const char *path = g_uri_get_path(uri);
    xml_out_attr(out, source, "protocol", g_uri_get_scheme(uri));
    xml_out_attr(out, source, "name", *path == '/' ? path + 1 : path);
    xmlNode *host = xml_out_child(out, source, "host", NULL);
    xml_out_attr(out, host, "name", g_uri_get_host(uri));
    if (g_uri_get_port(uri) > 0)
        xml_out_attr_number(out, host, "port", (uint64_t)g_uri_get_port(uri));
}

static void source(struct xml_out *out, xmlNode *disk, const struct disk_config *d)
{
    if (!d->path) { /* a drive without a medium */
        xml_out_attr(out, disk, "type", "file");
        return;
    }
    xmlNode *n = xml_out_child(out, disk, "source", NULL);
    if (strstr(d->path, "://")) {
        xml_out_attr(out, disk, "type", "network");
        network_source(out, n, d);
    } else if (g_str_has_prefix(d->path, "/dev/")) {
        xml_out_attr(out, disk, "type", "block");
        xml_out_path(out, n, "dev", d->path);
    } else {
        xml_out_attr(out, disk, "type", "file");
        xml_out_path(out, n, "file", d->path);
    }
}

static void number(struct xml_out *out, xmlNode *disk, xmlNode **tune, const char *name, const char *suffix,
                   uint64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);
    g_autofree char *full = g_strconcat(name, suffix, NULL);

    if (!value)
        return;
    *tune = *tune ? *tune : xml_out_child(out, disk, "iotune", NULL);
    xml_out_child(out, *tune, full, text);
}

static void limits(struct xml_out *out, xmlNode *disk, const struct disk_config *d)
{
    const struct disk_limits *l = &d->limits;
    static const char *const names[NR_LIMITS] = {
        "total_bytes_sec", "read_bytes_sec", "write_bytes_sec",
        "total_iops_sec",  "read_iops_sec",  "write_iops_sec"};
    xmlNode *tune = NULL;

    for (unsigned i = 0; i < NR_LIMITS; i++) {
        number(out, disk, &tune, names[i], "", l->avg[i]);
        number(out, disk, &tune, names[i], "_max", l->max[i]);
        number(out, disk, &tune, names[i], "_max_length", l->max[i] ? l->max_length[i] : 0);
    }
    number(out, disk, &tune, "size_iops_sec", "", l->iops_size);
    if (tune && d->group)
        xml_out_child(out, tune, "group_name", d->group);
}

/* libvirt has CD-ROMs on IDE, and disks on virtio; the guest sees xvd* anyway. */
static void target(struct xml_out *out, xmlNode *disk, const struct disk_config *d)
{
    xmlNode *n = xml_out_child(out, disk, "target", NULL);
    g_autofree char *ide = g_strdup_printf("hd%s", d->vdev + MIN(strlen(d->vdev), 3));

    xml_out_attr(out, n, "dev", d->cdrom ? ide : d->vdev);
    xml_out_attr(out, n, "bus", d->cdrom ? "ide" : "virtio");
}

void xml_out_disk(struct xml_out *out, const struct disk_config *d)
{
    if (!d->vdev) {
        xml_out_note(out, "%s: no device has it, so it is left out", d->origin);
        return;
    }
    xmlNode *disk = xml_out_child(out, out->devices, "disk", NULL);
    xml_out_attr(out, disk, "device", d->cdrom ? "cdrom" : "disk");
    driver(out, disk, d);
    source(out, disk, d);
    target(out, disk, d);
    limits(out, disk, d);
    if (d->boot_order) {
        g_autofree char *order = g_strdup_printf("%u", d->boot_order);
        xml_out_attr(out, xml_out_child(out, disk, "boot", NULL), "order", order);
    }
    if (d->backend)
        xml_out_note(out, "%s: backend= has no form in XML for one disk (-machine disk-backend= has)", d->origin);
    if (d->readonly)
        xml_out_child(out, disk, "readonly", NULL);
    if (!d->snapshot)
        return;
    xml_out_child(out, disk, "transient", NULL); /* it won't start, which is better than to write */
    xml_out_note(out, "%s: under libvirt a snapshot=on disk can't be started", d->origin);
}
