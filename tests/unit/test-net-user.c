/* net_user.c: libslirp's thread sleeps while nothing happens, a listening socket or not. */
#include "xenner/backend/netport.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>

enum { NAP_MS = 200, BUSY_MS = 20 };

static uint64_t cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void idle(void **state)
{
    char id[] = "n", rule[] = "tcp:127.0.0.1:0-:22";
    struct netdev_config cfg = {.id = id, .kind = NETDEV_USER, .user.ipv4 = true};
    GError *error = NULL;

    cfg.user.dnssearch = g_ptr_array_new();
    cfg.user.guestfwd = g_ptr_array_new();
    cfg.user.hostfwd = g_ptr_array_new();
    g_ptr_array_add(cfg.user.hostfwd, rule);
    struct netport *port = netport_new(&cfg, &error);
    assert_null(error);
    netport_set_user(port, NULL, NULL); /* it is in its loop */
    uint64_t before = cpu_ms();
    g_usleep(NAP_MS * 1000); /* for what must not happen there is no event */
    assert_in_range(cpu_ms() - before, 0, BUSY_MS);
    netport_free(port);
    g_ptr_array_unref(cfg.user.dnssearch);
    g_ptr_array_unref(cfg.user.guestfwd);
    g_ptr_array_unref(cfg.user.hostfwd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(idle)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
