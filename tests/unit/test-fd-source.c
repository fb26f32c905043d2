/* fd_source.c: a callback, and nothing that wakes the loop once more. */
#include "xenner/util/fd_source.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

static gboolean on_byte(gint fd, GIOCondition condition, gpointer data)
{
    unsigned *calls = data;
    char c;

    assert_int_equal(read(fd, &c, 1), 1);
    (*calls)++;
    return G_SOURCE_CONTINUE;
}

/* How many descriptors a round of the context would find ready now. */
static int ready(GMainContext *context)
{
    GPollFD fds[8];
    gint priority, timeout;

    assert_true(g_main_context_acquire(context));
    g_main_context_prepare(context, &priority);
    gint n = g_main_context_query(context, G_MAXINT, &timeout, fds, G_N_ELEMENTS(fds));
    assert_in_range(n, 2, G_N_ELEMENTS(fds)); /* ours, and GLib's own */
    int rc = g_poll(fds, (guint)n, 0);
    g_main_context_release(context);
    return rc;
}

static void one_round(void **state)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    unsigned calls = 0;
    int p[2];

    assert_int_equal(pipe(p), 0);
    g_autoptr(GSource) source = fd_source_new(context, p[0], G_IO_IN, on_byte, &calls);
    while (g_main_context_iteration(context, FALSE))
        ;
    assert_int_equal(ready(context), 0);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(write(p[1], "x", 1), 1);
        assert_int_equal(ready(context), 1);
        assert_true(g_main_context_iteration(context, TRUE));
        assert_int_equal(calls, i);
        assert_int_equal(ready(context), 0);
    }
    g_source_destroy(source);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_round)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
