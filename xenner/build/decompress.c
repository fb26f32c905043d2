#include "xenner/build/decompress.h"
#include "xenner/build/error.h"

#define ZLIB_CONST /* its input is const only then */

#include <bzlib.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* A real kernel shrinks to a tenth at best; whatever grows more than this is a bomb. */
#define MAX_GROWTH       256u
#define MIN_ROOM         (64u << 20)
#define LZMA_MEM_MAX     (256ull << 20) /* dictionary; Linux's own xz payloads use 128 MiB at most */
#define LZ4_LEGACY_MAGIC 0x184c2102u
#define LZ4_LEGACY_BLOCK (8u << 20) /* what one block unpacks to, at most */

enum unpack_result { UNPACK_OK, UNPACK_TRUNCATED, UNPACK_DAMAGED, UNPACK_TOO_LARGE, UNPACK_MEMORY };

static enum unpack_result unpack_gzip(const uint8_t *in, size_t len, struct blob *out)
{
    z_stream z = {.next_in = in, .avail_in = (uInt)len};
    int rc;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return UNPACK_MEMORY;
    z.next_out = out->data;
    z.avail_out = (uInt)out->reserved;
    rc = inflate(&z, Z_FINISH);
    out->len = out->reserved - z.avail_out;
    inflateEnd(&z);
    if (rc == Z_STREAM_END)
        return UNPACK_OK;
    if (rc == Z_MEM_ERROR)
        return UNPACK_MEMORY;
    if (rc != Z_OK && rc != Z_BUF_ERROR)
        return UNPACK_DAMAGED;
    return z.avail_out ? UNPACK_TRUNCATED : UNPACK_TOO_LARGE;
}

static enum unpack_result unpack_bzip2(const uint8_t *in, size_t len, struct blob *out)
{
    bz_stream z = {0};
    int rc;

    if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
        return UNPACK_MEMORY;
    z.next_in = (char *)in; /* not const in its header, but never written to */
    z.avail_in = (unsigned)len;
    z.next_out = (char *)out->data;
    z.avail_out = (unsigned)out->reserved;
    do
        rc = BZ2_bzDecompress(&z);
    while (rc == BZ_OK && z.avail_in && z.avail_out);
    out->len = out->reserved - z.avail_out;
    BZ2_bzDecompressEnd(&z);
    if (rc == BZ_STREAM_END)
        return UNPACK_OK;
    if (rc == BZ_MEM_ERROR)
        return UNPACK_MEMORY;
    if (rc != BZ_OK)
        return UNPACK_DAMAGED;
    return z.avail_out ? UNPACK_TRUNCATED : UNPACK_TOO_LARGE;
}

static enum unpack_result run_lzma(lzma_stream *z, const uint8_t *in, size_t len, struct blob *out)
{
    lzma_ret rc;

    z->next_in = in;
    z->avail_in = len;
    z->next_out = out->data;
    z->avail_out = out->reserved;
    do
        rc = lzma_code(z, LZMA_FINISH);
    while (rc == LZMA_OK);
    out->len = out->reserved - z->avail_out;
    lzma_end(z);
    switch (rc) {
    case LZMA_STREAM_END:
        return UNPACK_OK;
    case LZMA_BUF_ERROR:
        return z->avail_out ? UNPACK_TRUNCATED : UNPACK_TOO_LARGE;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return UNPACK_MEMORY;
    default:
        return UNPACK_DAMAGED;
    }
}

static enum unpack_result unpack_xz(const uint8_t *in, size_t len, struct blob *out)
{
    lzma_stream z = LZMA_STREAM_INIT;

    if (lzma_stream_decoder(&z, LZMA_MEM_MAX, 0) != LZMA_OK)
        return UNPACK_MEMORY;
    return run_lzma(&z, in, len, out);
}

static enum unpack_result unpack_lzma(const uint8_t *in, size_t len, struct blob *out)
{
    lzma_stream z = LZMA_STREAM_INIT;

    if (lzma_alone_decoder(&z, LZMA_MEM_MAX) != LZMA_OK)
        return UNPACK_MEMORY;
    return run_lzma(&z, in, len, out);
}

/* Blocks with their packed size in front, until the data ends; there is no end mark. */
static enum unpack_result unpack_lz4_legacy(const uint8_t *in, size_t len, struct blob *out)
{
    size_t pos = 4;

