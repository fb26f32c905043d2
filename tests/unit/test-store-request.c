/* host/store/request.c, store.c: the wire protocol, as conversations of two guests and domain 0. */
#include "store_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void values(void **state)
{
    static const struct store_step steps[] = {
        {1, XS_WRITE, "a|1", "OK|"},
        {1, XS_READ, "a|", "1"},
        {1, XS_READ, "/local/domain/1/a|", "1"},
        {1, XS_WRITE, "a|two|words|", "OK|"}, /* a value may have NULs */
        {1, XS_READ, "a|", "two|words|"},
        {1, XS_WRITE, "a|", "OK|"},
        {1, XS_READ, "a|", ""},
        {1, XS_READ, "b|", "ERROR ENOENT|"},
        {1, XS_MKDIR, "d/e/f|", "OK|"},
        {1, XS_WRITE, "d/g|x", "OK|"},
        {1, XS_MKDIR, "d/g|", "OK|"}, /* there already: stays what it is */
        {1, XS_READ, "d/g|", "x"},
        {1, XS_DIRECTORY, "d|", "e|g|"},
        {1, XS_MKDIR, "d/b|", "OK|"},
        {1, XS_DIRECTORY, "d|", "e|g|b|"}, /* as they were made */
        {1, XS_DIRECTORY, "d/g|", ""},
        {1, XS_DIRECTORY, "d/h|", "ERROR ENOENT|"},
        {1, XS_RM, "d|", "OK|"},
        {1, XS_READ, "d/g|", "ERROR ENOENT|"},
        {1, XS_RM, "d|", "OK|"},      /* gone is gone, while its parent is there */
        {1, XS_RM, "d/e|", "ERROR ENOENT|"},
        {0, XS_RM, "/|", "ERROR EINVAL|"},
        {1, XS_GET_DOMAIN_PATH, "1|", "/local/domain/1|"},
        {1, XS_GET_DOMAIN_PATH, "|", "ERROR EINVAL|"},
        {1, XS_GET_DOMAIN_PATH, "1x|", "ERROR EINVAL|"},
        {1, XS_GET_DOMAIN_PATH, "65536|", "ERROR EINVAL|"},
        {1, XS_GET_DOMAIN_PATH, "32752|", "/local/domain/1|"}, /* itself */
        {1, XS_IS_DOMAIN_INTRODUCED, "0|", "T|"},
        {1, XS_IS_DOMAIN_INTRODUCED, "1|", "F|"},
        {1, XS_IS_DOMAIN_INTRODUCED, "9|", "F|"},
    };

    store_play(*state, steps, G_N_ELEMENTS(steps));
}

static void malformed(void **state)
{
    static const uint32_t with_path[] = {XS_READ, XS_DIRECTORY, XS_MKDIR, XS_RM, XS_GET_PERMS,
                                         XS_WRITE, XS_WATCH, XS_UNWATCH, XS_SET_PERMS,
                                         XS_DIRECTORY_PART};
    static const char *const payloads[] = {"", "|", "a", "a b|", "/a//b|0", "//|0", "a/|n1|",
                                           "\x80|0|", "*|0|"};
    static const struct store_step steps[] = {
        {1, XS_TRANSACTION_END, "T|", "ERROR ENOENT|"},
        {1, XS_SET_PERMS, "a|", "ERROR EINVAL|"},
        {1, XS_SET_PERMS, "a|x1|", "ERROR EINVAL|"},
        {1, XS_SET_PERMS, "a|n|", "ERROR EINVAL|"},
        {1, XS_SET_PERMS, "a|n1x|", "ERROR EINVAL|"},
        {1, XS_SET_PERMS, "a|n65536|", "ERROR EINVAL|"},
        {1, XS_SET_PERMS, "a|n-1|", "ERROR EINVAL|"},
        {1, XS_SET_PERMS, "a||", "ERROR EINVAL|"},
        {1, XS_DIRECTORY_PART, "/|", "ERROR EINVAL|"},
        {1, XS_WATCH, "a|", "ERROR EINVAL|"},
        {1, XS_CONTROL, "help|", "ERROR EACCES|"},
        {1, XS_INTRODUCE, "1|", "ERROR EACCES|"},
        {1, XS_WATCH_EVENT, "a|b|", "ERROR ENOSYS|"},
        {1, XS_ERROR, "", "ERROR ENOSYS|"},
        {1, XS_TYPE_COUNT, "", "ERROR ENOSYS|"},
        {1, UINT32_MAX, "", "ERROR ENOSYS|"},
    };
    struct store_talk *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(with_path); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(payloads); k++) {
            const char *got = store_ask(f, 1, with_path[i], 0, payloads[k]);
            if (strcmp(got, "ERROR EINVAL|") != 0)
                fail_msg("type %u with '%s': '%s'", with_path[i], payloads[k], got);
        }
    }
    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, "a|1"), "OK|");
    store_play(f, steps, G_N_ELEMENTS(steps));
    /* no such transaction */
    assert_string_equal(store_ask(f, 1, XS_READ, 12345, "a|"), "ERROR ENOENT|");
}

