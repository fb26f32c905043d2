#include "xenner/config/disk_kernel.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { SECTOR = 512 };

static char *real_path(const struct disk_config *c, struct stat *ret_st, const char **why_not)
{
    char *real = c->path ? realpath(c->path, NULL) : NULL; /* free() is g_free() */

    /* /proc/self and descriptors mean nothing to other programs */
    if (real && stat(real, ret_st) == 0 && (S_ISREG(ret_st->st_mode) || S_ISBLK(ret_st->st_mode)))
        return real;
    free(real);
    *why_not = "it is neither a file nor a block device";
    return NULL;
}

char *disk_real_path(const struct disk_config *disk, const char **why_not)
{
    struct stat st;

    return real_path(disk, &st, why_not);
}

char *disk_kernel_path(const struct disk_config *disk, const char **why_not)
{
    struct stat st;
    char *real = real_path(disk, &st, why_not);

    if (!real)
        return NULL;
    if (!(*why_not = disk_config_not_for_kernel(disk, S_ISBLK(st.st_mode))) && st.st_size % SECTOR)
        *why_not = "its file ends inside a sector";
    if (!*why_not)
        return real;
    free(real);
    return NULL;
}
