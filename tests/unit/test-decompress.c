/* decompress.c: every format goes there and back; what is cut off, damaged or a bomb is refused. */
#include "kernel_maker.h"

#include "xenner/build/decompress.h"

#include <bzlib.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#define ROOM (32u << 20)

static GByteArray *with_room(size_t len)
{
    GByteArray *a = g_byte_array_new();

    g_byte_array_set_size(a, (guint)(len + len / 8 + 4096));
    return a;
}

/*
 * Unpackers take memory for the largest block or dictionary that the header allows, before anything
 * else: the thousands of runs on small samples would spend their time on that alone.
 */
static bool is_small(size_t len)
{
    return len < 65536;
}

static GByteArray *make_bzip2(const void *data, size_t len)
{
    GByteArray *a = with_room(len);
    unsigned n = a->len;

    assert_int_equal(
        BZ2_bzBuffToBuffCompress((char *)a->data, &n, (char *)data, (unsigned)len,
                                 is_small(len) ? 1 : 9, 0, 0),
        BZ_OK);
    g_byte_array_set_size(a, n);
    return a;
}

/* As Linux does it: x86 code filter, CRC32. */
static GByteArray *make_xz(const void *data, size_t len)
{
    GByteArray *a = with_room(len);
    lzma_options_lzma opt;
    lzma_filter filters[] = {
        {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &opt}, {LZMA_VLI_UNKNOWN, NULL}};
    size_t n = 0;

    assert_false(lzma_lzma_preset(&opt, 6));
    if (is_small(len))
        opt.dict_size = LZMA_DICT_SIZE_MIN;
    assert_int_equal(
        lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, data, len, a->data, &n, a->len),
        LZMA_OK);
    g_byte_array_set_size(a, (guint)n);
    return a;
}

static GByteArray *make_lzma(const void *data, size_t len)
{
    GByteArray *a = with_room(len);
    lzma_options_lzma opt;
    lzma_stream z = LZMA_STREAM_INIT;

    assert_false(lzma_lzma_preset(&opt, 6));
    if (is_small(len))
        opt.dict_size = LZMA_DICT_SIZE_MIN;
    assert_int_equal(lzma_alone_encoder(&z, &opt), LZMA_OK);
    z.next_in = data;
    z.avail_in = len;
    z.next_out = a->data;
    z.avail_out = a->len;
    assert_int_equal(lzma_code(&z, LZMA_FINISH), LZMA_STREAM_END);
    g_byte_array_set_size(a, (guint)z.total_out);
    lzma_end(&z);
    return a;
}

static GByteArray *make_lz4_legacy(const void *data, size_t len)
{
    static const uint8_t magic[] = {0x02, 0x21, 0x4c, 0x18};
    GByteArray *a = g_byte_array_new();

    g_byte_array_append(a, magic, sizeof(magic));
    for (size_t pos = 0; pos < len; pos += 8 << 20) {
        int n = (int)MIN(len - pos, 8u << 20);
        g_autofree char *block = g_malloc((gsize)LZ4_compressBound(n));
        int packed = LZ4_compress_default((const char *)data + pos, block, n, LZ4_compressBound(n));
        uint32_t size = (uint32_t)packed;

        g_byte_array_append(a, (const guint8 *)&size, sizeof(size));
        g_byte_array_append(a, (const guint8 *)block, size);
    }
    return a;
}

static GByteArray *make_lz4(const void *data, size_t len)
{
    const LZ4F_preferences_t prefs = {.frameInfo = {.contentChecksumFlag = 1}};
    GByteArray *a = g_byte_array_new();

    g_byte_array_set_size(a, (guint)LZ4F_compressFrameBound(len, &prefs));
    g_byte_array_set_size(a, (guint)LZ4F_compressFrame(a->data, a->len, data, len, &prefs));
    return a;
}

static GByteArray *make_zstd(const void *data, size_t len)
{
    GByteArray *a = g_byte_array_new();
    ZSTD_CCtx *ctx = ZSTD_createCCtx();

    ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
    g_byte_array_set_size(a, (guint)ZSTD_compressBound(len));
    g_byte_array_set_size(a, (guint)ZSTD_compress2(ctx, a->data, a->len, data, len));
    ZSTD_freeCCtx(ctx);
    return a;
}

static const struct format {
    const char *name;
    GByteArray *(*make)(const void *data, size_t len);
    bool checked; /* it carries a checksum */
} formats[] = {
    {"gzip", make_gzip, true},       {"bzip2", make_bzip2, true}, {"xz", make_xz, true},
    {"lzma", make_lzma, false},      {"lz4", make_lz4, true},     {"zstd", make_zstd, true},
    {"lz4", make_lz4_legacy, false},
};

