/* host/store: what one guest can't use up, and messages that stay within the protocol's size. */
#include "store_talk.h"

#include "xenner/host/store/txn.h"

#include <stdlib.h>
#include <string.h>

static char *many(char c, size_t n)
{
    char *text = g_malloc(n + 1);

    memset(text, c, n);
    text[n] = '\0';
    return text;
}

static void long_values(void **state)
{
    struct store_talk *f = *state;
    g_autofree char *value = many('v', STORE_MAX_VALUE + 1);
    g_autofree char *too_long = g_strdup_printf("a|%s", value);
    g_autofree char *fits = g_strdup_printf("a|%s", value + 1);

    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, too_long), "ERROR ENOSPC|");
    assert_string_equal(store_ask(f, 1, XS_READ, 0, "a|"), "ERROR ENOENT|");
    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, fits), "OK|");
    assert_string_equal(store_ask(f, 1, XS_READ, 0, "a|"), value + 1);
}

static void long_paths(void **state)
{
    struct store_talk *f = *state;
    g_autofree char *name = many('n', STORE_MAX_PATH - strlen("/local/domain/1/"));
    g_autofree char *fits = g_strdup_printf("%s|", name);
    g_autofree char *too_long = g_strdup_printf("%sx|", name);

    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, too_long), "ERROR EINVAL|");
    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, fits), "OK|");
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY, 0, "/local/domain/1|"), fits);
}

/* A path and a token that do not fit into one message: no event, rather than a broken one. */
static void long_events(void **state)
{
    struct store_talk *f = *state;
    g_autofree char *name = many('n', 2000);
    g_autofree char *token = many('t', 3000);
    g_autofree char *watch = g_strdup_printf("d|%s|", token);
    g_autofree char *write = g_strdup_printf("d/%s|1", name);

    assert_true(g_str_has_prefix(store_ask(f, 1, XS_WATCH, 0, watch), "OK|\nEVENT d|ttt"));
    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, write), "OK|");
}

static void watches(void **state)
{
    struct store_talk *f = *state;

    for (unsigned i = 0; i < STORE_MAX_WATCHES + 5; i++) {
        g_autofree char *watch = g_strdup_printf("x|%u|", i);
        bool room = i < STORE_MAX_WATCHES;
        assert_true(g_str_has_prefix(store_ask(f, 1, XS_WATCH, 0, watch),
                                     room ? "OK|" : "ERROR E2BIG|"));
        assert_true(g_str_has_prefix(store_ask(f, 0, XS_WATCH, 0, watch), "OK|"));
    }
    assert_string_equal(store_ask(f, 1, XS_UNWATCH, 0, "x|3|"), "OK|");
    assert_true(g_str_has_prefix(store_ask(f, 1, XS_WATCH, 0, "x|new|"), "OK|"));
}

static void transactions(void **state)
{
    struct store_talk *f = *state;
    uint32_t first = store_begin(f, 1);

    for (unsigned i = 1; i < STORE_MAX_TXNS; i++)
        store_begin(f, 1);
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_START, 0, "|"), "ERROR ENOSPC|");
    store_begin(f, 2);
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, first, "F|"), "OK|");
    store_begin(f, 1);
}

/* What is changed over and over in a transaction that never ends does not grow for ever. */
static void changes_of_a_transaction(void **state)
{
    struct store_talk *f = *state;
    uint32_t tx = store_begin(f, 1);
    const struct store_txn *t = g_ptr_array_index(f->conn[1]->txns, 0);
    const char *got = NULL;

    for (unsigned i = 0; i < 4 * STORE_MAX_NODES; i++) {
        g_autofree char *write = g_strdup_printf("n%u|%u", i % 3, i);
        got = store_ask(f, 1, XS_WRITE, tx, write);
        assert_string_equal(got, "OK|");
    }
    assert_true(t->changed->len <= 3);
    store_ask(f, 1, XS_WATCH, 0, "/|w|");
    got = store_ask(f, 1, XS_TRANSACTION_END, tx, "T|");
    assert_string_equal(got, "EVENT /local/domain/1/n0|w|\nEVENT /local/domain/1/n1|w|\n"
                             "EVENT /local/domain/1/n2|w|\nOK|");

    tx = store_begin(f, 1);
    t = g_ptr_array_index(f->conn[1]->txns, 0);
    assert_string_equal(store_ask(f, 1, XS_READ, tx, "n0|"), "3999");
    for (unsigned i = 0; i < STORE_MAX_ACCESSES - 2; i++) { /* each made, and removed again */
        g_autofree char *node = g_strdup_printf("m%u|", i);
        assert_string_equal(store_ask(f, 1, XS_MKDIR, tx, node), "OK|");
        assert_string_equal(store_ask(f, 1, XS_RM, tx, node), "OK|");
    }
    assert_string_equal(store_ask(f, 1, XS_MKDIR, tx, "m|"), "ERROR ENOSPC|");
    assert_string_equal(store_ask(f, 1, XS_READ, tx, "nothing|"), "ERROR ENOSPC|");
    assert_int_equal(g_hash_table_size(t->accesses), STORE_MAX_ACCESSES);
    assert_true(t->changed->len <= STORE_MAX_ACCESSES);
    assert_string_equal(store_ask(f, 1, XS_READ, tx, "n0|"), "3999"); /* seen before */
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx, "F|"), "OK|");
}

