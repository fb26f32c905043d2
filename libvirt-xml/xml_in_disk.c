/* <disk> to -drive. */
#include "libvirt-xml/xml_in_parts.h"
#include "xenner/config/vdev.h"

#include <string.h>

/* What QEMU's block drivers take as a URL; others have no such form, or need a secret. */
static bool url(struct xml_in *in, const xmlNode *source, char **ret, GError **error)
{
    static const char *const protocols[] = {"nbd", "http", "https", "ftp", "ftps", NULL};
    g_autofree char *protocol = xml_attr(source, "protocol"), *name = xml_attr(source, "name");
    const xmlNode *host = xml_child(source, "host");
    g_autofree char *host_name = xml_attr(host, "name"), *port = xml_attr(host, "port");
    g_autofree char *transport = xml_attr(host, "transport"), *socket = xml_attr(host, "socket");

    if (!protocol || !g_strv_contains(protocols, protocol))
        return xml_in_wrong(in, source, error, "a disk over '%s' is not for xenner's command line",
                            protocol ? protocol : "");
    if (g_strcmp0(transport, "unix") == 0 && strcmp(protocol, "nbd") == 0)
        *ret = g_strdup_printf("nbd+unix:///%s?socket=%s", name ? name : "", socket ? socket : "");
    else
        *ret = g_strdup_printf("%s://%s%s%s/%s", protocol, host_name ? host_name : "localhost",
                               port ? ":" : "", port ? port : "", name ? name : "");
    return true;
}

static bool place(struct xml_in *in, const xmlNode *disk, char **ret, GError **error)
{
    g_autofree char *type = xml_attr(disk, "type");
    const xmlNode *source = xml_child(disk, "source");

    if (!source)
        return xml_in_wrong(in, disk, error, "a disk without <source>");
    if (xml_child(source, "encryption") || xml_child(disk, "encryption"))
        return xml_in_wrong(in, source, error, "encrypted disks are not supported");
    if (!type || strcmp(type, "file") == 0)
        *ret = xml_attr(source, "file");
    else if (strcmp(type, "block") == 0)
        *ret = xml_attr(source, "dev");
    else if (strcmp(type, "network") == 0)
        return url(in, source, ret, error);
    else
        return xml_in_wrong(in, disk, error, "disk type '%s' needs libvirt", type);
    return *ret || xml_in_wrong(in, source, error, "<source> of a disk of type '%s' without '%s'",
                                type ? type : "file",
                                type && strcmp(type, "block") == 0 ? "dev" : "file");
}

static void limits(GString *list, const xmlNode *tune)
{
    static const char *const keys[][2] = {
        {"total_bytes_sec", "throttling.bps-total"}, {"read_bytes_sec", "throttling.bps-read"},
        {"write_bytes_sec", "throttling.bps-write"}, {"total_iops_sec", "throttling.iops-total"},
        {"read_iops_sec", "throttling.iops-read"}, {"write_iops_sec", "throttling.iops-write"},
        {"total_bytes_sec_max", "throttling.bps-total-max"},
        {"read_bytes_sec_max", "throttling.bps-read-max"},
        {"write_bytes_sec_max", "throttling.bps-write-max"},
        {"total_iops_sec_max", "throttling.iops-total-max"},
        {"read_iops_sec_max", "throttling.iops-read-max"},
        {"write_iops_sec_max", "throttling.iops-write-max"},
        {"size_iops_sec", "throttling.iops-size"}, {"group_name", "throttling.group"},
        {"total_bytes_sec_max_length", "throttling.bps-total-max-length"},
        {"read_bytes_sec_max_length", "throttling.bps-read-max-length"},
        {"write_bytes_sec_max_length", "throttling.bps-write-max-length"},
        {"total_iops_sec_max_length", "throttling.iops-total-max-length"},
        {"read_iops_sec_max_length", "throttling.iops-read-max-length"},
        {"write_iops_sec_max_length", "throttling.iops-write-max-length"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *value = xml_text(xml_child(tune, keys[i][0]));
        xml_in_key(list, keys[i][1], value);
    }
}

static void driver(GString *list, const xmlNode *disk)
{
    static const char *const keys[][2] = {
        {"type", "format"}, {"cache", "cache"}, {"io", "aio"}, {"discard", "discard"},
        {"detect_zeroes", "detect-zeroes"}, {"error_policy", "werror"}, {"rerror_policy", "rerror"}};
    const xmlNode *d = xml_child(disk, "driver");

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (!xml_attr_is(d, keys[i][0], "default"))
            xml_in_attr_key(list, keys[i][1], d, keys[i][0]);
    }
    /* without a type libvirt means raw, so that no guest can make its image another format's */
    if (!xml_attr_is(d, "type", NULL))
        return;
    xml_in_key(list, "format", "raw");
}

