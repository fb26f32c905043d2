/*
 * The runtime directory: where the sockets and the state of running guests are, one directory a guest.
 *
 *   BASE/UUID/ or BASE/NAME-PID/
 *       lock        held with flock() for as long as its owner lives
 *       info        key file: name, uuid, pid
 *       ...         what the owner puts there: sockets, consoles
 *
 * BASE is $XENNER_RUNTIME_DIR, else /run/xenner for root, else $XDG_RUNTIME_DIR/xenner. What a killed
 * owner left behind is removed by the next start. Threads: the owner's.
 */
#pragma once

#include <stdbool.h>

#include <glib.h>
#include <sys/types.h>

struct rundir;

/* Whoever runs now, for those who look for a guest. */
struct rundir_entry {
    char *path;
    char *name, *uuid; /* NULL: has none */
    pid_t pid;
};

/* NULL: neither root nor is there an XDG_RUNTIME_DIR. Caller frees. */
char *rundir_base(void);
/* Sweeps base, then makes the guest's directory, locked. name and uuid may be NULL. */
struct rundir *rundir_new(const char *base, const char *name, const char *uuid, GError **error);
const char *rundir_path(const struct rundir *r);
/* "PATH/name"; caller frees. */
char *rundir_file(const struct rundir *r, const char *name);
/* Writes a file of it anew, all or nothing; also when its path is out of reach (-chroot). */
bool rundir_write(const struct rundir *r, const char *name, const char *text, GError **error);
/* Makes it that user's, who can't remove it from base then: the next start's sweep does. */
bool rundir_give(const struct rundir *r, uid_t uid, gid_t gid, GError **error);
/* Removes the directory with all that is in it. Accepts NULL. */
void rundir_free(struct rundir *r);

/* struct rundir_entry of each live guest, owned; empty when there is no base. */
GPtrArray *rundir_list(const char *base);
