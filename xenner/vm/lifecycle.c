#include "xenner/vm/lifecycle.h"

#include <xen/sched.h>

enum guest_end lifecycle_classify(unsigned reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        return END_POWEROFF;
    case SHUTDOWN_reboot:
    case SHUTDOWN_soft_reset:
        return END_REBOOT;
    default: /* crash, watchdog; suspend, which nobody asked for */
        return END_CRASH;
    }
}

static struct lifecycle_decision quit(int status)
{
    return (struct lifecycle_decision){STEP_QUIT, RUN_SHUTDOWN, status};
}

static struct lifecycle_decision stay(enum run_state state)
{
    return (struct lifecycle_decision){STEP_STAY, state, EXIT_OK};
}

struct lifecycle_decision lifecycle_decide(const struct vm_config *cfg, enum guest_end end)
{
    bool stays = cfg->on.poweroff == ACT_PAUSE;

    switch (end) {
    case END_POWEROFF:
        return stays ? stay(RUN_SHUTDOWN) : quit(EXIT_OK);
    case END_REBOOT:
        if (cfg->on.reboot == ACT_RESET)
            return (struct lifecycle_decision){STEP_RESET, RUN_RUNNING, EXIT_OK};
        return stays ? stay(RUN_SHUTDOWN) : quit(EXIT_REBOOT);
    case END_CRASH:
        switch (cfg->on.panic) {
        case ACT_RESET:
            return (struct lifecycle_decision){STEP_RESET, RUN_RUNNING, EXIT_OK};
        case ACT_PAUSE:
        case ACT_NONE: /* its vCPUs stand still all the same */
            return stay(RUN_GUEST_PANICKED);
        case ACT_POWEROFF:
            break;
        }
        return stays ? stay(RUN_GUEST_PANICKED) : quit(EXIT_CRASH);
    }
    return quit(EXIT_ERROR);
}

const char *run_state_name(enum run_state s)
{
    static const char *const names[] = {
        [RUN_PRELAUNCH] = "prelaunch", [RUN_RUNNING] = "running",
        [RUN_PAUSED] = "paused",       [RUN_SHUTDOWN] = "shutdown",
        [RUN_GUEST_PANICKED] = "guest-panicked", [RUN_INTERNAL_ERROR] = "internal-error",
        [RUN_IO_ERROR] = "io-error",
    };

    return names[s];
}
