#include "xenguest/lib/diskcfg.h"
const char *diskcfg_fs_name(enum diskcfg_fs fs)
{
    static const char *const n[] = {"", "ext2", "ext3", "ext4", "vfat", "swap"};
    return n[fs];
}
