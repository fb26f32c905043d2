/*
 * What follows from what the guest does: a pure table. States are QEMU's run states.
 */
#pragma once

#include "xenner/config/vm_config.h"

enum run_state { RUN_PRELAUNCH, RUN_RUNNING, RUN_PAUSED, RUN_SHUTDOWN, RUN_GUEST_PANICKED,
                 RUN_INTERNAL_ERROR, RUN_IO_ERROR /* a disk failed, and somebody is to see to it */ };

/* What the guest's SHUTDOWN_* mean for us. */
enum guest_end { END_POWEROFF, END_REBOOT, END_CRASH };

enum lifecycle_step {
    STEP_QUIT,  /* the process ends with `status` */
    STEP_RESET, /* the guest starts again from the beginning */
    STEP_STAY,  /* stopped, in `state` */
};

struct lifecycle_decision {
    enum lifecycle_step step;
    enum run_state state;
    int status;
};

/* Exit statuses of the program; xenner.1 documents them. */
enum {
    EXIT_OK = 0,          /* powered off, halted, or ended by the user */
    EXIT_ERROR = 1,       /* bad options, or something on the host went wrong */
    EXIT_REBOOT = 3,      /* the guest wanted to reboot, and -no-reboot forbids it */
    EXIT_CRASH = 4,       /* the guest crashed */
};

/* reason: SHUTDOWN_* of xen/sched.h; unknown ones count as a crash. */
enum guest_end lifecycle_classify(unsigned reason);
struct lifecycle_decision lifecycle_decide(const struct vm_config *cfg, enum guest_end end);
/* "running", "guest-panicked"... */
const char *run_state_name(enum run_state s);
