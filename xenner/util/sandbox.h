/* -sandbox: a seccomp filter over all threads, after which this process can do less to its host. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct sandbox_config {
    bool on;
    bool deny_obsolete;  /* system calls that nothing has a use for; the default with on */
    bool deny_elevate;   /* other users, groups, sessions */
    bool allow_children; /* with deny_elevate: what is started may, by set-uid programs */
    bool deny_spawn;     /* processes and programs */
    bool deny_resources; /* priorities, CPUs, limits */
};

/*
 * Loads it, for good. What has no business here at all (modules, mounts, other processes' memory, the
 * clock) ends the process; what programs try and can do without gets EPERM.
 */
bool sandbox_load(const struct sandbox_config *c, GError **error);

/*
 * For a process that only computes: this thread's system calls but calls (NULL at the end), and the requests
 * ioctls (0 at the end), get EPERM, for good. False: it could not be loaded.
 */
bool sandbox_only(const char *const *calls, const unsigned *ioctls);