/* Header fields come back, so that the guest can tell its answers apart. */
static void keep_header(void *opaque, const struct xsd_sockmsg *header, const void *payload)
{
    *(struct xsd_sockmsg *)opaque = *header;
}

static void echoes_the_header(void **state)
{
    struct store_talk *f = *state;
    struct xsd_sockmsg got = {0}, h = {.type = XS_READ, .req_id = 0xdeadbeef, .tx_id = 0, .len = 2};
    struct store_conn *c = store_connect(f->s, 1, keep_header, &got);

    store_request(c, &h, (const uint8_t *)"x");
    assert_int_equal(got.type, XS_ERROR);
    assert_int_equal(got.req_id, 0xdeadbeef);
    assert_int_equal(got.tx_id, 0);
    store_disconnect(c);
}

static void permissions(void **state)
{
    static const struct store_step steps[] = {
        {1, XS_GET_PERMS, "/local/domain/1|", "n1|"},
        {1, XS_WRITE, "/local/x|1", "ERROR EACCES|"},
        {1, XS_WRITE, "/new|1", "ERROR EACCES|"},
        {1, XS_MKDIR, "/local/domain/2/x|", "ERROR EACCES|"},
        {1, XS_RM, "/local/domain/2|", "ERROR EACCES|"},
        {2, XS_WRITE, "secret|s", "OK|"},
        {1, XS_READ, "/local/domain/2/secret|", "ERROR EACCES|"},
        {1, XS_READ, "/local/domain/2/guess|", "ERROR EACCES|"}, /* not even whether it is there */
        {1, XS_DIRECTORY, "/local/domain/2|", "ERROR EACCES|"},
        {1, XS_GET_PERMS, "/local/domain/2|", "ERROR EACCES|"},
        {1, XS_SET_PERMS, "/local/domain/2/secret|n1|", "ERROR EACCES|"},
        {2, XS_SET_PERMS, "secret|n2|r1|", "OK|"},
        {1, XS_READ, "/local/domain/2/secret|", "s"},
        {1, XS_WRITE, "/local/domain/2/secret|t", "ERROR EACCES|"},
        {1, XS_SET_PERMS, "/local/domain/2/secret|n1|", "ERROR EACCES|"},
        {2, XS_SET_PERMS, "secret|n2|b1|", "OK|"},
        {1, XS_WRITE, "/local/domain/2/secret|t", "OK|"},
        {2, XS_READ, "secret|", "t"},
        {2, XS_GET_PERMS, "secret|", "n2|b1|"},
        {2, XS_SET_PERMS, "secret|n1|", "ERROR EPERM|"}, /* only domain 0 gives away */
        {0, XS_SET_PERMS, "/local/domain/2/secret|n1|", "OK|"},
        {2, XS_READ, "secret|", "ERROR EACCES|"},
        {0, XS_READ, "/local/domain/2/secret|", "t"},
        {1, XS_DIRECTORY, "/local|", "domain|"},
    };

    store_play(*state, steps, G_N_ELEMENTS(steps));
}

