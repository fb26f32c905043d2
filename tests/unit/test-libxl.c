/* What of the module for Xen hosts runs without Xen: whose domains there are, what its libraries say. */
#include "xenner/domain/libxl_owner.h"
#include "xenner/host/libxen_log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_owner(void **state)
{
    g_autofree char *self = libxl_owner_self();
    g_autofree char *later = g_strdup_printf("%u 1", (unsigned)getpid());

    assert_true(libxl_owner_alive(self));
    assert_false(libxl_owner_alive(later)); /* the number is another process's by now */
    assert_false(libxl_owner_alive(""));
    assert_false(libxl_owner_alive("17"));
    assert_false(libxl_owner_alive("x y"));
    assert_false(libxl_owner_alive("4000000000 5"));
}

static void test_owner_gone(void **state)
{
    char text[64] = "";
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        g_autofree char *self = libxl_owner_self();
        _exit(dprintf(fds[1], "%s", self) > 0 ? 0 : 1);
    }
    assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
    waitpid(pid, NULL, 0);
    assert_false(libxl_owner_alive(text));
    close(fds[0]);
    close(fds[1]);
}

static void test_log(void **state)
{
    struct libxen_log *log = libxen_log_new();
    xentoollog_logger *lg = libxen_log_logger(log);

    assert_null(libxen_log_take_error(log));
    xtl_log(lg, XTL_WARN, -1, "libxl", "not so bad");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "%s", "libxl_dom.c:571:libxl__build_dom: no such image\n");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "the consequence");
    g_autofree char *first = libxen_log_take_error(log);
    assert_string_equal(first, "no such image");
    assert_null(libxen_log_take_error(log));
    xtl_log(lg, XTL_ERROR, ENOMEM, "xc", "mapping 3: 4");
    g_autofree char *second = libxen_log_take_error(log);
    assert_string_equal(second, "mapping 3: 4: Cannot allocate memory");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "%s", "libxl_aoutils.c:646:libxl__async_exec: /x add [7] exited with status 1");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "%s", "libxl_device.c:1319:device_hotplug_child: script: no such bridge");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "the consequence");
    g_autofree char *third = libxen_log_take_error(log);
    assert_string_equal(third, "script: no such bridge");
    libxen_log_free(log);
    libxen_log_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_owner_gone),
        cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
