/* Requests to the guest through xenstore: power, sysrq, memory; what the guest offers and takes. */
#include "xenner/host/local.h"
#include "xenner/vm/control.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gio/gio.h>

#define HOME "/local/domain/1/"
#define MIB  (1ull << 20)

struct fixture {
    struct store *store;
    struct xen_host *host;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->store = store_new();
    f->host = local_host_new(NULL, NULL, NULL, f->store);
    store_write(f->store, HOME "memory/static-max", "131072");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    local_host_free(f->host);
    store_free(f->store);
    g_free(f);
    return 0;
}

static void node_is(const struct fixture *f, const char *path, const char *want)
{
    g_autofree char *got = store_read(f->store, path);

    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void power(void **state)
{
    static const char *const words[] = {"poweroff", "reboot", "halt"};
    struct fixture *f = *state;

    assert_true(control_power_taken(f->host)); /* there was none */
    for (unsigned i = CONTROL_POWEROFF; i <= CONTROL_HALT; i++) {
        assert_true(control_power(f->host, i, NULL));
        node_is(f, HOME "control/shutdown", words[i]);
        assert_false(control_power_taken(f->host));
        store_write(f->store, HOME "control/shutdown", "");
        assert_true(control_power_taken(f->host));
    }
}

static void features(void **state)
{
    struct fixture *f = *state;
    GError *error = NULL;

    store_write(f->store, HOME "control/feature-poweroff", "1");
    store_write(f->store, HOME "control/feature-reboot", "0");
    assert_true(control_power(f->host, CONTROL_POWEROFF, NULL));
    assert_false(control_power(f->host, CONTROL_REBOOT, &error));
    assert_string_equal(error->message, "the guest does not know 'reboot'");
    g_clear_error(&error);
    node_is(f, HOME "control/shutdown", "poweroff");
    store_write(f->store, HOME "control/feature-sysrq", "0");
    assert_false(control_sysrq(f->host, 's', &error));
    g_clear_error(&error);
}

static void knows_power(void **state)
{
    struct fixture *f = *state;

    assert_false(control_power_known(f->host));
    store_write(f->store, HOME "control/feature-poweroff", ""); /* as libxl makes it */
    assert_false(control_power_known(f->host));
    store_write(f->store, HOME "control/feature-poweroff", "1");
    assert_true(control_power_known(f->host));
}

static void sysrq(void **state)
{
    struct fixture *f = *state;
    GError *error = NULL;

    assert_true(control_sysrq(f->host, 's', NULL));
    node_is(f, HOME "control/sysrq", "s");
    assert_false(control_sysrq(f->host, '/', &error));
    g_clear_error(&error);
    assert_false(control_sysrq(f->host, '\0', NULL));
    node_is(f, HOME "control/sysrq", "s");
}

static void memory(void **state)
{
    struct fixture *f = *state;
    GError *error = NULL;

    assert_true(control_memory(f->host, 64 * MIB, NULL));
    node_is(f, HOME "memory/target", "65536");
    assert_true(control_memory(f->host, 128 * MIB, NULL));
    node_is(f, HOME "memory/target", "131072");
    assert_false(control_memory(f->host, 128 * MIB + 1024, &error));
    assert_string_equal(error->message, "the guest can have 1 to 128 MiB");
    g_clear_error(&error);
    assert_false(control_memory(f->host, MIB - 1, NULL));
    node_is(f, HOME "memory/target", "131072");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(power, setup, teardown),
        cmocka_unit_test_setup_teardown(features, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_power, setup, teardown),
        cmocka_unit_test_setup_teardown(sysrq, setup, teardown),
        cmocka_unit_test_setup_teardown(memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