/* Neither too regular nor noise, like a program. */
static uint8_t *make_sample(size_t len)
{
    uint8_t *p = g_malloc(len);
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1103515245 + 12345;
        p[i] = (x >> 16) % 5 ? (uint8_t)(i >> 4) : (uint8_t)(0xe8 + (x >> 30));
    }
    return p;
}

static void goes_there_and_back(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        /* more than one block; those of the old lz4 form are large */
        const size_t len = formats[i].make == make_lz4_legacy ? 9u << 20 : 1u << 20;
        g_autofree uint8_t *sample = make_sample(len);
        g_autoptr(GByteArray) packed = formats[i].make(sample, len);
        g_autoptr(GError) error = NULL;
        struct blob out = {0};

        assert_string_equal(decompress_format(packed->data, packed->len), formats[i].name);
        /* once as it is, once with the size that Linux appends */
        for (int size = 0; size < 2; size++) {
            assert_true(decompress(packed->data, packed->len, ROOM, &out, &error));
            assert_int_equal(out.len, len);
            assert_memory_equal(out.data, sample, len);
            blob_clear(&out);
            g_byte_array_append(packed, (const guint8 *)"\0\0\x90\0", 4);
        }
    }
}

static void refuses_every_truncation(void **state)
{
    const size_t len = 3000;
    g_autofree uint8_t *sample = make_sample(len);

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GByteArray) packed = formats[i].make(sample, len);

        for (size_t cut = 0; cut < packed->len; cut++) {
            g_autofree uint8_t *bytes = exact_copy(packed, cut);
            g_autoptr(GError) error = NULL;
            struct blob out = {0};

            /* The old lz4 form can't tell its end from a cut between two blocks. */
            if (formats[i].make == make_lz4_legacy && (cut == 4 || cut == 8))
                continue;
            if (decompress(bytes, cut, ROOM, &out, &error))
                fail_msg("%s: cut at %zu of %u passed", formats[i].name, cut, packed->len);
            assert_non_null(error);
        }
    }
}

static void notices_damage(void **state)
{
    const size_t len = 2000;
    g_autofree uint8_t *sample = make_sample(len);

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GByteArray) packed = formats[i].make(sample, len);

        for (size_t bit = 0; bit < packed->len * 8; bit += 3) {
            g_autofree uint8_t *bytes = exact_copy(packed, packed->len);
            struct blob out = {0};
            bool ok;

            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            ok = decompress(bytes, packed->len, ROOM, &out, NULL);
            /* Flags and times of a header are in no checksum; the content is. */
            if (ok && formats[i].checked && (out.len != len || memcmp(out.data, sample, len) != 0))
                fail_msg("%s: wrong data after flipping bit %zu", formats[i].name, bit);
            blob_clear(&out);
        }
    }
}

static void stops_at_the_limit(void **state)
{
    const size_t len = 1u << 20;
    g_autofree uint8_t *zeros = g_malloc0(len);

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GByteArray) packed = formats[i].make(zeros, len);
        g_autoptr(GError) error = NULL;
        struct blob out = {0};

        assert_false(decompress(packed->data, packed->len, len - 4096, &out, &error));
        assert_non_null(strstr(error->message, "expands to more than 0 MiB"));
        assert_null(out.data);
    }
}

/* 128 MiB of zeros in a few hundred kilobytes or less: far below the limit, but no kernel. */
static void refuses_bombs(void **state)
{
    const size_t len = 128u << 20;
    g_autofree uint8_t *zeros = g_malloc0(len);
    g_autoptr(GByteArray) packed = make_zstd(zeros, len);
    g_autoptr(GError) error = NULL;
    struct blob out = {0};

    assert_false(decompress(packed->data, packed->len, 1u << 30, &out, &error));
    assert_non_null(strstr(error->message, "expands to more than 64 MiB"));
}

static void knows_what_it_does_not_know(void **state)
{
    g_autoptr(GError) error = NULL;
    struct blob out = {0};

    assert_null(decompress_format((const uint8_t *)"\x89LZO", 4));
    assert_null(decompress_format((const uint8_t *)"", 0));
    assert_null(decompress_format((const uint8_t *)"\x1f\x8b", 2));
    assert_false(decompress((const uint8_t *)"text", 4, ROOM, &out, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_there_and_back), cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(notices_damage),      cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(refuses_bombs),       cmocka_unit_test(knows_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
