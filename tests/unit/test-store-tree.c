/* host/store/tree.c: paths, nodes, permissions. */
#include "xenner/host/store/tree.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void paths(void **state)
{
    static const char *const good[] = {"/", "/a", "/a/b", "/local/domain/1/device/vbd/51712",
                                       "/A-z_0@9", "/@x", "/-"};
    static const char *const bad[] = {"", "a", "a/b", "//", "/a/", "/a//b", "/a b", "/a\n", "/a.b",
                                      "/a%", "/\xc3\xa4", "/a/../b", "/a*", "@releaseDomain"};
    char path[STORE_MAX_PATH + 2];

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        if (!store_path_valid(good[i]))
            fail_msg("'%s' is refused", good[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (store_path_valid(bad[i]))
            fail_msg("'%s' is accepted", bad[i]);
    }
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[STORE_MAX_PATH + 1] = '\0';
    assert_false(store_path_valid(path));
    path[STORE_MAX_PATH] = '\0';
    assert_true(store_path_valid(path));
}

static char *child_names(const struct store_node *n)
{
    GString *s = g_string_new(NULL);

    for (GSequenceIter *i = g_sequence_get_begin_iter(n->children); !g_sequence_iter_is_end(i);
         i = g_sequence_iter_next(i))
        g_string_append_printf(s, "%s ", ((struct store_node *)g_sequence_get(i))->name);
    return g_string_free(s, FALSE);
}

static void nodes(void **state)
{
    struct store_node *root = store_tree_new();
    struct store_node *c = store_tree_make(root, "/a/b/c", 0);

    assert_ptr_equal(store_tree_find(root, "/"), root);
    assert_ptr_equal(store_tree_find(root, "/a/b/c"), c);
    assert_ptr_equal(store_tree_make(root, "/a/b/c", 0), c);
    assert_null(store_tree_find(root, "/a/b/c/d"));
    assert_null(store_tree_find(root, "/a/b/cc"));
    assert_null(store_tree_find(root, "/a/c"));
    assert_null(store_tree_find(root, "/b"));
    assert_int_equal(c->value->len, 0);
    /* sorted, whatever the order was */
    store_tree_make(root, "/a/z", 0);
    store_tree_make(root, "/a/10", 0);
    store_tree_make(root, "/a/9", 0);
    store_tree_make(root, "/a/B", 0);
    g_autofree char *names = child_names(store_tree_find(root, "/a"));
    assert_string_equal(names, "10 9 B b z ");
    assert_int_equal(store_tree_count(root, 0), 8);

    assert_false(store_tree_remove(root, "/"));
    assert_false(store_tree_remove(root, "/a/x"));
    assert_true(store_tree_remove(root, "/a/b"));
    assert_false(store_tree_remove(root, "/a/b"));
    assert_null(store_tree_find(root, "/a/b/c"));
    assert_non_null(store_tree_find(root, "/a/B"));
    assert_true(store_tree_remove(root, "/a"));
    assert_int_equal(store_tree_count(root, 0), 1);
    store_tree_free(root);
    store_tree_free(NULL);
}

static void set_perms(struct store_node *n, const struct store_perm *perms, unsigned count)
{
    g_array_set_size(n->perms, 0);
    g_array_append_vals(n->perms, perms, count);
}

static void permissions(void **state)
{
    enum { ALL = STORE_READ | STORE_WRITE | STORE_OWNER };
    static const struct {
        struct store_perm perms[3];
        unsigned count;
        unsigned access[4]; /* of domains 0 to 3 */
    } cases[] = {
        {{{0, STORE_NONE}}, 1, {ALL, 0, 0, 0}},
        {{{0, STORE_READ}}, 1, {ALL, STORE_READ, STORE_READ, STORE_READ}},
        {{{1, STORE_NONE}}, 1, {ALL, ALL, 0, 0}},
        {{{1, STORE_WRITE}}, 1, {ALL, ALL, STORE_WRITE, STORE_WRITE}},
        {{{1, STORE_NONE}, {2, STORE_READ}}, 2, {ALL, ALL, STORE_READ, 0}},
        {{{1, STORE_READ}, {2, STORE_NONE}, {3, STORE_READ | STORE_WRITE}}, 3,
         {ALL, ALL, 0, STORE_READ | STORE_WRITE}},
        /* the owner's own entry takes nothing from it */
        {{{1, STORE_NONE}, {1, STORE_READ}}, 2, {ALL, ALL, 0, 0}},
        /* the first entry for a domain counts */
        {{{0, STORE_NONE}, {1, STORE_READ}, {1, STORE_WRITE}}, 3, {ALL, STORE_READ, 0, 0}},
    };
    struct store_node *root = store_tree_new();
    struct store_node *n = store_tree_make(root, "/n", 0);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        set_perms(n, cases[i].perms, cases[i].count);
        for (domid_t dom = 0; dom < 4; dom++) {
            if (store_node_access(n, dom) != cases[i].access[dom])
                fail_msg("case %zu, domain %u: %u", i, dom, store_node_access(n, dom));
            /* of what isn't there: as of the nearest node above */
            assert_int_equal(store_tree_access(root, "/n/x/y", dom), cases[i].access[dom]);
        }
        assert_int_equal(store_tree_access(root, "/other", 1), STORE_READ);
    }
    store_tree_free(root);
}

