#include "xenner/domain/libxl_devices.h"
#include "xenner/domain/libxl_hvm.h"
#include "xenner/config/vdev.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xenstore.h>

/* Where Linux lists its backends; the drivers are called as the devices' types. */
#define BACKEND_DRIVERS "/sys/bus/xen-backend/drivers"
#define BACKEND_DEVICES "/sys/bus/xen-backend/devices"

enum { WAIT_MS = 20000 }; /* longer than libxl waits for a guest or a script */

struct libxl_devices {
    struct xen_kernel base;
    struct libxl_loop *loop;
    uint32_t domid;
    unsigned removals; /* that libxl is at */
};

struct kernel_device {
    struct libxl_devices *all;
    bool is_disk;
    libxl_device_disk disk;
    libxl_device_nic nic;
    bool leaving;   /* libxl has it */
    bool forgotten; /* to be freed when libxl is done with it */
    guint idle;
    void (*gone)(void *opaque);
    void *opaque;
};

static bool serves(struct xen_kernel *k, const char *type)
{
    g_autofree char *path = g_build_filename(BACKEND_DRIVERS, type, NULL);

    return g_file_test(path, G_FILE_TEST_IS_DIR);
}

static struct kernel_device *device_new(struct xen_kernel *k, bool is_disk)
{
    struct kernel_device *d = g_new0(struct kernel_device, 1);

    d->all = (struct libxl_devices *)k;
    d->is_disk = is_disk;
    libxl_device_disk_init(&d->disk);
    libxl_device_nic_init(&d->nic);
    return d;
}

static void device_free(struct kernel_device *d)
{
    if (d->idle)
        g_source_remove(d->idle);
    libxl_device_disk_dispose(&d->disk);
    libxl_device_nic_dispose(&d->nic);
    g_free(d);
}

static struct kernel_device *added(struct kernel_device *d, int rc, GError **error)
{
    if (rc == 0)
        return d;
    libxl_loop_error(d->all->loop, error, d->is_disk ? "the kernel's backend does not take the disk"
                                                     : "the kernel's backend does not take the card");
    device_free(d);
    return NULL;
}

static struct kernel_device *add_disk(struct xen_kernel *k, const struct kernel_disk *disk, GError **error)
{
    struct kernel_device *d = device_new(k, true);

    d->disk.pdev_path = libxl_copy(disk->path);
    d->disk.vdev = libxl_copy(disk->vdev);
    d->disk.backend = LIBXL_DISK_BACKEND_PHY;
    d->disk.format = LIBXL_DISK_FORMAT_RAW;
    d->disk.readwrite = !disk->readonly;
    libxl_defbool_set(&d->disk.discard_enable, disk->discard);
    return added(d, libxl_device_disk_add(libxl_loop_ctx(d->all->loop), d->all->domid, &d->disk, NULL), error);
}

static struct kernel_device *adopt_disk(struct xen_kernel *k, const char *vdev)
{
    struct kernel_device *d = device_new(k, true);

    if (libxl_vdev_to_device_disk(libxl_loop_ctx(d->all->loop), d->all->domid, vdev, &d->disk) == 0)
        return d;
    g_free(libxen_log_take_error(libxl_loop_log(d->all->loop))); /* that there is none is no mistake */
    device_free(d);
    return NULL;
}

static struct kernel_device *add_nic(struct xen_kernel *k, const struct kernel_nic *nic, GError **error)
{
    struct kernel_device *d = device_new(k, false);

    d->nic.devid = (libxl_devid)nic->devid;
    memcpy(d->nic.mac, nic->mac, sizeof(nic->mac));
    d->nic.bridge = libxl_copy(nic->bridge);
    d->nic.nictype = LIBXL_NIC_TYPE_VIF;
    return added(d, libxl_device_nic_add(libxl_loop_ctx(d->all->loop), d->all->domid, &d->nic, NULL), error);
}

static void remove_it(struct kernel_device *d);

/* Not from inside libxl: who is told asks it for more. */
static gboolean finished(gpointer data)
{
    struct kernel_device *d = data;

    d->idle = 0;
    if (d->leaving)
        remove_it(d);
    else
        d->gone(d->opaque);
    return G_SOURCE_REMOVE;
}

/* A guest that does not let go of its disk for ten seconds is asked again: it may yet. */
static void on_removed(libxl_ctx *ctx, int rc, void *opaque)
{
    struct kernel_device *d = opaque;

    g_autofree char *why = libxen_log_take_error(libxl_loop_log(d->all->loop));

    d->all->removals--;
    if (rc && rc != ERROR_TIMEDOUT && !d->forgotten)
        g_warning("a device that the guest let go of can't be taken back whole: %s", why ? why : "libxl failed");
    d->leaving = d->is_disk && rc == ERROR_TIMEDOUT;
    if (d->forgotten)
        device_free(d);
    else
        d->idle = g_idle_add(finished, d);
}

