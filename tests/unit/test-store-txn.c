/* host/store/txn.c: which changes of others a transaction minds, and what a commit brings. */
#include "store_talk.h"

#include "xenner/host/store/txn.h"

#include <string.h>

/*
 * Each row: what the transaction (of domain 1) does, what is done outside of it meanwhile by domain 1
 * itself, 2 or 0; and whether the transaction, after one change of its own, can be committed. There are
 * a=1, dir/x=1, dir/y=1, and share, which domain 2 may write to.
 */
struct row {
    const char *name;
    uint32_t type;
    const char *inside;
    domid_t dom;
    uint32_t other_type;
    const char *outside;
    bool conflict;
};

static const struct row rows[] = {
    /* values */
    {"read, and it is written", XS_READ, "a|", 1, XS_WRITE, "a|2", true},
    {"read, and written with the same", XS_READ, "a|", 1, XS_WRITE, "a|1", true},
    {"read, and its brother is written", XS_READ, "dir/x|", 1, XS_WRITE, "dir/y|2", false},
    {"read, and removed", XS_READ, "a|", 1, XS_RM, "a|", true},
    {"read, and what is above removed", XS_READ, "dir/x|", 1, XS_RM, "dir|", true},
    {"read, and a child is made", XS_READ, "dir|", 1, XS_WRITE, "dir/z|1", false},
    {"read, and a child is written", XS_READ, "dir|", 1, XS_WRITE, "dir/x|2", false},
    {"written by both", XS_WRITE, "a|3", 1, XS_WRITE, "a|2", true},
    {"written, and read by others", XS_WRITE, "a|3", 1, XS_READ, "a|", false},
    {"written, and removed", XS_WRITE, "a|3", 1, XS_RM, "a|", true},
    {"written, and another is", XS_WRITE, "a|3", 1, XS_WRITE, "b|2", false},
    {"written, and domain 0 writes elsewhere", XS_WRITE, "a|3", 0, XS_WRITE, "/tool/x|1", false},
    {"written, and domain 2 writes it", XS_WRITE, "share|3", 2, XS_WRITE, "/local/domain/1/share|2",
     true},
    /* what isn't there */
    {"missed, and made", XS_READ, "new|", 1, XS_WRITE, "new|1", true},
    {"missed, and made below", XS_READ, "new|", 1, XS_WRITE, "new/x|1", true},
    {"missed, and another made", XS_READ, "new|", 1, XS_WRITE, "newer|1", false},
    {"missed deep, and another made on the way", XS_READ, "p/q/r|", 1, XS_WRITE, "p/s|1", false},
    {"missed, and what is above removed", XS_READ, "dir/new|", 1, XS_RM, "dir|", true},
    {"made by both", XS_WRITE, "new|1", 1, XS_WRITE, "new|1", true},
    {"made, and its brother as well", XS_WRITE, "dir/new|1", 1, XS_WRITE, "dir/z|1", false},
    {"made, and its parent is made", XS_WRITE, "p/q|1", 1, XS_MKDIR, "p|", true},
    {"made, and its parent is removed", XS_WRITE, "dir/new|1", 1, XS_RM, "dir|", true},
    {"a directory made by both", XS_MKDIR, "new|", 1, XS_MKDIR, "new|", true},
    {"a directory made that is there, and filled", XS_MKDIR, "dir|", 1, XS_WRITE, "dir/z|1", false},
    /* removals */
    {"removed by both", XS_RM, "a|", 1, XS_RM, "a|", true},
    {"removed, and written", XS_RM, "a|", 1, XS_WRITE, "a|2", true},
    {"removed, and its brother as well", XS_RM, "dir/x|", 1, XS_RM, "dir/y|", false},
    {"a parent removed, and a child written", XS_RM, "dir|", 1, XS_WRITE, "dir/x|2", true},
    {"a parent removed, and a child made", XS_RM, "dir|", 1, XS_WRITE, "dir/z|1", true},
    {"a parent removed, and a child removed", XS_RM, "dir|", 1, XS_RM, "dir/x|", true},
    {"a parent removed, and one made beside it", XS_RM, "dir|", 1, XS_WRITE, "dir2|1", false},
    {"removed what isn't there, and it is made", XS_RM, "new|", 1, XS_WRITE, "new|1", true},
    /* lists */
    {"listed, and a child made", XS_DIRECTORY, "dir|", 1, XS_WRITE, "dir/z|1", true},
    {"listed, and a child removed", XS_DIRECTORY, "dir|", 1, XS_RM, "dir/x|", true},
    {"listed, and a child written", XS_DIRECTORY, "dir|", 1, XS_WRITE, "dir/x|2", false},
    {"listed, and a grandchild made", XS_DIRECTORY, "dir|", 1, XS_WRITE, "dir/x/z|1", false},
    {"listed in parts, and a child made", XS_DIRECTORY_PART, "dir|0|", 1, XS_MKDIR, "dir/z|", true},
    {"listed, and itself written", XS_DIRECTORY, "dir|", 1, XS_WRITE, "dir|2", true},
    /* permissions */
    {"read, and permissions changed", XS_READ, "a|", 1, XS_SET_PERMS, "a|n1|r2|", true},
    {"permissions read and changed", XS_GET_PERMS, "a|", 0, XS_SET_PERMS, "/local/domain/1/a|n1|",
     true},
    {"permissions set, and written", XS_SET_PERMS, "a|n1|r2|", 1, XS_WRITE, "a|2", true},
    {"permissions set, and another's set", XS_SET_PERMS, "a|n1|r2|", 1, XS_SET_PERMS, "dir|n1|r2|",
     false},
    {"made, and the parent's permissions set", XS_WRITE, "dir/new|1", 1, XS_SET_PERMS,
     "dir|n1|r2|", true},
    {"refused, and then permitted", XS_READ, "/local/domain/2/s|", 2, XS_SET_PERMS, "s|n2|r1|",
     true},
    /* only failed attempts */
    {"read, and a write is refused", XS_READ, "a|", 2, XS_WRITE, "/local/domain/1/a|2", false},
    {"read, and a removal is refused", XS_READ, "a|", 2, XS_RM, "/local/domain/1/a|", false},
};

