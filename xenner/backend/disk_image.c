#include "xenner/backend/disk_image.h"
#include "xenner/backend/image_probe.h"
#include "xenner/backend/image_url.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_known(const char *format)
{
    static const char *const formats[] = {"raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx",
                                          "vpc", "luks", "parallels", "bochs", NULL};

    return g_strv_contains(formats, format);
}

const char *disk_image_probe(const char *path, GError **error)
{
    char head[IMAGE_PROBE_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "Could not open '%s': %s",
                    path, g_strerror(errno));
        return NULL;
    }
    ssize_t n = read(fd, head, sizeof(head));
    close(fd);
    return image_probe(head, n < 0 ? 0 : (size_t)n); /* what can't be read, opening it says better */
}

/* A descriptor of ours that is for reading is no way to write, whatever the file's permissions are. */
static bool may_write(const struct disk_config *config, GError **error)
{
    static const char own[] = "/proc/self/fd/";

    if (config->readonly || config->snapshot || !g_str_has_prefix(config->path, own))
        return true;
    int flags = fcntl(atoi(config->path + strlen(own)), F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDWR)
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "Could not open '%s': %s", config->path,
                g_strerror(EACCES));
    return false;
}

/* Without what is in front of all images. */
static struct disk_image *open_bare(const struct disk_config *config, struct blk_io *io, GError **error)
{
    const char *format = config->format;
    struct disk_image *img = NULL;

    if (format && !is_known(format)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Unknown driver '%s'", format);
        return NULL;
    }
    if (!may_write(config, error))
        return NULL;
    /* what a server has is raw unless somebody says otherwise: it knows formats itself */
    if (!format && image_is_url(config->path))
        format = "raw";
    if (!format && !(format = disk_image_probe(config->path, error)))
        return NULL;
    if (strcmp(format, "raw") == 0 && !config->snapshot && !image_is_url(config->path))
        img = image_raw_open(config, io, !config->format, error);
    else
        img = image_qsd_open(config, format, io, error);
    if (!img)
        return NULL;
    img->io = io;
    if (!config->format && !image_is_url(config->path))
        g_warning("Image format was not specified for '%s' and probing guessed %s.%s", config->path,
                  format, strcmp(format, "raw") == 0
                      ? " Write operations on block 0 will be restricted. Specify the 'raw' format "
                        "explicitly to remove the restrictions." : "");
    return img;
}

struct disk_image *disk_image_open(const struct disk_config *config, struct blk_io *io, GError **error)
{
    struct disk_image *img = open_bare(config, io, error);

    return img ? image_on_error(img) : NULL;
}

bool disk_image_reopen(struct disk_image *img, const struct disk_config *config, uint64_t bytes,
                       GError **error)
{
    image_on_error_exchange(img, NULL); /* before: it has the locks */
    struct disk_image *below = open_bare(config, img->io, error);
    if (below && below->bytes != bytes) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "'%s' is not as large as the disk",
                    config->path);
        g_clear_pointer(&below, disk_image_free);
    }
    image_on_error_exchange(img, below);
    return below != NULL;
}

void disk_image_free(struct disk_image *img)
{
    if (img)
        img->ops->free(img);
}

void disk_image_submit(struct disk_image *img, struct image_request *r)
{
    img->ops->submit(img, r);
}

/* What is done to an image in the I/O thread. */
struct image_call {
    struct disk_image *img;
    uint64_t bytes;
    const struct image_policy *policy;
};

static void set_size(void *opaque)
{
    struct image_call *c = opaque;

    c->img->bytes = c->bytes;
}

bool disk_image_resize(struct disk_image *img, uint64_t bytes, GError **error)
{
    struct image_call c = {img, .bytes = bytes};

    if (!img->ops->resize) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "Image format driver does not support resize");
        return false;
    }
    if (!img->ops->resize(img, bytes, error))
        return false;
    blk_io_call(img->io, set_size, &c);
    return true;
}

void disk_image_set_memory(struct disk_image *img, const struct guest_mem *mem)
{
    if (img->ops->set_memory)
        img->ops->set_memory(img, mem);
}

void disk_image_hurry(struct disk_image *img, bool hurry)
{
    if (img->ops->hurry)
        img->ops->hurry(img, hurry);
}

static void set_policy(void *opaque)
{
    struct image_call *c = opaque;

    c->img->ops->set_policy(c->img, c->policy);
}

void disk_image_set_policy(struct disk_image *img, const struct image_policy *policy)
{
    struct image_call c = {img, .policy = policy};

    blk_io_call(img->io, set_policy, &c);
}

static void retry(void *opaque)
{
    struct disk_image *img = opaque;

    img->ops->retry(img);
}

void disk_image_retry(struct disk_image *img)
{
    blk_io_call(img->io, retry, img);
}
