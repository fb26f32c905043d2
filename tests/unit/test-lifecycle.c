/* lifecycle.c: how the guest ended x what the user wants -> what happens, and the exit status. */
#include "xenner/vm/lifecycle.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <xen/sched.h>

static void reasons(void **state)
{
    static const struct {
        unsigned reason;
        enum guest_end end;
    } cases[] = {
        {SHUTDOWN_poweroff, END_POWEROFF}, {SHUTDOWN_reboot, END_REBOOT},
        {SHUTDOWN_soft_reset, END_REBOOT}, {SHUTDOWN_crash, END_CRASH},
        {SHUTDOWN_watchdog, END_CRASH},    {SHUTDOWN_suspend, END_CRASH},
        {SHUTDOWN_MAX + 1, END_CRASH},     {UINT32_MAX, END_CRASH},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_int_equal(lifecycle_classify(cases[i].reason), cases[i].end);
}

#define QUIT(status)  {STEP_QUIT, RUN_SHUTDOWN, status}
#define STAY(state)   {STEP_STAY, state, EXIT_OK}
#define RESET         {STEP_RESET, RUN_RUNNING, EXIT_OK}
#define ANY           -1

static void decisions(void **state)
{
    static const struct {
        enum guest_end end;
        int poweroff, reboot, panic; /* enum vm_action, or ANY of those that the option takes */
        struct lifecycle_decision want;
    } cases[] = {
        {END_POWEROFF, ACT_POWEROFF, ANY, ANY, QUIT(0)},
        {END_POWEROFF, ACT_PAUSE, ANY, ANY, STAY(RUN_SHUTDOWN)},
        {END_REBOOT, ANY, ACT_RESET, ANY, RESET},
        {END_REBOOT, ACT_POWEROFF, ACT_POWEROFF, ANY, QUIT(3)},
        {END_REBOOT, ACT_PAUSE, ACT_POWEROFF, ANY, STAY(RUN_SHUTDOWN)},
        {END_CRASH, ANY, ANY, ACT_RESET, RESET},
        {END_CRASH, ANY, ANY, ACT_PAUSE, STAY(RUN_GUEST_PANICKED)},
        {END_CRASH, ANY, ANY, ACT_NONE, STAY(RUN_GUEST_PANICKED)},
        {END_CRASH, ACT_POWEROFF, ANY, ACT_POWEROFF, QUIT(4)},
        {END_CRASH, ACT_PAUSE, ANY, ACT_POWEROFF, STAY(RUN_GUEST_PANICKED)},
        {(enum guest_end)99, ANY, ANY, ANY, QUIT(1)},
    };
    static const enum vm_action off[] = {ACT_POWEROFF, ACT_PAUSE};
    static const enum vm_action again[] = {ACT_RESET, ACT_POWEROFF};
    static const enum vm_action panic[] = {ACT_POWEROFF, ACT_PAUSE, ACT_RESET, ACT_NONE};
    unsigned rows[G_N_ELEMENTS(cases)] = {0};

    /* Each combination of options meets exactly one row of each end. */
    for (size_t n = 0; n < G_N_ELEMENTS(off) * G_N_ELEMENTS(again) * G_N_ELEMENTS(panic); n++) {
        struct vm_config *cfg = vm_config_new();
        unsigned met = 0;

        cfg->on.poweroff = off[n % 2];
        cfg->on.reboot = again[n / 2 % 2];
        cfg->on.panic = panic[n / 4];
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
            if ((cases[i].poweroff != ANY && cases[i].poweroff != (int)cfg->on.poweroff) ||
                (cases[i].reboot != ANY && cases[i].reboot != (int)cfg->on.reboot) ||
                (cases[i].panic != ANY && cases[i].panic != (int)cfg->on.panic))
                continue;
            struct lifecycle_decision d = lifecycle_decide(cfg, cases[i].end);
            met++;
            rows[i]++;
            if (d.step != cases[i].want.step || d.state != cases[i].want.state ||
                d.status != cases[i].want.status)
                fail_msg("row %zu, options %zu: step %d state %d status %d", i, n, d.step, d.state,
                         d.status);
        }
        assert_int_equal(met, 4); /* three ends, and the impossible one */
        vm_config_free(cfg);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_true(rows[i] > 0);
}

static void names(void **state)
{
    static const char *const want[] = {"prelaunch", "running",        "paused",
                                       "shutdown",  "guest-panicked", "internal-error",
                                       "io-error"};

    for (unsigned i = 0; i <= RUN_IO_ERROR; i++)
        assert_string_equal(run_state_name((enum run_state)i), want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons),
        cmocka_unit_test(decisions),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
