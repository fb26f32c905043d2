/*
 * A guest that was made from an image: a directory below the guests' one. It has the unpacked
 * image, without the disk's contents, and a file of ours, "xenguest.state": what was made for it
 * elsewhere.
 *
 * Directories that begin with ".new-" and ".gone-" are guests that are being made or removed; their
 * maker holds a lock (flock) on them. Those without a lock are what a dead one left, and are swept.
 */
#pragma once

#include "xenguest/manager/settings.h"

struct guest {
    char *name;
    char *dir;
    char *run;    /* the directory of its running: lock, pid, qmp */
    char *volume; /* see volume.h; NULL: the manager made no disk */
};

/* Letters, digits and - _ . + after a letter or digit; at most 64. */
bool guest_name_valid(const char *name, GError **error);
/* "/a/debian.xenguest", "/a/debian.xg" -> "debian". Caller frees. */
char *guest_name_of_image(const char *path);

/* NULL with error set: there is none of that name. */
struct guest *guest_open(const struct settings *s, const char *name, GError **error);
bool guest_exists(const struct settings *s, const char *name);
void guest_free(struct guest *g);
DEFINE_AUTO(guest)
/* Sorted; free with g_strfreev(). */
char **guest_names(const struct settings *s);

/* "xenguest.state" of a directory. volume may be NULL. Synced when it returns. */
bool guest_write_state(const char *dir, const char *volume, GError **error);
bool guest_read_state(const char *dir, char **ret_volume, GError **error);

/* Nobody has written to the disk that was made for it since. */
bool guest_is_new(const struct guest *g);

/* A value of the guest's params.cfg, or NULL; caller frees. */
char *guest_param(const struct guest *g, const char *name);
/* Unless it says GUEST_AUTOBOOT="0". */
bool guest_autoboots(const struct guest *g);
/*
 * guest.cfg and guest.d, as they are now, as a xenner command line without a console and nothing of
 * the process yet. What xenner has no use for is said as a warning. *ret is to be cleared either way.
 */
bool guest_command(const struct settings *s, const struct guest *g, struct xl_command *ret,
                   GError **error);

/*
 * Makes a guest from an image. It is there whole, or not at all: whatever happens, and whenever.
 */
bool guest_create(const struct settings *s, const char *image, const char *name, GError **error);
/* It must not run. */
bool guest_remove(const struct settings *s, const char *name, GError **error);
/* Removes what dead managers left. */
void guest_sweep(const struct settings *s);
