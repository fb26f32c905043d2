/*
 * A place for guest memory whose pages may be huge ones. memfd_create() gives such pages only where the
 * administrator set /sys/kernel/mm/transparent_hugepage/shmem_enabled (Debian: never), but a tmpfs decides for
 * itself (Linux's Documentation/mm/transhuge, "huge="): so we mount one that is attached nowhere.
 */
#pragma once

/*
 * The root directory of a tmpfs mounted with huge=advise, close-on-exec, 3 or more; it lives as long as it or a file in
 * it is open. -1 where that is not to be had: the caller uses a memfd. Without CAP_SYS_ADMIN it takes a child
 * process in a user namespace of its own, which is gone when this returns. Threads: any; not under -sandbox.
 */
int huge_tmpfs_open(void);
/* An unnamed empty file in it, as memfd_create()'s: anybody who has the descriptor may open it again. -1: errno. */
int huge_tmpfs_file(int dir);
