#include "xenner/confine.h"
#include "xenner/backend/image_nbd.h"
#include "xenner/util/child.h"
#include "xenner/util/huge_tmpfs.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

/* 0: can't be opened, which the builder will complain of with better words; never a number below 3. */
static int open_early(const char *path)
{
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

    if (fd >= 0)
        close(fd);
    return MAX(high, 0);
}

bool confine_prepare(struct vm_config *cfg, struct spawner **ret, GError **error)
{
    /* what may be started later: a guest's next boot, a disk that is added */
    const char *const programs[] = {"qemu-storage-daemon", "qemu-img", "passt", "qemu-system-x86_64",
                                    g_getenv("XENNER_QEMU"), NULL};
    bool hidden = cfg->confine.runas || cfg->confine.root;

    *ret = NULL;
    if (!cfg->none)
        cfg->memory.tmpfs_fd = MAX(huge_tmpfs_open(), 0);
    if (!hidden && !(cfg->confine.sandbox.on && cfg->confine.sandbox.deny_spawn))
        return true;
    if (hidden && !image_nbd_prepare(error)) /* for a disk that is added later */
        return false;
    if (hidden && !cfg->none) {
        cfg->boot.kernel_fd = open_early(cfg->boot.kernel ? cfg->boot.kernel : cfg->boot.loader);
        cfg->boot.initrd_fd = open_early(cfg->boot.initrd);
    }
    *ret = spawner_new(programs, cfg->confine.runas ? &cfg->confine.user : NULL, error);
    if (*ret)
        child_use_spawner(*ret, false);
    return *ret != NULL;
}

/* libxl goes on being root's: it makes the next domain at a reboot, and starts programs of its own. */
static bool check_xen(const struct vm_config *cfg, GError **error)
{
    if (cfg->confine.runas || cfg->confine.root) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "-runas and -chroot do not go with the accelerator xen");
        return false;
    }
    if (cfg->confine.sandbox.on)
        g_warning("-sandbox has no effect with the accelerator xen");
    return true;
}

bool confine_enter(const struct vm_config *cfg, struct vm *vm, struct spawner *spawner, GError **error)
{
    if (strcmp(vm_accel(vm), "xen") == 0)
        return check_xen(cfg, error);
    if (spawner)
        child_use_spawner(spawner, true);
    if (cfg->confine.runas &&
        !vm_give(vm, cfg->confine.user.uid, cfg->confine.user.gid, error))
        return false;
    return (!cfg->confine.root || privileges_chroot(cfg->confine.root, error)) &&
           (!cfg->confine.runas || privileges_drop(&cfg->confine.user, error)) &&
           sandbox_load(&cfg->confine.sandbox, error);
}

void confine_end(struct vm_config *cfg, struct spawner *spawner)
{
    child_use_spawner(NULL, false);
    spawner_free(spawner);
    if (cfg->boot.kernel_fd)
        close(cfg->boot.kernel_fd);
    if (cfg->boot.initrd_fd)
        close(cfg->boot.initrd_fd);
    if (cfg->memory.tmpfs_fd)
        close(cfg->memory.tmpfs_fd);
    cfg->boot.kernel_fd = cfg->boot.initrd_fd = cfg->memory.tmpfs_fd = 0;
}
