/*
 * image_save.c, beside.c: what is written, by whom else it can be read, and what is left when it
 * fails.
 */
#include "tar_maker.h"

#include "xenguest/lib/beside.h"
#include "xenguest/lib/image.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct room {
    char dir[64], tar[96], out[96], tree[96];
};

static int setup(void **state)
{
    struct room *r = g_new0(struct room, 1);
    g_autoptr(GString) tar = g_string_new(NULL);

    g_strlcpy(r->dir, "/tmp/test-xg-XXXXXX", sizeof(r->dir));
    assert_non_null(mkdtemp(r->dir));
    g_snprintf(r->tar, sizeof(r->tar), "%s/a.xg", r->dir);
    g_snprintf(r->out, sizeof(r->out), "%s/b.xg", r->dir);
    g_snprintf(r->tree, sizeof(r->tree), "%s/tree", r->dir);
    tar_image(tar);
    assert_true(g_file_set_contents(r->tar, tar->str, (gssize)tar->len, NULL));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    g_autofree char *cmd = g_strdup_printf("rm -rf '%s'", r->dir);
    int rc = system(cmd);

    g_free(r);
    return rc;
}

static unsigned files_in(const char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(d))
        n++;
    g_dir_close(d);
    return n;
}

/* One line a member, with the text of files. */
static void list_one(const struct xg_member *m, void *opaque)
{
    struct xg_image *img = ((void **)opaque)[0];
    GPtrArray *lines = ((void **)opaque)[1];
    g_autofree char *text = m->type == XG_FILE ? xg_image_read(img, m->name, NULL, NULL) : NULL;

    g_ptr_array_add(lines,
                    g_strdup_printf("%s %d %o %s", m->name, m->type, m->mode, text ? text : ""));
}