    while (len - pos > 4) {
        size_t room = MIN(out->reserved - out->len, LZ4_LEGACY_BLOCK);
        uint32_t packed;
        int n;

        memcpy(&packed, in + pos, sizeof(packed));
        pos += 4;
        if (packed == LZ4_LEGACY_MAGIC)
            continue;
        if (packed > len - pos)
            return UNPACK_TRUNCATED;
        n = LZ4_decompress_safe((const char *)in + pos, (char *)out->data + out->len, (int)packed,
                                (int)room);
        if (n < 0)
            return room < LZ4_LEGACY_BLOCK ? UNPACK_TOO_LARGE : UNPACK_DAMAGED;
        out->len += (size_t)n;
        pos += packed;
    }
    /* What is left is nothing, or the unpacked size that Linux appends. */
    return len - pos == 0 || len - pos == 4 ? UNPACK_OK : UNPACK_TRUNCATED;
}

static enum unpack_result unpack_lz4(const uint8_t *in, size_t len, struct blob *out)
{
    enum unpack_result result = UNPACK_TRUNCATED;
    LZ4F_dctx *ctx;
    size_t pos = 0;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return UNPACK_MEMORY;
    while (pos < len) {
        size_t room = out->reserved - out->len, n = len - pos;
        size_t rc = LZ4F_decompress(ctx, out->data + out->len, &room, in + pos, &n, NULL);

        out->len += room;
        pos += n;
        if (rc == 0 || LZ4F_isError(rc)) {
            result = rc == 0 ? UNPACK_OK : UNPACK_DAMAGED;
            break;
        }
        if (out->len == out->reserved) {
            result = UNPACK_TOO_LARGE;
            break;
        }
        if (n == 0 && room == 0)
            break;
    }
    LZ4F_freeDecompressionContext(ctx);
    return result;
}

static enum unpack_result unpack_zstd(const uint8_t *in, size_t len, struct blob *out)
{
    /* Without what follows the frame, so that it is unpacked in one go, straight to its place. */
    size_t frame = ZSTD_findFrameCompressedSize(in, len);
    size_t n = ZSTD_isError(frame) ? frame : ZSTD_decompress(out->data, out->reserved, in, frame);

    if (!ZSTD_isError(n)) {
        out->len = n;
        return UNPACK_OK;
    }
    switch (ZSTD_getErrorCode(n)) {
    case ZSTD_error_srcSize_wrong:
        return UNPACK_TRUNCATED;
    case ZSTD_error_dstSize_tooSmall:
        return UNPACK_TOO_LARGE;
    case ZSTD_error_memory_allocation:
        return UNPACK_MEMORY;
    default:
        return UNPACK_DAMAGED;
    }
}

static const struct unpacker {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_len;
    bool quick;
    enum unpack_result (*run)(const uint8_t *in, size_t len, struct blob *out);
} unpackers[] = {
    {"gzip", {0x1f, 0x8b, 0x08}, 3, false, unpack_gzip},
    {"bzip2", {'B', 'Z', 'h'}, 3, false, unpack_bzip2},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, false, unpack_xz},
    {"lzma", {0x5d, 0, 0}, 3, false, unpack_lzma},
    {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, true, unpack_lz4_legacy},
    {"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, true, unpack_lz4},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, true, unpack_zstd},
};

static const struct unpacker *unpacker_for(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(unpackers); i++) {
        const struct unpacker *u = &unpackers[i];

        if (len >= u->magic_len && memcmp(data, u->magic, u->magic_len) == 0)
            return u;
    }
    return NULL;
}

const char *decompress_format(const uint8_t *data, size_t len)
{
    const struct unpacker *u = unpacker_for(data, len);

    return u ? u->name : NULL;
}

bool decompress_is_quick(const uint8_t *data, size_t len)
{
    const struct unpacker *u = unpacker_for(data, len);

    return u && u->quick;
}

bool decompress(const uint8_t *data, size_t len, size_t max_out, struct blob *ret, GError **error)
{
    const struct unpacker *u = unpacker_for(data, len);
    autoblob out = {0};

    if (!u)
        return build_fail(error, "not compressed in a format that is known");
    if (len <= max_out / MAX_GROWTH)
        max_out = MIN(max_out, MAX(len * MAX_GROWTH, MIN_ROOM));
    if (!blob_reserve(&out, max_out, error))
        return false;
    switch (u->run(data, len, &out)) {
    case UNPACK_OK:
        break;
    case UNPACK_TRUNCATED:
        return build_fail(error, "truncated %s data", u->name);
    case UNPACK_DAMAGED:
        return build_fail(error, "damaged %s data", u->name);
    case UNPACK_TOO_LARGE:
        return build_fail(error, "%s data of %zu bytes expands to more than %zu MiB", u->name, len,
                          max_out >> 20);
    case UNPACK_MEMORY:
        return build_fail(error, "%s data needs too much memory to unpack", u->name);
    }
    *ret = out;
    out = (struct blob){0};
    return true;
}
