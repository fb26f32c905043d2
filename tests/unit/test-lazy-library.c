/* Libraries that are loaded when they are wanted: whole, or not at all, with a line that says why. */
#include "xenner/util/lazy_library.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static struct lazy_library maths = {"libm.so.6", NULL, {{"cos", NULL}, {"sin", NULL}, {NULL, NULL}}};
static struct lazy_library other = {"libm.so.6", NULL, {{"cos", NULL}, {"no_such_call", NULL}, {NULL, NULL}}};
static struct lazy_library missing = {"libnosuch.so.7", NULL, {{NULL, NULL}}};

static void loads(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_true(lazy_library_load(&maths, &error));
    double (*cosine)(double) = (double (*)(double))maths.calls[0].address;
    assert_true(cosine(0) == 1);
    assert_non_null(maths.calls[1].address);
    assert_true(lazy_library_load(&maths, &error));
    assert_ptr_equal(lazy_library_variable(&maths, "cos"), maths.calls[0].address);
}

static void refuses(void **state)
{
    struct lazy_library *cases[] = {&other, &missing};
    const char *words[] = {"no_such_call", "libnosuch.so.7"};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(lazy_library_load(cases[i], &error));
        assert_null(cases[i]->handle);
        assert_non_null(strstr(error->message, words[i]));
        assert_null(strchr(error->message, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),
        cmocka_unit_test(refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
