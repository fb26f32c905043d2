/* fd_message.c: bytes and descriptors over a socket. */
#include "xenner/util/fd_message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

static int set_up(void **state)
{
    static int pair[2];

    *state = pair;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
    int *pair = *state;

    close(pair[0]);
    return pair[1] < 0 ? 0 : close(pair[1]);
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static unsigned how_many_open(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void make_pipes(int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i += 2)
        assert_int_equal(pipe2(fds + i, O_CLOEXEC), 0);
}

static void close_all(const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void some(void **state)
{
    int *pair = *state, fds[FD_MESSAGE_MAX], got[FD_MESSAGE_MAX];
    static const unsigned numbers[] = {0, 1, FD_MESSAGE_MAX};
    char text[8];
    unsigned n;

    make_pipes(fds, FD_MESSAGE_MAX);
    for (unsigned k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
        assert_int_equal(fd_message_send(pair[0], "text", 5, fds, numbers[k]), 5);
        assert_int_equal(fd_message_receive(pair[1], text, sizeof(text), got, FD_MESSAGE_MAX, &n), 5);
        assert_string_equal(text, "text");
        assert_int_equal(n, numbers[k]);
        for (unsigned i = 0; i < n; i++) {
            assert_true(same_file(fds[i], got[i]));
            assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
        }
        close_all(got, n);
    }
    close_all(fds, FD_MESSAGE_MAX);
}

/* Those that nobody has asked for do not stay open. */
static void too_many(void **state)
{
    int *pair = *state, fds[4], got[1];
    char c;
    unsigned n;

    make_pipes(fds, 4);
    unsigned before = how_many_open();
    assert_int_equal(fd_message_send(pair[0], "x", 1, fds, 4), 1);
    assert_int_equal(fd_message_receive(pair[1], &c, 1, got, 1, &n), 1);
    assert_int_equal(n, 1);
    assert_true(same_file(fds[0], got[0]));
    assert_int_equal(how_many_open(), before + 1);
    close_all(got, 1);
    close_all(fds, 4);
}

static void ends(void **state)
{
    int *pair = *state, got[1];
    unsigned n = 7;
    char c;

    shutdown(pair[0], SHUT_WR);
    assert_int_equal(fd_message_receive(pair[1], &c, 1, got, 1, &n), 0);
    assert_int_equal(n, 0);
    close(pair[1]);
    pair[1] = -1;
    assert_int_equal(fd_message_send(pair[0], "x", 1, NULL, 0), -1);
    assert_int_equal(errno, EPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(some, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
