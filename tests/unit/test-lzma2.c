/* lzma2.c and xz.c against liblzma's encoder: all settings, all kinds of chunks, and damage. */
#include "kernel_maker.h"

#include "xenner/build/lzma2.h"
#include "xenner/build/xz.h"

#include <lzma.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define ROOM (8u << 20)

struct setting {
    uint32_t lc, lp, pb;
    bool x86;
    lzma_check check;
};

static GByteArray *pack(const struct setting *s, const uint8_t *data, size_t len)
{
    GByteArray *a = g_byte_array_new();
    lzma_options_lzma opt;
    lzma_filter filters[3] = {
        {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &opt}, {LZMA_VLI_UNKNOWN, NULL}};
    size_t n = 0;

    g_byte_array_set_size(a, (guint)(len + len / 4 + 4096));
    assert_false(lzma_lzma_preset(&opt, 6));
    opt.lc = s->lc;
    opt.lp = s->lp;
    opt.pb = s->pb;
    assert_int_equal(lzma_stream_buffer_encode(filters + !s->x86, s->check, NULL, data, len,
                                               a->data, &n, a->len),
                     LZMA_OK);
    g_byte_array_set_size(a, (guint)n);
    return a;
}

/* Calls near each other, words that come again at a few distances, and stretches of noise. */
static uint8_t *make_program(size_t len)
{
    uint8_t *p = g_malloc(len);
    uint32_t x = 7;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        unsigned kind = x >> 28;
        if (i >> 17 & 1)
            p[i] = (uint8_t)(x >> 16); /* stored chunks */
        else if (kind < 2)
            p[i] = (uint8_t)(0xe8 + kind);
        else if (kind < 8 && i > 64)
            p[i] = p[i - (kind < 4 ? 4 : kind < 6 ? 12 : 61)];
        else
            p[i] = kind & 1 ? 0 : 0xff;
    }
    return p;
}

static bool unpack(const GByteArray *packed, size_t len, struct blob *out)
{
    g_autofree uint8_t *bytes = exact_copy(packed, len);

    memset(out->data, 0xaa, 64);
    out->len = 0;
    return xz_unpack_kernel(bytes, len, out);
}

static void same_as_liblzma(void **state)
{
    static const struct setting settings[] = {
        {3, 0, 2, true, LZMA_CHECK_CRC32},  {3, 0, 2, false, LZMA_CHECK_CRC32},
        {0, 0, 0, true, LZMA_CHECK_CRC32},  {0, 2, 4, true, LZMA_CHECK_CRC32},
        {4, 0, 0, false, LZMA_CHECK_CRC32}, {1, 3, 3, true, LZMA_CHECK_CRC32},
    };
    static const size_t sizes[] = {0, 1, 4, 5, 300, 65536, 600000};
    g_autofree uint8_t *program = make_program(600000);
    autoblob out = {0};

    assert_true(blob_reserve(&out, ROOM, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(sizes); j++) {
            g_autoptr(GByteArray) packed = pack(&settings[i], program, sizes[j]);

            /* an empty file has no block, and is liblzma's */
            assert_int_equal(unpack(packed, packed->len, &out), sizes[j] > 0);
            assert_int_equal(out.len, sizes[j]);
            assert_memory_equal(out.data, program, sizes[j]);
        }
    }
}

/* What the file says is checked to its last byte; a file of another kind is liblzma's. */
static void takes_only_what_is_whole(void **state)
{
    static const struct setting linux_xz = {3, 0, 2, true, LZMA_CHECK_CRC32};
    static const struct setting others = {3, 0, 2, true, LZMA_CHECK_CRC64};
    const size_t len = 700;
    g_autofree uint8_t *program = make_program(len);
    g_autoptr(GByteArray) packed = pack(&linux_xz, program, len);
    g_autoptr(GByteArray) other = pack(&others, program, len);
    g_autofree uint8_t *exact = g_malloc(len); /* the sanitizer sees one byte more */
    struct blob out = {.data = exact, .reserved = len};

    assert_false(unpack(other, other->len, &out));
    for (size_t cut = 0; cut < packed->len; cut++)
        assert_false(unpack(packed, cut, &out));
    for (size_t bit = 0; bit < packed->len * 8; bit++) {
        packed->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (unpack(packed, packed->len, &out))
            fail_msg("bit %zu of %u bytes does not matter", bit, packed->len);
        assert_int_equal(out.len, 0);
        packed->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void stays_in_its_room(void **state)
{
    static const struct setting linux_xz = {3, 0, 2, true, LZMA_CHECK_CRC32};
    g_autofree uint8_t *program = make_program(70000);
    g_autoptr(GByteArray) packed = pack(&linux_xz, program, 70000);

    for (size_t room = 69990; room <= 70000; room++) {
        g_autofree uint8_t *exact = g_malloc(room);
        struct blob out = {.data = exact, .reserved = room};

        assert_int_equal(unpack(packed, packed->len, &out), room == 70000);
    }
}

/* A chunk that promises 2 MiB out of a few bytes: zeros unpack to literals for as long as there are
 * any. */
static void stays_in_its_input(void **state)
{
    static const uint8_t chunk[] = {0xff, 0xff, 0xff, 0x00, 0x09, 0x5d};
    const size_t len = sizeof(chunk) + 10 + LZMA2_TAIL;
    g_autofree uint8_t *in = g_malloc0(len);
    size_t used, unpacked;
    autoblob out = {0};

    memcpy(in, chunk, sizeof(chunk));
    assert_true(blob_reserve(&out, ROOM, NULL));
    assert_false(lzma2_unpack(in, len, &used, out.data, out.reserved, &unpacked));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_liblzma),
        cmocka_unit_test(takes_only_what_is_whole),
        cmocka_unit_test(stays_in_its_room),
        cmocka_unit_test(stays_in_its_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
