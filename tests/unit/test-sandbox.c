/* What the filter lets through and what not, each tried in a process of its own. */
#include "xenner/util/sandbox.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLED = 1000 };

/* The errno that act() leaves in a process with that filter, 0: none, KILLED. */
static int try(const struct sandbox_config *c, int (*act)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        GError *error = NULL;
        if (!sandbox_load(c, &error))
            _exit(255);
        errno = 0;
        _exit(act() < 0 ? errno : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? KILLED : -1;
    assert_int_not_equal(WEXITSTATUS(status), 255);
    return WEXITSTATUS(status);
}

static int do_mount(void)
{
    return mount("none", "/nowhere", "tmpfs", 0, NULL);
}

static int do_obsolete(void)
{
    return (int)syscall(SYS_sysfs, 3);
}

static int do_setuid(void)
{
    return setuid(getuid());
}

static int do_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid;
}

static int do_exec(void)
{
    return execl("/bin/true", "true", NULL);
}

static void *nothing(void *opaque)
{
    return opaque;
}

static int do_thread(void)
{
    pthread_t t;
    int err = pthread_create(&t, NULL, nothing, NULL);

    errno = err;
    return err ? -1 : pthread_join(t, NULL);
}

static int do_priority(void)
{
    return setpriority(PRIO_PROCESS, 0, 5);
}

/* The filter is for threads that are there already, too. */
static pthread_barrier_t barrier;

static void *other_thread(void *opaque)
{
    pthread_barrier_wait(&barrier);
    return do_priority() < 0 && errno == EPERM ? opaque : NULL;
}

static int in_all_threads(void)
{
    static const struct sandbox_config c = {.on = true, .deny_resources = true};
    pthread_t t;
    void *refused;

    pthread_barrier_init(&barrier, NULL, 2);
    if (pthread_create(&t, NULL, other_thread, &barrier) || !sandbox_load(&c, NULL))
        _exit(255);
    pthread_barrier_wait(&barrier);
    pthread_join(t, &refused);
    return refused ? 0 : (errno = EINVAL, -1);
}

static void filters(void **state)
{
    const struct sandbox_config off = {0}, on = {.on = true, .deny_obsolete = true};
    const struct sandbox_config all = {true, true, true, false, true, true};
    const struct sandbox_config children = {.on = true, .deny_elevate = true, .allow_children = true};

    assert_int_not_equal(try(&off, do_mount), KILLED);
    assert_int_equal(try(&on, do_mount), KILLED);
    assert_int_equal(try(&on, do_obsolete), KILLED);
    assert_int_equal(try(&on, do_setuid), 0);
    assert_int_equal(try(&on, do_fork), 0);
    assert_int_equal(try(&on, do_exec), 0);
    assert_int_equal(try(&on, do_priority), 0);
    assert_int_equal(try(&all, do_setuid), EPERM);
    assert_int_equal(try(&all, do_fork), EPERM);
    assert_int_equal(try(&all, do_exec), EPERM);
    assert_int_equal(try(&all, do_priority), EPERM);
    assert_int_equal(try(&all, do_thread), 0);
    assert_int_equal(try(&children, do_setuid), EPERM);
    assert_int_equal(try(&children, do_exec), 0);
    assert_int_equal(try(&off, in_all_threads), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(filters)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
