/* What the files of the image library share: the index of members. Not for users. */
#pragma once

#include "xenguest/lib/image.h"

#include <sys/types.h>

#define XG_MEMBERS_MAX 65536
#define XG_NAME_MAX    1000 /* bytes */
#define XG_DEPTH_MAX   32

enum xg_source {
    XG_FROM_NONE, /* directories and links */
    XG_FROM_TAR,  /* the file that was opened, at .body */
    XG_FROM_DIR,  /* the directory that was opened, by its name */
    XG_FROM_DATA,
    XG_FROM_FD,
};

struct xg_entry {
    char *name;
    enum xg_type type;
    enum xg_source source;
    unsigned mode;
    uint64_t size;
    int64_t mtime;
    char *target;     /* XG_SYMLINK */
    off_t body;       /* XG_FROM_TAR */
    off_t start, end; /* in the opened tar, with headers and padding; 0, 0: not there */
    GBytes *data;     /* XG_FROM_DATA */
    int fd;           /* XG_FROM_FD, else -1 */
};

struct xg_image {
    char *path; /* as opened; NULL for a new one */
    int fd;     /* of the file or the directory, or -1 */
    bool is_dir;
    dev_t dev;
    ino_t ino;           /* what path was when it was opened */
    bool may_link;       /* the opened directory is being replaced: its files may be shared */
    GPtrArray *entries;  /* struct xg_entry */
    GHashTable *by_name; /* the same */
};

struct xg_entry *xg_entry_new(const char *name, enum xg_type type);
void xg_entry_free(void *entry);
DEFINE_AUTO(xg_entry)

/*
 * Takes entry. False, with its name in the error, when the name, the target or its place is not
 * right.
 */
bool xg_index_add(struct xg_image *img, struct xg_entry *entry, GError **error);
/* Members below what is not a directory. */
bool xg_index_check(const struct xg_image *img, GError **error);
struct xg_entry *xg_index_find(const struct xg_image *img, const char *name);

/*
 * "./a//b/" to "a/b", "." to "". False with error for absolute names, "..", and what no terminal
 * shows.
 */
bool xg_name_normalise(const char *name, char **ret, GError **error);
/* Whether a link of this name may lead to target. */
bool xg_target_check(const char *name, const char *target, GError **error);
/* "NAME: WHAT" in error; false. */
bool xg_refuse(GError **error, const char *name, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* "NAME: could not VERB: strerror" from errno; false. */
bool xg_failed(GError **error, const char *name, const char *verb);

/* What a member that is made now has as its time. */
int64_t xg_now(void);

bool xg_tar_index(struct xg_image *img, GError **error);
bool xg_dir_index(struct xg_image *img, GError **error);

/*
 * A regular member's body: an fd to read from at *ret_at; *ret_close says whether it is the
 * caller's.
 */
int xg_entry_open(const struct xg_image *img, const struct xg_entry *e, off_t *ret_at,
                  bool *ret_close, GError **error);
/* size bytes from one file to another's position; the kernel copies when it can. */
bool xg_copy_range(int from, off_t at, uint64_t size, int to, const char *name, GError **error);
/*
 * The same when the copy is synced next and the original goes: much is written past the page cache,
 * which then has neither. Three threads.
 */
bool xg_copy_to_disk(int from, off_t at, uint64_t size, int to, const char *name, GError **error);
bool xg_write_all(int fd, const void *data, size_t len, const char *name, GError **error);

/*
 * While an image is written, SIGINT, SIGTERM and SIGHUP wait, and whoever copies asks now and then:
 * true, with error set, when one came. So what is half-written is removed before the signal does
 * its work.
 */
bool xg_interrupted(GError **error);

bool xg_tar_write(struct xg_image *img, int fd, GError **error);
bool xg_dir_write(struct xg_image *img, int dirfd, GError **error);