static void prepare(struct store_talk *f)
{
    static const struct store_step steps[] = {
        {1, XS_WRITE, "a|1", "OK|"},     {1, XS_WRITE, "dir/x|1", "OK|"},
        {1, XS_WRITE, "dir/y|1", "OK|"}, {1, XS_WRITE, "share|1", "OK|"},
        {1, XS_SET_PERMS, "share|n1|b2|", "OK|"}, {2, XS_WRITE, "s|1", "OK|"},
    };

    store_play(f, steps, G_N_ELEMENTS(steps));
}

static void conflicts(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct row *r = &rows[i];
        void *own = NULL;
        store_talk_setup(&own);
        struct store_talk *f = own;
        prepare(f);
        uint32_t tx = store_begin(f, 1);
        assert_string_equal(store_ask(f, 1, XS_WRITE, tx, "mine|1"), "OK|");
        store_ask(f, 1, r->type, tx, r->inside);
        store_ask(f, r->dom, r->other_type, 0, r->outside);
        const char *got = store_ask(f, 1, XS_TRANSACTION_END, tx, "T|");
        if (strcmp(got, r->conflict ? "ERROR EAGAIN|" : "OK|") != 0)
            fail_msg("%s: '%s'", r->name, got);
        assert_string_equal(store_ask(f, 1, XS_READ, 0, "mine|"),
                            r->conflict ? "ERROR ENOENT|" : "1");
        store_talk_teardown(&own);
    }
}

/* The same, and the transaction only looked: that was all true at its start. */
static void readers_never_fail(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct row *r = &rows[i];
        if (r->type != XS_READ && r->type != XS_DIRECTORY && r->type != XS_GET_PERMS)
            continue;
        void *own = NULL;
        store_talk_setup(&own);
        struct store_talk *f = own;
        prepare(f);
        uint32_t tx = store_begin(f, 1);
        g_autofree char *before = g_strdup(store_ask(f, 1, r->type, tx, r->inside));
        store_ask(f, r->dom, r->other_type, 0, r->outside);
        assert_string_equal(store_ask(f, 1, r->type, tx, r->inside), before);
        assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx, "T|"), "OK|");
        store_talk_teardown(&own);
    }
}

