/* util/child.c: a helper process: what it gets, how we learn of its end, that it ends with us. */
#include "xenner/util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct end {
    GMainLoop *loop;
    int status, calls;
};

static void on_exit_of_child(void *opaque, int status)
{
    struct end *e = opaque;

    e->status = status;
    e->calls++;
    g_main_loop_quit(e->loop);
}

/* All that comes until the last holder of the other end is gone. */
static char *read_all(int fd)
{
    GString *s = g_string_new(NULL);
    char buf[512];
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0)
        g_string_append_len(s, buf, n);
    assert_int_equal(n, 0);
    close(fd);
    return g_string_free(s, FALSE);
}

static void make_pipe(int fd[2])
{
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
}

static void tells_of_the_end(void **state)
{
    static const struct {
        const char *script;
        bool exited;
        int code;
    } cases[] = {{"exit 0", true, 0}, {"exit 7", true, 7}, {"kill -9 $$", false, SIGKILL}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *argv[] = {(char *)"sh", (char *)"-c", (char *)cases[i].script, NULL};
        struct end e = {.loop = g_main_loop_new(NULL, FALSE)};
        struct child *c = child_spawn(argv, NULL, 0, on_exit_of_child, &e, NULL);

        assert_non_null(c);
        assert_true(child_pid(c) > 0);
        g_main_loop_run(e.loop);
        assert_int_equal(e.calls, 1);
        assert_int_equal(!!WIFEXITED(e.status), cases[i].exited);
        assert_int_equal(cases[i].exited ? WEXITSTATUS(e.status) : WTERMSIG(e.status),
                         cases[i].code);
        assert_int_equal(child_pid(c), 0);
        child_free(c);
        g_main_loop_unref(e.loop);
    }
}

static void no_such_program(void **state)
{
    char *argv[] = {(char *)"/nonexistent/program", NULL};
    g_autoptr(GError) error = NULL;

    assert_null(child_spawn(argv, NULL, 0, NULL, NULL, &error));
    assert_string_equal(error->message, "could not run '/nonexistent/program': No such file or "
                                        "directory");
    assert_null(child_spawn(argv, NULL, 0, NULL, NULL, NULL));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* and nobody is left to wait for */
    assert_int_equal(errno, ECHILD);
}

/* Numbers that cross over: the one's new number is the other's old one. */
static void gets_its_descriptors(void **state)
{
    int a[2], b[2];
    char *argv[] = {(char *)"sh", (char *)"-c", NULL, NULL};

    make_pipe(a);
    make_pipe(b);
    const struct child_fd fds[] = {{a[1], b[1]}, {b[1], a[1]}};
    g_autofree char *script = g_strdup_printf("echo to a >&%d; echo to b >&%d", b[1], a[1]);
    argv[2] = script;
    struct child *c = child_spawn(argv, fds, 2, NULL, NULL, NULL);
    assert_non_null(c);
    close(a[1]);
    close(b[1]);
    g_autofree char *on_a = read_all(a[0]);
    g_autofree char *on_b = read_all(b[0]);
    assert_string_equal(on_a, "to a\n");
    assert_string_equal(on_b, "to b\n");
    child_free(c);
}

/* Ours that lack close-on-exec stay here all the same; stdin is empty. */
static void gets_nothing_else(void **state)
{
    char *argv[] = {(char *)"sh", (char *)"-c",
                    (char *)"exec >&3 2>&3; ls /proc/$$/fd; wc -c", NULL};
    int out[2], leak = dup(2);

    make_pipe(out);
    assert_true(leak > 3);
    const struct child_fd fds[] = {{out[1], 3}};
    struct child *c = child_spawn(argv, fds, 1, NULL, NULL, NULL);
    assert_non_null(c);
    close(out[1]);
    g_autofree char *text = read_all(out[0]);
    assert_string_equal(text, "0\n1\n2\n3\n0\n");
    child_free(c);
    close(leak);
}

static void free_kills(void **state)
{
    char *argv[] = {(char *)"sh", (char *)"-c",
                    (char *)"trap '' TERM; echo ready >&3; exec tail -f /dev/null", NULL};
    struct end e = {.loop = NULL};
    char byte;
    int out[2];

    make_pipe(out);
    const struct child_fd fds[] = {{out[1], 3}};
    struct child *c = child_spawn(argv, fds, 1, on_exit_of_child, &e, NULL);
    assert_non_null(c);
    int pid = child_pid(c);
    close(out[1]);
    assert_int_equal(read(out[0], &byte, 1), 1);
    child_free(c);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    g_autofree char *rest = read_all(out[0]);
    assert_string_equal(rest, "eady\n");
    assert_int_equal(e.calls, 0);
    child_free(NULL);
}

/* The program that has the child, see below: it dies of SIGKILL as soon as the child runs. */
static int be_the_parent(int fd)
{
    char *argv[] = {(char *)"tail", (char *)"-f", (char *)"/dev/null", NULL};
    const struct child_fd fds[] = {{fd, 3}};

    if (!child_spawn(argv, fds, 1, NULL, NULL, NULL))
        return 1;
    close(fd);
    raise(SIGKILL);
    return 1;
}

static void dies_with_its_parent(void **state)
{
    int life[2], status;
    char number[12];

    /* Only the child holds the other end, so its end is the end of the file. */
    assert_int_equal(pipe(life), 0);
    snprintf(number, sizeof(number), "%d", life[1]);
    pid_t parent = fork();
    if (parent == 0) {
        close(life[0]);
        execl("/proc/self/exe", "test-child", number, NULL);
        _exit(127);
    }
    close(life[1]);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    g_autofree char *nothing = read_all(life[0]);
    assert_string_equal(nothing, "");
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dies_with_its_parent), cmocka_unit_test(tells_of_the_end),
        cmocka_unit_test(no_such_program),      cmocka_unit_test(gets_its_descriptors),
        cmocka_unit_test(gets_nothing_else),    cmocka_unit_test(free_kills),
    };

    alarm(20); /* what waits for ever, fails */
    if (argc > 1)
        return be_the_parent(atoi(argv[1]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
