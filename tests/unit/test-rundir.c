/* Directories of running guests: made, locked, listed, removed; swept when their owner is dead. */
#include "xenner/util/rundir.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define UUID "6fbe4ba3-0ab6-4d5e-9a4a-9c7c0c3f0001"

struct fixture {
    char *top, *base;
};

static int setup(void **state)
{
    struct fixture *f = g_new0(struct fixture, 1);

    f->top = g_dir_make_tmp("rundir-XXXXXX", NULL);
    f->base = g_build_filename(f->top, "a", "xenner", NULL);
    *state = f;
    return f->top ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g_autofree char *a = g_build_filename(f->top, "a", NULL);

    g_rmdir(f->base);
    g_rmdir(a);
    int rc = g_rmdir(f->top); /* fails when something was left */
    g_free(f->base);
    g_free(f->top);
    g_free(f);
    return rc;
}

static struct rundir *make(const struct fixture *f, const char *name, const char *uuid)
{
    GError *error = NULL;
    struct rundir *r = rundir_new(f->base, name, uuid, &error);

    if (!r)
        fail_msg("%s", error->message);
    return r;
}

static unsigned alive(const struct fixture *f)
{
    g_autoptr(GPtrArray) list = rundir_list(f->base);

    return list->len;
}

static void made_and_removed(void **state)
{
    const struct fixture *f = *state;
    struct stat st;

    assert_int_equal(alive(f), 0); /* there is no base yet */
    struct rundir *r = make(f, "a guest/of mine", NULL);
    g_autofree char *path = g_strdup(rundir_path(r));
    g_autofree char *want = g_strdup_printf("%s/a_guest_of_mine-%d", f->base, (int)getpid());
    assert_string_equal(path, want);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(f->base, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    g_autofree char *written = rundir_file(r, "w"), *text = NULL;
    g_autofree char *file = rundir_file(r, "x"), *dir = rundir_file(r, "d"), *deep = rundir_file(r, "d/y");
    assert_int_equal(g_mkdir(dir, 0700), 0);
    assert_true(g_file_set_contents(file, "x", 1, NULL));
    assert_true(g_file_set_contents(deep, "y", 1, NULL));
    assert_true(rundir_write(r, "w", "first", NULL));
    assert_true(rundir_write(r, "w", "second", NULL));
    assert_true(g_file_get_contents(written, &text, NULL, NULL));
    assert_string_equal(text, "second");
    assert_int_equal(stat(written, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(rundir_give(r, getuid(), getgid(), NULL));
    rundir_free(r);
    assert_int_equal(stat(path, &st), -1);
    rundir_free(NULL);
}

static void listed(void **state)
{
    const struct fixture *f = *state;
    struct rundir *a = make(f, "one", UUID), *b = make(f, NULL, NULL);
    g_autoptr(GPtrArray) list = rundir_list(f->base);

    assert_int_equal(list->len, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct rundir_entry *e = g_ptr_array_index(list, i);
        assert_int_equal(e->pid, getpid());
        if (e->uuid) {
            assert_string_equal(e->uuid, UUID);
            assert_string_equal(e->name, "one");
            assert_string_equal(e->path, rundir_path(a));
        } else {
            assert_null(e->name);
            assert_string_equal(e->path, rundir_path(b));
        }
    }
    rundir_free(a);
    assert_int_equal(alive(f), 1);
    rundir_free(b);
}

/* QEMU starts two guests with the same UUID; so do we, and neither loses its directory. */
static void same_uuid_twice(void **state)
{
    const struct fixture *f = *state;
    struct rundir *a = make(f, NULL, UUID), *b = make(f, NULL, UUID);

    assert_string_not_equal(rundir_path(a), rundir_path(b));
    assert_true(g_str_has_suffix(rundir_path(a), UUID));
    assert_int_equal(alive(f), 2);
    rundir_free(a);
    assert_int_equal(alive(f), 1);
    rundir_free(b);
}

/* A child makes a directory and is killed; says when through a pipe. */
static void killed_owner(const struct fixture *f, const char *uuid)
{
    int fds[2];
    char byte;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rundir *r = rundir_new(f->base, "dead", uuid, NULL);
        if (write(fds[1], r ? "y" : "n", 1) < 0)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(alive(f), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    close(fds[1]);
}

static void swept_when_dead(void **state)
{
    const struct fixture *f = *state;
    g_autofree char *odd = g_build_filename(f->base, "odd", NULL);
    g_autofree char *left = g_build_filename(f->base, UUID, NULL);

    killed_owner(f, UUID);
    assert_int_equal(alive(f), 0);
    assert_true(g_file_test(left, G_FILE_TEST_IS_DIR));
    assert_int_equal(g_mkdir(odd, 0700), 0); /* killed before it had its lock */
    struct rundir *r = make(f, "next", NULL);
    assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
    assert_false(g_file_test(odd, G_FILE_TEST_EXISTS));
    assert_int_equal(alive(f), 1);
    rundir_free(r);
    /* and a restart gets its own name again */
    killed_owner(f, UUID);
    r = make(f, "again", UUID);
    assert_string_equal(rundir_path(r), left);
    rundir_free(r);
}

/* A link in there must not make us remove what it points to. */
static void links_are_not_followed(void **state)
{
    const struct fixture *f = *state;
    g_autofree char *outside = g_build_filename(f->top, "precious", NULL);
    g_autofree char *dir = g_build_filename(f->top, "dir", NULL);
    g_autofree char *in_dir = g_build_filename(dir, "precious", NULL);
    struct rundir *r = make(f, "links", NULL);
    g_autofree char *l1 = rundir_file(r, "file"), *l2 = rundir_file(r, "dir");

    assert_int_equal(g_mkdir(dir, 0700), 0);
    assert_true(g_file_set_contents(outside, "x", 1, NULL));
    assert_true(g_file_set_contents(in_dir, "x", 1, NULL));
    assert_int_equal(symlink(outside, l1), 0);
    assert_int_equal(symlink(dir, l2), 0);
    rundir_free(r);
    assert_int_equal(g_remove(outside), 0);
    assert_int_equal(g_remove(in_dir), 0);
    assert_int_equal(g_rmdir(dir), 0);
}

static void unsafe_base(void **state)
{
    const struct fixture *f = *state;
    GError *error = NULL;

    assert_int_equal(g_mkdir_with_parents(f->base, 0700), 0);
    assert_int_equal(chmod(f->base, 0770), 0);
    assert_null(rundir_new(f->base, "x", NULL, &error));
    assert_non_null(strstr(error->message, "others may write"));
    g_clear_error(&error);
    assert_null(rundir_new("/dev/null/x", "x", NULL, &error));
    assert_non_null(error);
    g_clear_error(&error);
}

static void base_from_environment(void **state)
{
    g_setenv("XENNER_RUNTIME_DIR", "/somewhere", TRUE);
    g_autofree char *own = rundir_base();
    assert_string_equal(own, "/somewhere");
    g_unsetenv("XENNER_RUNTIME_DIR");
    g_setenv("XDG_RUNTIME_DIR", "/run/user/7", TRUE);
    g_autofree char *usual = rundir_base();
    assert_string_equal(usual, geteuid() == 0 ? "/run/xenner" : "/run/user/7/xenner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(listed, setup, teardown),
        cmocka_unit_test_setup_teardown(same_uuid_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(swept_when_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(unsafe_base, setup, teardown),
        cmocka_unit_test(base_from_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