/* Both sides' changes are there after it, and nobody's are lost. */
static void merges(void **state)
{
    static const struct store_step outside[] = {
        {1, XS_WRITE, "dir/y|outside", "OK|"}, {1, XS_WRITE, "dir/new1|1", "OK|"},
        {1, XS_WRITE, "p1/q|1", "OK|"},        {2, XS_WRITE, "b|2", "OK|"},
    }, after[] = {
        {1, XS_READ, "dir/x|", "inside"},      {1, XS_READ, "dir/y|", "outside"},
        {1, XS_DIRECTORY, "dir|", "x|y|new1|new2|"}, {1, XS_READ, "p1/q|", "1"},
        {1, XS_READ, "p2/q/r|", "1"},          {1, XS_GET_PERMS, "p2/q|", "n1|r2|"},
        {1, XS_GET_PERMS, "p2|", "n1|"},       {1, XS_READ, "a|", "ERROR ENOENT|"},
        {2, XS_READ, "b|", "2"},               {1, XS_READ, "again/x|", "2"},
        {1, XS_READ, "dropped|", "ERROR ENOENT|"},
    };
    static const struct { uint32_t type; const char *payload; } inside[] = {
        {XS_WRITE, "dir/x|inside"}, {XS_WRITE, "dir/new2|1"}, {XS_WRITE, "p2/q/r|1"},
        {XS_SET_PERMS, "p2/q|n1|r2|"}, {XS_RM, "a|"}, {XS_WRITE, "again/x|1"},
        {XS_WRITE, "again/y|1"}, {XS_RM, "again|"}, {XS_WRITE, "again/x|2"},
        {XS_WRITE, "dropped/x|1"}, {XS_RM, "dropped|"},
    };
    struct store_talk *f = *state;

    prepare(f);
    uint32_t tx = store_begin(f, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(inside); i++)
        assert_string_equal(store_ask(f, 1, inside[i].type, tx, inside[i].payload), "OK|");
    store_play(f, outside, G_N_ELEMENTS(outside));
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx, "T|"), "OK|");
    store_play(f, after, G_N_ELEMENTS(after));
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY, 0, "again|"), "x|");
}

/* A removed directory that is made again has nothing of the old one. */
static void removed_and_made_again(void **state)
{
    struct store_talk *f = *state;

    prepare(f);
    uint32_t tx = store_begin(f, 1);
    store_ask(f, 1, XS_RM, tx, "dir|");
    store_ask(f, 1, XS_WRITE, tx, "dir/only|1");
    store_ask(f, 1, XS_WATCH, 0, "dir/x|w|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx, "T|"), "EVENT dir/x|w|\nOK|");
    assert_string_equal(store_ask(f, 1, XS_DIRECTORY, 0, "dir|"), "only|");
}

/* Two that do not meet can both be committed, in either order; of two that meet, the first. */
static void two(void **state)
{
    struct store_talk *f = *state;

    prepare(f);
    for (unsigned meet = 0; meet < 2; meet++) {
        uint32_t a = store_begin(f, 1), b = store_begin(f, 2);
        assert_string_equal(store_ask(f, 1, XS_WRITE, a, meet ? "share|a" : "a|a"), "OK|");
        assert_string_equal(store_ask(f, 2, XS_WRITE, b, "/local/domain/1/share|b"), "OK|");
        assert_string_equal(store_ask(f, 2, XS_TRANSACTION_END, b, "T|"), "OK|");
        assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, a, "T|"),
                            meet ? "ERROR EAGAIN|" : "OK|");
        assert_string_equal(store_ask(f, 1, XS_READ, 0, "share|"), "b");
        assert_string_equal(store_ask(f, 1, XS_READ, 0, "a|"), "a");
    }
}

/* What each may have alone, both together may not: who comes last begins again, and is told then. */
static void quota_of_two(void **state)
{
    struct store_talk *f = *state;
    const unsigned half = STORE_MAX_NODES * 2 / 3;
    uint32_t tx[2];

    for (unsigned t = 0; t < 2; t++) {
        tx[t] = store_begin(f, 1);
        for (unsigned i = 0; i < half; i++) {
            g_autofree char *node = g_strdup_printf("t%u/n%u|", t, i);
            assert_string_equal(store_ask(f, 1, XS_MKDIR, tx[t], node), "OK|");
        }
    }
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx[0], "T|"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx[1], "T|"), "ERROR EAGAIN|");
    assert_int_equal(store_tree_count(f->s->root, 1), half + 2);
    tx[1] = store_begin(f, 1);
    for (unsigned i = 0; i < STORE_MAX_NODES - half - 3; i++) {
        g_autofree char *node = g_strdup_printf("t1/n%u|", i);
        assert_string_equal(store_ask(f, 1, XS_MKDIR, tx[1], node), "OK|");
    }
    assert_string_equal(store_ask(f, 1, XS_MKDIR, tx[1], "t1/more|"), "ERROR ENOSPC|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx[1], "T|"), "OK|");
    assert_int_equal(store_tree_count(f->s->root, 1), STORE_MAX_NODES);
}

/* Others' business, however much, keeps nobody from committing. */
static void busy_store(void **state)
{
    struct store_talk *f = *state;
    uint32_t tx = store_begin(f, 1);

    assert_string_equal(store_ask(f, 1, XS_WRITE, tx, "x|1"), "OK|");
    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *write = g_strdup_printf("flood%u|%u", i % 50, i);
        store_ask(f, 2, XS_WRITE, 0, write);
    }
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, tx, "T|"), "OK|");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, store_talk_setup, store_talk_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conflicts),
        cmocka_unit_test(readers_never_fail),
        TEST(merges),
        TEST(removed_and_made_again),
        TEST(two),
        TEST(quota_of_two),
        TEST(busy_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
