/*
 * A process that starts programs for us when we can't any more: it was forked before the seccomp filter
 * was loaded and before chroot(), and has given up root already when -runas says so. It runs the few programs that it
 * was told of at the start and no other, whoever asks.
 *
 * What it starts dies with it, and it dies with us. One request or report is one packet.
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/util/child.h"
#include "xenner/util/privileges.h"

struct spawner;

/* Forks. programs: names without a path, NULL at the end; static. user may be NULL. */
struct spawner *spawner_new(const char *const *programs, const struct privileges *user, GError **error);
/* Ends it, with all that it started. Accepts NULL. */
void spawner_free(struct spawner *s);

/* Lets go of stdin, stdout and stderr: what it starts from now on has none. */
void spawner_detach(struct spawner *s);
/* As child_spawn(): the process id, or -1 with error. exited is called once, but after spawner_kill(). */
pid_t spawner_spawn(struct spawner *s, char *const argv[], const struct child_fd *fds, unsigned n,
                    child_exit_fn exited, void *opaque, GError **error);
/* Sends signo; nothing happens when it is gone already. */
void spawner_signal(struct spawner *s, pid_t pid, int signo);
/* SIGKILL, waits until it is gone, and forgets it. */
void spawner_kill(struct spawner *s, pid_t pid);