static int compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *listing(const char *path)
{
    GError *error = NULL;
    AUTO(xg_image) img = xg_image_open(path, &error);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    void *both[] = {img, lines};

    if (!img)
        fail_msg("%s", error->message);
    xg_image_foreach(img, list_one, both);
    g_ptr_array_sort(lines, compare);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

static void save(const char *from, const char *to, bool dir)
{
    GError *error = NULL;
    AUTO(xg_image) img = xg_image_open(from, &error);

    if (!img || !(dir ? xg_image_save_dir : xg_image_save_file)(img, to, &error))
        fail_msg("%s", error->message);
}

static void there_and_back(void **state)
{
    struct room *r = *state;
    g_autofree char *first = listing(r->tar);

    save(r->tar, r->tar, false);
    g_autofree char *copied = listing(r->tar);
    assert_string_equal(first, copied);
    save(r->tar, r->tree, true);
    g_autofree char *tree = listing(r->tree);
    /* init.d, guest.d and disk have no member of their own in this tar */
    assert_int_equal(strlen(tree),
                     strlen(first) + strlen("disk 1 755 \nguest.d 1 755 \ninit.d 1 755 \n"));
    save(r->tree, r->out, false);
    g_autofree char *packed = listing(r->out);
    assert_string_equal(tree, packed);
    save(r->tree, r->tree, true);
    g_autofree char *again = listing(r->tree);
    assert_string_equal(tree, again);
    assert_int_equal(files_in(r->dir), 3);
}

static void other_readers(void **state)
{
    struct room *r = *state;
    AUTO(xg_image) img = xg_image_open(r->tar, NULL);
    g_autofree char *longer = g_strnfill(200, 'n');
    g_autofree char *name = g_strdup_printf("files/gr\xc3\xbc\xc3\x9f/%s", longer);
    g_autofree char *cmd = g_strdup_printf("cd %s && mkdir tree && tar -C tree -xf b.xg && "
                                           "tar -tf b.xg >list && ! grep -v '^\\./' list",
                                           r->dir);
    g_autofree char *text = NULL;

    assert_true(xg_image_set_data(img, name, "hello", 5, 0644, NULL));
    assert_true(xg_image_set_data(img, "guest.cfg", "memory = 7\n", 11, 0644, NULL));
    assert_true(xg_image_save_file(img, r->out, NULL));
    assert_int_equal(system(cmd), 0);
    g_autofree char *path = g_strdup_printf("%s/%s", r->tree, name);
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_string_equal(text, "hello");
    g_autofree char *ours = listing(r->out), *theirs = listing(r->tree);
    assert_non_null(strstr(ours, "guest.cfg 0 644 memory = 7\n"));
    assert_non_null(strstr(theirs, "guest.cfg 0 644 memory = 7\n"));
}

static void refusals(void **state)
{
    struct room *r = *state;
    GError *error = NULL;
    AUTO(xg_image) img = xg_image_open(r->tar, NULL);
    g_autofree char *below = g_strdup_printf("%s/x", r->tree);

    g_mkdir(r->tree, 0700);
    assert_false(xg_image_save_file(img, r->tree, &error));
    assert_true(g_str_has_suffix(error->message, ": it is not a regular file"));
    g_clear_error(&error);
    assert_false(xg_image_save_dir(img, r->tar, &error));
    assert_true(g_str_has_suffix(error->message, ": it is not a directory"));
    g_clear_error(&error);
    assert_true(g_file_set_contents(below, "x", 1, NULL));
    assert_false(xg_image_save_dir(img, r->tree, &error));
    assert_true(g_str_has_suffix(error->message, ": the directory is not empty"));
    g_clear_error(&error);
    g_unlink(below);
    assert_true(xg_image_save_dir(img, r->tree, NULL));
    struct stat st;
    assert_int_equal(stat(r->tree, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700); /* the empty directory's own */
    assert_int_equal(files_in(r->dir), 2);
}

/* Two who change one image: the slower one is told. */
static void lost_update(void **state)
{
    struct room *r = *state;
    GError *error = NULL;
    AUTO(xg_image) slow = xg_image_open(r->tar, NULL);

    save(r->tar, r->tar, false);
    assert_false(xg_image_save_file(slow, r->tar, &error));
    assert_true(g_str_has_suffix(error->message, ": it was changed by somebody else meanwhile"));
    g_clear_error(&error);
    assert_int_equal(files_in(r->dir), 1);
}

static void sweeping(void **state)
{
    struct room *r = *state;
    g_autofree char *dead = g_strdup_printf("%s/.a.xg.mkimage-abcdef", r->dir);
    g_autofree char *dead_dir = g_strdup_printf("%s/.a.xg.mkimage-123456", r->dir);
    g_autofree char *in_it = g_strdup_printf("%s/x", dead_dir);
    g_autofree char *alive = g_strdup_printf("%s/.a.xg.mkimage-ghijkl", r->dir);
    g_autofree char *other = g_strdup_printf("%s/.b.xg.mkimage-abcdef", r->dir);

    assert_true(g_file_set_contents(dead, "x", 1, NULL));
    assert_true(g_file_set_contents(alive, "x", 1, NULL));
    assert_true(g_file_set_contents(other, "x", 1, NULL));
    g_mkdir(dead_dir, 0755);
    assert_true(g_file_set_contents(in_it, "x", 1, NULL));
    int fd = g_open(alive, 0, 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    save(r->tar, r->tar, false);
    assert_false(g_file_test(dead, G_FILE_TEST_EXISTS));
    assert_false(g_file_test(dead_dir, G_FILE_TEST_EXISTS));
    assert_true(g_file_test(alive, G_FILE_TEST_EXISTS));
    assert_true(g_file_test(other, G_FILE_TEST_EXISTS));
    close(fd);
}

static void keeps_mode(void **state)
{
    struct room *r = *state;
    g_autofree char *link = g_strdup_printf("%s/link", r->dir);
    struct stat st;

    g_chmod(r->tar, 0640);
    assert_int_equal(symlink("a.xg", link), 0);
    save(link, link, false);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(r->tar, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(other_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_update, setup, teardown),
        cmocka_unit_test_setup_teardown(sweeping, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_mode, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