static void nodes(void **state)
{
    struct store_talk *f = *state;
    const char *got;
    unsigned made = 0;
    uint32_t tx;

    do {
        g_autofree char *write = g_strdup_printf("d%u/n%u|1", made / 100, made);
        got = store_ask(f, 1, XS_WRITE, 0, write);
        made += strcmp(got, "OK|") == 0;
    } while (strcmp(got, "OK|") == 0 && made < 2 * STORE_MAX_NODES);
    assert_string_equal(got, "ERROR ENOSPC|");
    assert_int_equal(store_tree_count(f->s->root, 1), STORE_MAX_NODES);
    /* neither by another way */
    assert_string_equal(store_ask(f, 1, XS_MKDIR, 0, "m|"), "ERROR ENOSPC|");
    tx = store_begin(f, 1);
    assert_string_equal(store_ask(f, 1, XS_WRITE, tx, "m|1"), "ERROR ENOSPC|");
    /* what is there can be changed, and others are not concerned */
    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, "d0/n0|2"), "OK|");
    assert_string_equal(store_ask(f, 2, XS_WRITE, 0, "a|1"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_RM, 0, "d0|"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_MKDIR, 0, "m|"), "OK|");
}

/* One request makes all nodes of its path: they count too. */
static void nodes_of_one_path(void **state)
{
    struct store_talk *f = *state;
    g_autoptr(GString) deep = g_string_new("d");

    for (unsigned i = 0; i < 1400; i++)
        g_string_append(deep, "/d");
    g_string_append_c(deep, '|');
    assert_string_equal(store_ask(f, 1, XS_MKDIR, 0, deep->str), "ERROR ENOSPC|");
    assert_int_equal(store_tree_count(f->s->root, 1), 1);
    g_string_truncate(deep, 2 * (STORE_MAX_NODES - 2) + 1);
    g_string_append_c(deep, '|');
    assert_string_equal(store_ask(f, 1, XS_MKDIR, 0, deep->str), "OK|");
    assert_int_equal(store_tree_count(f->s->root, 1), STORE_MAX_NODES);
}

static void perms(void **state)
{
    struct store_talk *f = *state;
    g_autoptr(GString) text = g_string_new("a|n1|");

    store_ask(f, 1, XS_WRITE, 0, "a|1");
    for (unsigned i = 1; i < STORE_MAX_PERMS; i++)
        g_string_append_printf(text, "r%u|", 65000 + i);
    assert_string_equal(store_ask(f, 1, XS_SET_PERMS, 0, text->str), "OK|");
    assert_string_equal(store_ask(f, 1, XS_GET_PERMS, 0, "a|"), text->str + 2);
    g_string_append(text, "r5|");
    assert_string_equal(store_ask(f, 1, XS_SET_PERMS, 0, text->str), "ERROR EINVAL|");
}

/* More names than a message holds: E2BIG, and all of them in parts. */
static void long_directories(void **state)
{
    struct store_talk *f = *state;
    g_autoptr(GString) want = g_string_new(NULL);
    g_autoptr(GString) all = g_string_new(NULL);
    unsigned parts = 0;

    for (unsigned i = 0; i < 900; i++) {
        g_autofree char *write = g_strdup_printf("d/node%04u|1", i);
        assert_string_equal(store_ask(f, 1, XS_WRITE, 0, write), "OK|");
        g_string_append_printf(want, "node%04u|", i);
    }
    const struct store_node *d = store_tree_find(f->s->root, "/local/domain/1/d");
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY, 0, "d|"), "ERROR E2BIG|");
    for (bool end = false; !end; parts++) {
        g_autofree char *part = g_strdup_printf("d|%zu|", all->len);
        const char *got = store_ask(f, 1, XS_DIRECTORY_PART, 0, part);
        const char *names = strchr(got, '|') + 1;
        assert_int_equal(strtoul(got, NULL, 10), d->children_changed);
        store_write(f->s, "/local/domain/0/other", part); /* nothing to this directory */
        assert_true(*names && parts < 10);
        g_string_append(all, names);
        end = g_str_has_suffix(all->str, "||");
    }
    g_string_append_c(want, '|');
    assert_string_equal(all->str, want->str);
    assert_int_equal(parts, 2);
    /* offsets beyond the end, and none at all */
    g_autofree char *only_end = g_strdup_printf("%" G_GUINT64_FORMAT "||", d->children_changed);
    g_autofree char *empty_end = g_strdup_printf(
        "%" G_GUINT64_FORMAT "||",
        store_tree_find(f->s->root, "/local/domain/1/d/node0001")->children_changed);
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY_PART, 0, "d|99999999999999999999|"), only_end);
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY_PART, 0, "d|-1|"), only_end);
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY_PART, 0, "d/node0001|0|"), empty_end);
    assert_string_not_equal(only_end, empty_end);
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY_PART, 0, "e|0|"), "ERROR ENOENT|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(long_values, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(long_paths, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(long_events, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(watches, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(transactions, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(changes_of_a_transaction, store_talk_setup,
                                        store_talk_teardown),
        cmocka_unit_test_setup_teardown(nodes, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(nodes_of_one_path, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(perms, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(long_directories, store_talk_setup, store_talk_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