static char *asked_name(const xmlNode *disk)
{
    g_autofree char *dev = xml_attr(xml_child(disk, "target"), "dev");

    return dev && g_str_has_prefix(dev, "xvd") ? g_steal_pointer(&dev) : NULL;
}

void xml_in_disk_names(struct xml_in *in, const xmlNode *devices)
{
    for (const xmlNode *n = xml_child(devices, "disk"); n; n = xml_next(n)) {
        char *dev = asked_name(n);
        if (dev)
            g_hash_table_add(in->disk_names, dev);
    }
}

/* Names of other kinds (vda, hdc) are libvirt's: such a disk gets the next one that nobody wants. */
static char *name_of(struct xml_in *in, const xmlNode *disk)
{
    char *dev = asked_name(disk);

    while (!dev) {
        g_autofree char *next = vdev_nth(in->next_disk++);
        if (g_hash_table_add(in->disk_names, g_strdup(next)))
            dev = g_steal_pointer(&next);
    }
    return dev;
}

/* <boot order='N'/>, which begins with 1, as a bootindex; NULL: none. */
static char *boot_order(const xmlNode *disk)
{
    g_autofree char *order = xml_attr(xml_child(disk, "boot"), "order");
    guint64 n = order ? g_ascii_strtoull(order, NULL, 10) : 0;

    return n && n <= G_MAXINT32 ? g_strdup_printf("%" G_GUINT64_FORMAT, n - 1) : NULL;
}

/* -drive alone, when xenner would choose the same name. */
static void finish(struct xml_in *in, const xmlNode *disk, GString *list)
{
    g_autofree char *id = g_strdup_printf("disk%u", in->disks++), *dev = name_of(in, disk);
    g_autofree char *plain = vdev_nth(in->plain_disks), *order = boot_order(disk);

    if (strcmp(dev, plain) == 0 && !order) {
        in->plain_disks++;
        xml_in_option(in, "-drive", list->str);
        return;
    }
    xml_in_key(list, "if", "none");
    xml_in_key(list, "id", id);
    xml_in_option(in, "-drive", list->str);
    g_autoptr(GString) device = g_string_new("xen-disk");
    xml_in_key(device, "drive", id);
    xml_in_key(device, "vdev", dev);
    xml_in_key(device, "bootindex", order);
    xml_in_option(in, "-device", device->str);
}

bool xml_in_disk(struct xml_in *in, const xmlNode *disk, GError **error)
{
    g_autofree char *device = xml_attr(disk, "device"), *path = NULL;
    g_autoptr(GString) list = g_string_new(NULL);
    bool cdrom = g_strcmp0(device, "cdrom") == 0;

    if (device && strcmp(device, "disk") != 0 && !cdrom)
        return xml_in_wrong(in, disk, error, "a PV guest has no disk device '%s'", device);
    if (cdrom && !xml_child(disk, "source")) {
        xml_in_note(in, disk, "a CD-ROM without a medium is left out");
        return true;
    }
    if (!place(in, disk, &path, error))
        return false;
    xml_in_key(list, "file", path);
    driver(list, disk);
    if (cdrom)
        xml_in_key(list, "media", "cdrom");
    else if (xml_child(disk, "readonly"))
        xml_in_key(list, "readonly", "on");
    if (xml_child(disk, "transient"))
        xml_in_key(list, "snapshot", "on");
    limits(list, xml_child(disk, "iotune"));
    finish(in, disk, list);
    return true;
}
