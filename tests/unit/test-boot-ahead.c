/* Which images a domain that was built ahead is good for. The domains are only counted here. */
#include "xenner/vm/boot_ahead.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (512 << 10) /* a whole number of what is compared at a time */

struct what {
    const char *kernel, *initrd, *cmdline; /* initrd NULL: none */
    int bytes;                             /* of a large kernel that only begins so, then zeroes; 0: it is small */
};

static int made, destroyed;
static bool fails;

struct domain *domain_prepare(const struct vm_config *cfg, const struct boot_images *images, const char *accel,
                              GError **error)
{
    assert_null(cfg);
    assert_string_equal(accel, "tcg");
    assert_int_not_equal(images->kernel_fd, 0);
    if (fails) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no kernel");
        return NULL;
    }
    made++;
    return (struct domain *)&made;
}

void domain_destroy(struct domain *d)
{
    destroyed += d != NULL;
}

static int file_of(const char *text)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    assert_true(fd > 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static struct boot_images images_of(const struct what *w)
{
    struct boot_images i = {.kernel_fd = file_of(w->kernel), .kernel = g_strdup("k"), .cmdline = g_strdup(w->cmdline)};

    if (w->initrd)
        i.initrd_fd = file_of(w->initrd);
    if (w->bytes)
        assert_int_equal(ftruncate(i.kernel_fd, w->bytes), 0);
    return i;
}

/* opaque: struct what, or NULL for a source that has nothing. */
static bool get(void *opaque, const char *title, struct boot_images *ret, GError **error)
{
    assert_null(title);
    if (!opaque) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no disk");
        return false;
    }
    *ret = images_of(opaque);
    return true;
}

/* Whether what is made of the one does for the other. */
static bool does(struct what *one, const struct what *other)
{
    const struct boot_source source = {get, one};
    struct boot_ahead *b = boot_ahead_new(NULL, &source, "tcg");
    struct boot_images images = images_of(other);
    struct domain *d = boot_ahead_take(b, &images);
    bool taken = d != NULL;

    assert_null(boot_ahead_take(b, &images)); /* no second time */
    boot_ahead_free(b);
    domain_destroy(d);
    boot_images_clear(&images);
    return taken;
}

static void test_same_images(void **state)
{
    struct what all = {"kernel", "initrd", "quiet", 0}, large = {"kernel", "initrd", "quiet", LARGE},
                bare = {"kernel", NULL, "", 0}, empty = {"kernel", "", "quiet", 0};

    made = destroyed = 0;
    assert_true(does(&all, &all));
    assert_true(does(&large, &large));
    assert_true(does(&bare, &bare));
    assert_true(does(&empty, &empty));
    assert_int_equal(made, 4);
    assert_int_equal(destroyed, 4);
}

static void test_other_images(void **state)
{
    struct what all = {"kernel", "initrd", "quiet", 0}, large = {"kernel", "initrd", "quiet", LARGE};
    const struct what others[] = {
        {"kernel", "initrd", "quiet ", 0},  {"kerneL", "initrd", "quiet", 0}, {"kernels", "initrd", "quiet", 0},
        {"kerne", "initrd", "quiet", 0},    {"kernel", "initrD", "quiet", 0}, {"kernel", "", "quiet", 0},
        {"kernel", NULL, "quiet", 0},       {"kernel", "initrd", "quiet", LARGE},
    };
    const struct what longer = {"kernel", "initrd", "quiet", LARGE + 1};

    made = destroyed = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        assert_false(does(&all, &others[i]));
    assert_false(does(&large, &longer));
    assert_false(does(&large, &all));
    assert_int_equal(made, G_N_ELEMENTS(others) + 2);
    assert_int_equal(destroyed, made);
}

static void test_nothing_to_build(void **state)
{
    struct what all = {"kernel", "initrd", "quiet", 0};

    made = destroyed = 0;
    assert_false(does(NULL, &all));
    fails = true;
    assert_false(does(&all, &all));
    fails = false;
    assert_int_equal(made, 0);
    assert_int_equal(destroyed, 0);
}

static void test_nobody(void **state)
{
    struct boot_images none = {0};

    boot_ahead_wait(NULL);
    assert_null(boot_ahead_take(NULL, &none));
    boot_ahead_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_images),
        cmocka_unit_test(test_other_images),
        cmocka_unit_test(test_nothing_to_build),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