static void transactions(void **state)
{
    struct store_talk *f = *state;
    uint32_t a = store_begin(f, 1), b = store_begin(f, 1);

    assert_int_not_equal(a, b);
    assert_string_equal(store_ask(f, 1, XS_WRITE, a, "x|1"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_READ, a, "x|"), "1");
    assert_string_equal(store_ask(f, 1, XS_READ, 0, "x|"), "ERROR ENOENT|");
    assert_string_equal(store_ask(f, 1, XS_READ, b, "x|"), "ERROR ENOENT|");
    assert_string_equal(store_ask(f, 2, XS_READ, a, "/|"), "ERROR ENOENT|"); /* another's */
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_START, a, "|"), "ERROR EBUSY|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, a, "X|"), "ERROR EINVAL|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, a, "T|"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_READ, 0, "x|"), "1");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, a, "T|"), "ERROR ENOENT|");
    /* b began before that: it still sees the old, may go without a write, but not with one */
    assert_string_equal(store_ask(f, 1, XS_READ, b, "x|"), "ERROR ENOENT|");
    assert_string_equal(store_ask(f, 1, XS_WRITE, b, "y|1"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, b, "T|"), "ERROR EAGAIN|");
    assert_string_equal(store_ask(f, 1, XS_READ, 0, "y|"), "ERROR ENOENT|");

    a = store_begin(f, 1);
    assert_string_equal(store_ask(f, 1, XS_RM, a, "x|"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, a, "F|"), "OK|"); /* dropped */
    assert_string_equal(store_ask(f, 1, XS_READ, 0, "x|"), "1");
    a = store_begin(f, 1);
    assert_string_equal(store_ask(f, 1, XS_READ, a, "x|"), "1");
    store_write(f->s, "/local/domain/1/x", "2");
    assert_string_equal(store_ask(f, 1, XS_READ, a, "x|"), "1");
    assert_string_equal(store_ask(f, 1, XS_TRANSACTION_END, a, "T|"), "OK|"); /* it only read */

    /* reset from within: the transaction goes with the watches */
    a = store_begin(f, 1);
    assert_string_equal(store_ask(f, 1, XS_RESET_WATCHES, a, "|"), "OK|");
    assert_string_equal(store_ask(f, 1, XS_READ, a, "x|"), "ERROR ENOENT|");
}

static void watches(void **state)
{
    static const struct store_step steps[] = {
        {1, XS_WATCH, "device|t1|", "OK|\nEVENT device|t1|"}, /* fires at once */
        {1, XS_WATCH, "device|t1|", "ERROR EEXIST|"},
        {1, XS_WATCH, "/local/domain/1/device|t2|", "OK|\nEVENT /local/domain/1/device|t2|"},
        {1, XS_WATCH, "@releaseDomain|r|", "OK|\nEVENT @releaseDomain|r|"},
        {1, XS_WRITE, "device/vbd|1",
         "EVENT device/vbd|t1|\nEVENT /local/domain/1/device/vbd|t2|\nOK|"},
        {1, XS_WRITE, "devices|1", "OK|"},
        {1, XS_SET_PERMS, "device|n1|",
         "EVENT device|t1|\nEVENT /local/domain/1/device|t2|\nOK|"},
        {1, XS_UNWATCH, "device|t3|", "ERROR ENOENT|"},
        {1, XS_UNWATCH, "device|t2|", "OK|"}, /* the path's spelling does not matter */
        {1, XS_RM, "device/vbd|", "EVENT device/vbd|t1|\nOK|"},
        {1, XS_WATCH, "device/vif/0|v|", "OK|\nEVENT device/vif/0|v|"},
        {1, XS_RM, "device|", "EVENT device|t1|\nEVENT device/vif/0|v|\nOK|"},
        {1, XS_WATCH, "/|all|", "OK|\nEVENT /|all|"},
        {1, XS_MKDIR, "m|", "EVENT /local/domain/1/m|all|\nOK|"},
        {2, XS_WRITE, "quiet|1", "OK|"},
        {1, XS_RESET_WATCHES, "|", "OK|"},
        {1, XS_WRITE, "device|1", "OK|"},
    };
    struct store_talk *f = *state;

    store_play(f, steps, G_N_ELEMENTS(steps));

    /* Only readers hear of it. */
    store_ask(f, 2, XS_WATCH, 0, "/local/domain/1|w|");
    g_string_set_size(f->said[2], 0);
    store_ask(f, 1, XS_WRITE, 0, "hidden|1");
    assert_string_equal(f->said[2]->str, "");
    store_ask(f, 1, XS_SET_PERMS, 0, "hidden|n1|r2|");
    assert_string_equal(f->said[2]->str, "EVENT /local/domain/1/hidden|w|");

    /* A transaction is silent until it is committed, and for ever when it isn't. */
    g_string_set_size(f->said[2], 0);
    uint32_t tx = store_begin(f, 1);
    store_ask(f, 1, XS_WRITE, tx, "hidden|2");
    assert_string_equal(f->said[2]->str, "");
    store_ask(f, 1, XS_TRANSACTION_END, tx, "T|");
    assert_string_equal(f->said[2]->str, "EVENT /local/domain/1/hidden|w|");
    g_string_set_size(f->said[2], 0);
    tx = store_begin(f, 1);
    store_ask(f, 1, XS_WRITE, tx, "hidden|3");
    store_ask(f, 1, XS_TRANSACTION_END, tx, "F|");
    assert_string_equal(f->said[2]->str, "");
    store_remove(f->s, "/local/domain/1");
    assert_string_equal(f->said[0]->str, ""); /* it watches nothing */
}

