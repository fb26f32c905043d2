/* null: output vanishes, no input. file: output only. */
#include "xenner/chardev/chardev_priv.h"

#include <fcntl.h>

static bool null_open(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    chr->discards = true;
    chr->label = g_strdup("null");
    return true;
}

const struct chardev_kind_ops chardev_null_ops = {.open = null_open};

static bool file_open(struct chardev *chr, const struct chardev_config *cfg, GError **error)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (cfg->append ? O_APPEND : O_TRUNC);
    int fd = open(cfg->path, flags, 0666);

    if (fd < 0)
        return chardev_fail(error, "open", cfg->path);
    chr->label = g_strdup_printf("file:%s", cfg->path);
    chardev_connected(chr, -1, fd, true);
    return true;
}

const struct chardev_kind_ops chardev_file_ops = {.open = file_open};
