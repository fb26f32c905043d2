/* What the two sides of a spawner say to each other; private to spawner*.c. */
#pragma once

#include "xenner/util/child.h"

#include <stdint.h>

enum spawner_asked { SPAWNER_START, SPAWNER_SIGNAL, SPAWNER_DETACH };
enum spawner_said { SPAWNER_STARTED, SPAWNER_EXITED };

/* One packet; descriptors come with it. */
struct spawner_request {
    int32_t what;
    int32_t pid, signo;         /* SIGNAL */
    uint32_t nr_fds;            /* START */
    int32_t as[CHILD_MAX_FDS];
    uint32_t argv_bytes;        /* of argv, each with its NUL */
    char argv[32768];
};

struct spawner_report {
    int32_t what;
    int32_t pid;
    int32_t value; /* STARTED: an errno; EXITED: waitpid()'s status */
};

/* The helper process: serves its socket until the other side is gone. Its only thread. */
void spawner_process(int sock, const char *const *programs) __attribute__((noreturn));