static void watch_depths(void **state)
{
    static const struct store_step steps[] = {
        {1, XS_WATCH, "device|t0|0|", "OK|\nEVENT device|t0|"},
        {1, XS_WATCH, "device|t1|1|", "OK|\nEVENT device|t1|"},
        {1, XS_WATCH, "device|no|-1|", "ERROR EINVAL|"},
        {1, XS_WATCH, "device|no|x|", "ERROR EINVAL|"},
        {1, XS_WATCH, "device|no|99999999999|", "ERROR EINVAL|"},
        {1, XS_WRITE, "device|1", "EVENT device|t0|\nEVENT device|t1|\nOK|"},
        {1, XS_WRITE, "device/vbd|1", "EVENT device/vbd|t1|\nOK|"},
        {1, XS_WRITE, "device/vbd/0|1", "OK|"},
        {1, XS_RM, "device|", "EVENT device|t0|\nEVENT device|t1|\nOK|"},
        {1, XS_UNWATCH, "device|t0|", "OK|"},
        {1, XS_WATCH, "/|root|1|", "OK|\nEVENT /|root|"},
        {1, XS_WRITE, "deep|1", "OK|"},
    };
    struct store_talk *f = *state;

    store_play(f, steps, G_N_ELEMENTS(steps));
    store_chmod(f->s, "/top", (struct store_perm){1, STORE_NONE}, (struct store_perm){1, 0});
    store_write(f->s, "/top", "x");
    assert_non_null(strstr(f->said[1]->str, "EVENT /top|root|"));
}

static void introduce_and_release(void **state)
{
    static const struct store_step before[] = {
        {0, XS_INTRODUCE, "1|5|7|", "ERROR ENOENT|"}, /* no such domain */
        {0, XS_RELEASE, "1|", "ERROR ENOENT|"},
        {0, XS_RESUME, "1|", "ERROR ENOENT|"},
        {0, XS_WATCH, "@introduceDomain|i|", "OK|\nEVENT @introduceDomain|i|"},
        {0, XS_WATCH, "@releaseDomain|r|", "OK|\nEVENT @releaseDomain|r|"},
        {1, XS_WATCH, "@releaseDomain|mine|", "OK|\nEVENT @releaseDomain|mine|"},
        {1, XS_WATCH, "/|all|", "OK|\nEVENT /|all|"},
    }, after[] = {
        {0, XS_IS_DOMAIN_INTRODUCED, "1|", "T|"},
        {1, XS_IS_DOMAIN_INTRODUCED, "32752|", "T|"},
        {0, XS_INTRODUCE, "1|5|7|", "EVENT @introduceDomain|i|\nOK|"},
        {0, XS_INTRODUCE, "1|5|", "ERROR EINVAL|"},
        {0, XS_INTRODUCE, "0|5|7|", "ERROR EINVAL|"},
        {1, XS_INTRODUCE, "1|5|7|", "ERROR EACCES|"},
        {0, XS_RESUME, "1|", "OK|"},
        {1, XS_RESUME, "1|", "ERROR EACCES|"},
        {1, XS_RELEASE, "1|", "ERROR EACCES|"},
        {0, XS_RELEASE, "x|", "ERROR EINVAL|"},
        {0, XS_CONTROL, "help|", "ERROR EINVAL|"},
        {0, XS_SET_TARGET, "1|2|", "ERROR EINVAL|"},
        {0, XS_RELEASE, "1|", "EVENT @releaseDomain|r|\nOK|"},
        {0, XS_IS_DOMAIN_INTRODUCED, "1|", "F|"},
        {1, XS_READ, "name|", "ERROR EIO|"},
    };
    struct store_talk *f = *state;

    store_play(f, before, G_N_ELEMENTS(before));
    g_string_set_size(f->said[0], 0);
    store_introduce(f->s, 1);
    assert_string_equal(f->said[0]->str, "EVENT @introduceDomain|i|");
    g_string_set_size(f->said[1], 0);
    store_play(f, after, G_N_ELEMENTS(after));
    /* Released, it is told nothing any more; such news was never for it. */
    assert_null(strstr(f->said[1]->str, "EVENT"));
    assert_int_equal(f->conn[1]->watches->len, 0);
    store_introduce(f->s, 1);
    assert_string_equal(store_ask(f, 1, XS_WRITE, 0, "name|x"), "OK|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(malformed, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(echoes_the_header, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(permissions, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(transactions, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(introduce_and_release, store_talk_setup,
                                        store_talk_teardown),
        cmocka_unit_test_setup_teardown(watch_depths, store_talk_setup, store_talk_teardown),
        cmocka_unit_test_setup_teardown(watches, store_talk_setup, store_talk_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