/* New nodes are like their parent, but belong to whom makes them. */
static void inheritance(void **state)
{
    static const struct store_perm perms[] = {{1, STORE_NONE}, {2, STORE_READ}};
    struct store_node *root = store_tree_new();

    set_perms(store_tree_make(root, "/home", 0), perms, 2);
    struct store_node *mine = store_tree_make(root, "/home/a/b", 3);
    assert_int_equal(g_array_index(mine->perms, struct store_perm, 0).dom, 3);
    assert_int_equal(store_node_access(mine, 2), STORE_READ);
    assert_int_equal(store_node_access(mine, 1), 0);
    assert_int_equal(store_tree_count(root, 3), 2);
    /* domain 0 makes nodes for the owner of the place */
    struct store_node *given = store_tree_make(root, "/home/c", 0);
    assert_int_equal(g_array_index(given->perms, struct store_perm, 0).dom, 1);
    assert_int_equal(store_tree_count(root, 1), 2);
    store_tree_free(root);
}

static void copies_are_apart(void **state)
{
    struct store_node *root = store_tree_new();
    struct store_node *n = store_tree_make(root, "/a/b", 1);

    g_byte_array_append(n->value, (const guint8 *)"v\0w", 3);
    struct store_node *copy = store_tree_copy(root);
    struct store_node *m = store_tree_find(copy, "/a/b");
    assert_ptr_not_equal(m, n);
    assert_int_equal(m->value->len, 3);
    assert_memory_equal(m->value->data, "v\0w", 3);
    assert_int_equal(store_tree_count(copy, 1), 2);
    g_byte_array_set_size(m->value, 0);
    store_tree_make(copy, "/c", 0);
    assert_true(store_tree_remove(root, "/a"));
    assert_non_null(store_tree_find(copy, "/a/b"));
    assert_null(store_tree_find(root, "/c"));
    store_tree_free(root);
    store_tree_free(copy);
}

static void too_many_children(void **state)
{
    struct store_node *root = store_tree_new();

    for (unsigned i = 0; i < STORE_MAX_CHILDREN; i++) {
        g_autofree char *path = g_strdup_printf("/h/%u", i);
        assert_non_null(store_tree_make(root, path, 1));
    }
    assert_null(store_tree_make(root, "/h/more", 1));
    assert_non_null(store_tree_make(root, "/h/5", 1));
    assert_non_null(store_tree_make(root, "/h/5/below", 1));
    assert_non_null(store_tree_make(root, "/h/more", 0)); /* the host's own are not limited */
    store_tree_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),       cmocka_unit_test(nodes),
        cmocka_unit_test(permissions), cmocka_unit_test(inheritance),
        cmocka_unit_test(copies_are_apart), cmocka_unit_test(too_many_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
