/*
 * A file for guest memory whose pages may be huge ones. memfd_create() gives such pages only where the
 * administrator set /sys/kernel/mm/transparent_hugepage/shmem_enabled (Debian: never), but a tmpfs decides for
 * itself (Linux's Documentation/mm/transhuge, "huge="): so we mount one that is attached nowhere.
 */
#pragma once

/*
 * An unnamed empty file of a tmpfs mounted with huge=advise, open for reading and writing, close-on-exec,
 * which any user may open again through /proc as with a memfd; the tmpfs lives as long as it. -1 where that
 * is not to be had: the caller uses a memfd. Without CAP_SYS_ADMIN it takes a child process in a user
 * namespace of its own, which is gone when this returns. Threads: any.
 */
int huge_tmpfs_file(void);
