/* bzimage.c: the payload is found where the setup header says, or the file is refused. */
#include "kernel_maker.h"

#include "xenner/build/bzimage.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void finds_the_payload(void **state)
{
    g_autoptr(GByteArray) file = make_bzimage("payload", 7, 0x208);
    const uint8_t *payload;
    size_t len;

    assert_true(bzimage_probe(file->data, file->len));
    assert_true(bzimage_payload(file->data, file->len, &payload, &len, NULL));
    assert_int_equal(len, 7);
    assert_memory_equal(payload, "payload", 7);
}

/* setup_sects 0 means 4 (boot.rst). */
static void knows_the_oldest_setup_size(void **state)
{
    g_autoptr(GByteArray) file = make_bzimage("payload", 7, 0x20f);
    const uint8_t *payload;
    size_t len;

    g_byte_array_set_size(file, 5 * 512 + 64);
    g_byte_array_append(file, (const guint8 *)"moved on", 7);
    file->data[0x1f1] = 0;
    assert_true(bzimage_payload(file->data, file->len, &payload, &len, NULL));
    assert_memory_equal(payload, "moved o", 7);
}

static void assert_refused(const GByteArray *file, size_t len, const char *why)
{
    g_autofree uint8_t *bytes = exact_copy(file, len);
    g_autoptr(GError) error = NULL;
    const uint8_t *payload;
    size_t n;

    assert_false(bzimage_payload(bytes, len, &payload, &n, &error));
    assert_string_equal(error->message, why);
}

static void refuses_what_it_cannot_use(void **state)
{
    g_autoptr(GByteArray) old = make_bzimage("payload", 7, 0x207);
    g_autoptr(GByteArray) file = make_bzimage("payload", 7, 0x20c);
    g_autoptr(GByteArray) none = make_bzimage("", 0, 0x20c);

    assert_refused(old, old->len, "bzImage boot protocol 2.07 is too old, 2.08 is needed");
    assert_refused(none, none->len, "bzImage without a payload");
    for (size_t len = 0x206; len < file->len; len++) {
        g_autofree uint8_t *bytes = exact_copy(file, len);

        assert_true(bzimage_probe(bytes, len));
        assert_refused(file, len,
                       len < 0x250 ? "truncated bzImage header" : "truncated bzImage payload");
    }
    assert_false(bzimage_probe(file->data, 0x205));
    memset(file->data + 0x248, 0xff, 8);
    assert_refused(file, file->len, "truncated bzImage payload");
    memset(file->data + 0x248, 0, 4);
    assert_refused(file, file->len, "bzImage without a payload");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_payload),
        cmocka_unit_test(knows_the_oldest_setup_size),
        cmocka_unit_test(refuses_what_it_cannot_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
