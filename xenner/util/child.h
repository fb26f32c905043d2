/*
 * A helper process whose life is tied to ours: it dies when we do, however we die, and we learn of it
 * when it dies. Threads: the main loop's (the kernel ties the child to the thread that made it).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct child;
struct spawner;

/* s starts what child_spawn_guest() is asked for, and all of the rest, too, if always. Borrowed. */
void child_use_spawner(struct spawner *s, bool always);
/* Whether there is such a program in PATH, or a spawner, who knows better. */
bool child_can_run(const char *program);

/* status as from waitpid(). Main loop's thread, once. */
typedef void (*child_exit_fn)(void *opaque, int status);

enum { CHILD_MAX_FDS = 8 }; /* at most FD_MESSAGE_MAX */

struct child_fd {
    int fd; /* ours, borrowed: stays open here */
    int as; /* its number in the child; 1 or more, in place of our stdout or stderr if that */
};

/*
 * argv[0] is looked up in PATH. The child gets stdin from /dev/null, our stdout and stderr, and the
 * named descriptors; nothing else stays open in it.
 */
struct child *child_spawn(char *const argv[], const struct child_fd *fds, unsigned nr_fds,
                          child_exit_fn exited, void *opaque, GError **error);
/* The same for one that runs what the guest says: with no more privileges than we will have. */
struct child *child_spawn_guest(char *const argv[], const struct child_fd *fds, unsigned nr_fds,
                                child_exit_fn exited, void *opaque, GError **error);
/* Only the fork and the exec, not tied to a main loop: -1 with *ret_err, an errno. */
pid_t child_fork(char *const argv[], const struct child_fd *fds, unsigned nr_fds, int *ret_err);
/* Whether that one would have less than child_spawn()'s. */
bool child_guest_has_less(void);
int child_pid(const struct child *c);
/* Asks it to end (SIGTERM) and waits up to that many milliseconds, then child_free(). Accepts NULL. */
void child_end(struct child *c, int timeout_ms);
/* Kills it (SIGKILL), waits for it, and forgets it; exited() is not called. Accepts NULL. */
void child_free(struct child *c);
