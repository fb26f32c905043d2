/*
 * xenguest images: a plain tar, or the directory that it unpacks to. The same calls work on both.
 *
 * An image is an index of members, some in the file or directory that was opened, others replaced
 * or added since. Nothing is written before xg_image_save_*(), which are atomic: the new image is
 * made beside the old one, synced, and takes its name; whatever happens, the name is the old or the
 * new one. Bodies are copied in the kernel, in constant memory.
 *
 * Nothing of an image is trusted: opening one refuses, with the member's name, absolute paths,
 * "..", links that lead out, hard links, devices, sparse members, duplicates, members below what is
 * no directory, and sizes that the file does not have. Nothing in an image is ever executed.
 *
 * Member names are relative, without a leading "./": "files/kernel".
 */
#pragma once

#include "xenguest/lib/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define XG_PARAMS     "params.cfg"
#define XG_GUEST      "guest.cfg"
#define XG_DISK       "disk.cfg"
#define XG_CONFIG_MAX (1u << 20) /* bytes of a member that is read into memory */

struct xg_image;

enum xg_type {
    XG_FILE,
    XG_DIR,
    XG_SYMLINK, /* relative, and stays inside */
};

struct xg_member {
    const char *name;
    enum xg_type type;
    unsigned mode; /* permission bits only */
    uint64_t size; /* XG_FILE */
};

/* A file or a directory. NULL with error set, which starts with the path. */
struct xg_image *xg_image_open(const char *path, GError **error);
/* Without any member. */
struct xg_image *xg_image_new(void);
void xg_image_free(struct xg_image *img);
DEFINE_AUTO(xg_image)
/* Whether it was opened as a directory. */
bool xg_image_is_dir(const struct xg_image *img);

/*
 * What a whole image has, and that its configurations fit together: see xenguest-mkimage(1), check.
 */
bool xg_image_check(struct xg_image *img, GError **error);

/* For messages: as it is, or escaped when a terminal would not like it. Free with g_free(). */
char *xg_printable(const char *name);

bool xg_image_has(const struct xg_image *img, const char *name);
/* False when there is none. ret->name is valid until the member is changed. */
bool xg_image_stat(const struct xg_image *img, const char *name, struct xg_member *ret);
/*
 * The regular files directly in dir ("init.d"), sorted by name in the C locale. Free with
 * g_strfreev().
 */
char **xg_image_list(const struct xg_image *img, const char *dir);
/* Every member, in the order of the file. */
void xg_image_foreach(const struct xg_image *img,
                      void (*fn)(const struct xg_member *m, void *opaque), void *opaque);

/*
 * A whole regular member of at most XG_CONFIG_MAX bytes, with a NUL behind it. Free with g_free().
 */
char *xg_image_read(struct xg_image *img, const char *name, size_t *ret_len, GError **error);
/* A regular member of any size to fd. */
bool xg_image_copy(struct xg_image *img, const char *name, int fd, GError **error);
/* "disk/NAME" or "disk-files/NAME", whichever there is, else NULL. Free with g_free(). */
char *xg_image_disk_file(const struct xg_image *img, const char *content);
/*
 * guest.cfg and all guest.d/ parts, as xl reads them one after the other: text for xlcfg_parse() or
 * xl. Each part must be right by itself. Free with g_free().
 */
char *xg_image_merged_config(struct xg_image *img, GError **error);

/*
 * Adding and replacing; directories above are made. Names are checked as if they were in an
 * archive.
 */
bool xg_image_set_data(struct xg_image *img, const char *name, const void *data, size_t len,
                       unsigned mode, GError **error);
/* The regular file at path, which is opened now and read when saving. */
bool xg_image_set_file(struct xg_image *img, const char *name, const char *path, unsigned mode,
                       GError **error);
bool xg_image_set_dir(struct xg_image *img, const char *name, GError **error);
/* A member, and for a directory all below it. True when there was one. */
bool xg_image_remove(struct xg_image *img, const char *name);

/*
 * Writes it to path, in place of what is there: a regular file or nothing. img may be the image at
 * path. Afterwards img is not to be used further than xg_image_free().
 */
bool xg_image_save_file(struct xg_image *img, const char *path, GError **error);
/*
 * The same to a directory: an image directory that img was opened from, an empty one, or nothing.
 */
bool xg_image_save_dir(struct xg_image *img, const char *path, GError **error);
