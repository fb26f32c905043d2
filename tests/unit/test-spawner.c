/* Programs that a helper process starts: output, exit status, signals, who may be started, how it ends. */
#include "xenner/util/spawner.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const programs[] = {"sh", "sleep", NULL};

struct ended {
    unsigned n;
    int status;
};

static void on_exit_status(void *opaque, int status)
{
    struct ended *e = opaque;

    e->n++;
    e->status = status;
}

static int setup(void **state)
{
    GError *error = NULL;

    *state = spawner_new(programs, NULL, &error);
    if (!*state)
        fail_msg("%s", error->message);
    child_use_spawner(*state, true);
    return 0;
}

static int teardown(void **state)
{
    child_use_spawner(NULL, false);
    spawner_free(*state);
    return 0;
}

static struct child *shell(const char *script, const struct child_fd *fds, unsigned n, struct ended *e)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    GError *error = NULL;
    struct child *c = child_spawn(argv, fds, n, on_exit_status, e, &error);

    if (!c)
        fail_msg("%s", error->message);
    return c;
}

static void runs(void **state)
{
    struct ended e = {0};
    char buf[64] = "";
    int out[2];

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const struct child_fd fds[] = {{out[1], 1}, {out[1], 7}};
    struct child *c = shell("echo hello; echo 'to seven' >&7; exit 5", fds, 2, &e);
    close(out[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(out[0], buf + len, sizeof(buf) - 1 - len)) > 0;)
        len += (size_t)n;
    assert_string_equal(buf, "hello\nto seven\n"); /* and its end: nobody else has the pipe */
    while (!e.n)
        g_main_context_iteration(NULL, TRUE);
    assert_true(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 5);
    child_free(c);
    close(out[0]);
}

static void refuses(void **state)
{
    char *argv[] = {(char *)"true", NULL};
    char *big[] = {(char *)"sh", NULL, NULL};
    g_autoptr(GError) error = NULL;

    assert_null(child_spawn(argv, NULL, 0, on_exit_status, NULL, &error));
    assert_non_null(strstr(error->message, "Operation not permitted"));
    g_clear_error(&error);
    big[1] = g_strnfill(40000, 'x');
    assert_null(child_spawn(big, NULL, 0, on_exit_status, NULL, &error));
    assert_non_null(strstr(error->message, "too long"));
    g_free(big[1]);
}

static bool is_gone(int pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static void ends(void **state)
{
    struct ended quick = {0}, slow = {0}, killed = {0};
    struct child *a = shell("trap 'exit 0' TERM; while :; do sleep 0.01; done", NULL, 0, &slow);
    struct child *b = shell("exit 3", NULL, 0, &quick);
    struct child *c = shell("exec sleep 1000", NULL, 0, &killed);
    int pid = child_pid(c);

    child_free(c); /* waits; b's end may be heard meanwhile, and is kept */
    assert_true(is_gone(pid));
    assert_int_equal(killed.n, 0);
    pid = child_pid(a);
    child_end(a, 10000);
    assert_true(is_gone(pid));
    while (!quick.n)
        g_main_context_iteration(NULL, TRUE);
    assert_int_equal(WEXITSTATUS(quick.status), 3);
    child_free(b);
}

/* What it started goes with it, and whoever waits is told. */
static void dies(void **state)
{
    struct ended e = {0};
    struct child *c = shell("exec sleep 1000", NULL, 0, &e);
    int pidfd = (int)syscall(SYS_pidfd_open, child_pid(c), 0);
    struct pollfd p = {pidfd, POLLIN, 0};
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", child_pid(c)), *text = NULL;
    int spawner_pid;

    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %d", &spawner_pid), 1);
    assert_int_not_equal(spawner_pid, getpid());
    kill(spawner_pid, SIGKILL);
    while (!e.n)
        g_main_context_iteration(NULL, TRUE);
    assert_true(WIFSIGNALED(e.status));
    assert_int_equal(poll(&p, 1, 10000), 1);
    close(pidfd);
    child_free(c);
}

#define WITH_SPAWNER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_SPAWNER(runs), WITH_SPAWNER(refuses), WITH_SPAWNER(ends),
                                       WITH_SPAWNER(dies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
