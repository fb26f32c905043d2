/* Disk images with file systems for tests, made with mke2fs and sfdisk. */
#pragma once

#include <glib.h>

/* A directory for what follows; the caller's. */
char *disk_maker_dir(void);
/* Writes dir/tree/path. */
void disk_maker_file(const char *dir, const char *path, const void *data, gsize len);
void disk_maker_link(const char *dir, const char *path, const char *to);
/* An ext file system of dir/tree, KiB large, at that offset (bytes) in dir/disk. type: "ext2"... */
void disk_maker_ext(const char *dir, const char *type, unsigned kib, guint64 offset);
/* A partition table in dir/disk, of MiB, as sfdisk's script says. */
void disk_maker_table(const char *dir, unsigned mib, const char *script);
/* First bytes of kernels: of an ELF file, of a bzImage with these xloadflags. */
void disk_maker_elf(const char *dir, const char *path, unsigned char class, unsigned machine);
void disk_maker_bzimage(const char *dir, const char *path, unsigned version, unsigned xloadflags);
/* Removes dir. */
void disk_maker_end(char *dir);
