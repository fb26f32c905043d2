/* Tar files block by block, also such as no tool would write. POSIX.1-1988 ustar headers. */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * A header that says size, and nothing behind it. type: '0' file, '1' hard link, '2' link, '5'
 * directory...
 */
void tar_header(GString *to, const char *name, char type, const char *link, uint64_t size);
/* A file with its body. */
void tar_file(GString *to, const char *name, const char *body);
/* A pax header 'x' with records "KEY=VALUE" for the next member. */
void tar_pax(GString *to, const char *key, const char *value);
void tar_end(GString *to);
/* A whole small image: params.cfg, guest.cfg, disk.cfg, a kernel, a script, a file of the disk. */
void tar_image(GString *to);