static void remove_it(struct kernel_device *d)
{
    libxl_ctx *ctx = libxl_loop_ctx(d->all->loop);
    libxl_asyncop_how how = {.callback = on_removed, .u.for_callback = d};

    d->leaving = true;
    d->all->removals++;
    int rc = d->is_disk ? libxl_device_disk_safe_remove(ctx, d->all->domid, &d->disk, &how)
                        : libxl_device_nic_remove(ctx, d->all->domid, &d->nic, &how);
    if (rc) /* the callback does not come: there is no such device any more */
        on_removed(ctx, rc, d);
}

static void unplug(struct kernel_device *d, void (*gone)(void *opaque), void *opaque)
{
    d->gone = gone;
    d->opaque = opaque;
    remove_it(d);
}

static uint32_t disk_number(const struct kernel_device *d)
{
    uint32_t number = 0;

    vdev_parse(d->disk.vdev, &number);
    return number;
}

static bool read_counter(const struct kernel_device *d, const char *name, uint64_t *ret)
{
    g_autofree char *path = g_strdup_printf(BACKEND_DEVICES "/vbd-%u-%u/statistics/%s", d->all->domid,
                                            disk_number(d), name);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) &&
           g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, G_MAXUINT64, ret, NULL);
}

static bool stats(struct kernel_device *d, struct kernel_disk_stats *ret)
{
    if (!read_counter(d, "rd_req", &ret->reads) || !read_counter(d, "rd_sect", &ret->read_bytes) ||
        !read_counter(d, "wr_req", &ret->writes) || !read_counter(d, "wr_sect", &ret->written_bytes) ||
        !read_counter(d, "f_req", &ret->flushes) || !read_counter(d, "ds_req", &ret->discards))
        return false;
    ret->read_bytes *= 512;
    ret->written_bytes *= 512;
    return true;
}

/* A loop device keeps the size that its file had. */
static bool resize_loop(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 &&
              (!S_ISBLK(st.st_mode) || major(st.st_rdev) != LOOP_MAJOR || ioctl(fd, LOOP_SET_CAPACITY) == 0);

    if (!ok)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s gets no new size: %s", path,
                    g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* xen-blkback sees a new size with the next request, and then tells the guest by writing these two nodes. */
static bool resized(struct kernel_device *d, uint64_t bytes, GError **error)
{
    struct xs_handle *xs = xs_open(0);
    g_autofree char *back = g_strdup_printf("/local/domain/0/backend/vbd/%u/%u", d->all->domid, disk_number(d));
    g_autofree char *device_node = g_strdup_printf("%s/physical-device-path", back);
    g_autofree char *size_node = g_strdup_printf("%s/sectors", back);
    g_autofree char *state_node = g_strdup_printf("%s/state", back);
    g_autofree char *sectors = g_strdup_printf("%" G_GUINT64_FORMAT, bytes / 512);
    unsigned len = 0;
    char *device = xs ? xs_read(xs, XBT_NULL, device_node, &len) : NULL;
    char *state = device ? xs_read(xs, XBT_NULL, state_node, &len) : NULL;
    bool ok = state && resize_loop(device, error);

    if (!state)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the kernel's backend is not there");
    if (ok && strcmp(state, "4") == 0) /* else the frontend reads the size when it connects */
        ok = xs_write(xs, XBT_NULL, size_node, sectors, (unsigned)strlen(sectors)) &&
             xs_write(xs, XBT_NULL, state_node, state, len);
    free(device);
    free(state);
    if (xs)
        xs_close(xs);
    return ok;
}

/* Frames of a vif that is down are lost; netfront does not look at the carrier. */
static bool set_link(struct kernel_device *d, bool up, GError **error)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {0};

    g_snprintf(r.ifr_name, sizeof(r.ifr_name), "vif%u.%d", d->all->domid, d->nic.devid);
    bool ok = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0;
    if (ok) {
        r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
        ok = ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    }
    if (!ok)
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "%s: %s", r.ifr_name,
                    g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

static void forget(struct kernel_device *d)
{
    if (!d)
        return;
    if (d->leaving && !d->idle)
        d->forgotten = true;
    else
        device_free(d);
}

static const struct xen_kernel_ops devices_ops = {
    .serves = serves,
    .add_disk = add_disk,
    .adopt_disk = adopt_disk,
    .add_nic = add_nic,
    .unplug = unplug,
    .stats = stats,
    .resized = resized,
    .set_link = set_link,
    .forget = forget,
};

struct xen_kernel *libxl_devices_new(struct libxl_loop *loop, uint32_t domid)
{
    struct libxl_devices *all = g_new0(struct libxl_devices, 1);

    all->base.ops = &devices_ops;
    all->loop = loop;
    all->domid = domid;
    return &all->base;
}

void libxl_devices_free(struct xen_kernel *k)
{
    struct libxl_devices *all = (struct libxl_devices *)k;
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_TIME_SPAN_MILLISECOND;

    if (!all)
        return;
    while (all->removals && g_get_monotonic_time() < end)
        libxl_loop_turn(all->loop);
    g_free(all);
}
