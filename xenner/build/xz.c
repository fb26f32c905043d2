#include "xenner/build/xz.h"
#include "xenner/build/lzma2.h"
#include "xenner/build/x86_filter.h"

#include <lzma.h>
#include <string.h>
#include <zlib.h>

#define CHECK_SIZE 4u /* CRC32 */

/* Where the parts are: header of the file, header of the block, data, check, index, footer. */
struct parts {
    lzma_stream_flags flags;
    lzma_block block;
    bool x86;
    size_t data;
};

static bool right_filters(const lzma_filter *f, bool *ret_x86)
{
    const lzma_options_bcj *x86 = f[0].options;

    *ret_x86 = f[0].id == LZMA_FILTER_X86;
    if (*ret_x86 && x86 && x86->start_offset)
        return false;
    f += *ret_x86 ? 1 : 0;
    return f[0].id == LZMA_FILTER_LZMA2 && f[1].id == LZMA_VLI_UNKNOWN;
}

static bool read_headers(const uint8_t *in, size_t len, struct parts *ret)
{
    lzma_filter filters[LZMA_FILTERS_MAX + 1];
    lzma_block *b = &ret->block;
    bool ok;

    if (len <= LZMA_STREAM_HEADER_SIZE || lzma_stream_header_decode(&ret->flags, in) != LZMA_OK ||
        ret->flags.check != LZMA_CHECK_CRC32 || in[LZMA_STREAM_HEADER_SIZE] == 0)
        return false;
    *b = (lzma_block){.version = 1, .check = ret->flags.check, .filters = filters};
    b->header_size = lzma_block_header_size_decode(in[LZMA_STREAM_HEADER_SIZE]);
    if (len - LZMA_STREAM_HEADER_SIZE < b->header_size ||
        lzma_block_header_decode(b, NULL, in + LZMA_STREAM_HEADER_SIZE) != LZMA_OK)
        return false;
    ok = right_filters(filters, &ret->x86);
    lzma_filters_free(filters, NULL);
    ret->data = LZMA_STREAM_HEADER_SIZE + b->header_size;
    return ok;
}

/* The index and the footer behind it agree with the one block that was there. */
static bool check_end(const uint8_t *in, size_t len, size_t pos, const struct parts *parts,
                      uint64_t unpacked)
{
    uint64_t memory = UINT64_C(1) << 20;
    lzma_stream_flags footer;
    lzma_index *index = NULL;
    bool ok;

    if (lzma_index_buffer_decode(&index, &memory, NULL, in, &pos, len) != LZMA_OK)
        return false;
    ok = lzma_index_block_count(index) == 1 && lzma_index_uncompressed_size(index) == unpacked &&
         lzma_index_total_size(index) + LZMA_STREAM_HEADER_SIZE + lzma_index_size(index) == pos &&
         len - pos >= LZMA_STREAM_HEADER_SIZE &&
         lzma_stream_footer_decode(&footer, in + pos) == LZMA_OK &&
         footer.backward_size == lzma_index_size(index) &&
         lzma_stream_flags_compare(&parts->flags, &footer) == LZMA_OK;
    lzma_index_end(index, NULL);
    return ok;
}

bool xz_unpack_kernel(const uint8_t *in, size_t len, struct blob *out)
{
    struct parts parts;
    size_t packed, unpacked;
    uint32_t check;

    if (!read_headers(in, len, &parts) || !lzma2_unpack(in + parts.data, len - parts.data, &packed,
                                                        out->data, out->reserved, &unpacked))
        return false;
    const lzma_block *b = &parts.block;
    if ((b->compressed_size != LZMA_VLI_UNKNOWN && b->compressed_size != packed) ||
        (b->uncompressed_size != LZMA_VLI_UNKNOWN && b->uncompressed_size != unpacked))
        return false;
    size_t pos = parts.data + packed;
    for (; pos % 4; pos++) {
        if (in[pos])
            return false;
    }
    if (parts.x86)
        x86_unfilter(out->data, unpacked);
    memcpy(&check, in + pos, CHECK_SIZE); /* lzma2_unpack() left LZMA2_TAIL bytes */
    if (GUINT32_FROM_LE(check) != crc32_z(0, out->data, unpacked) ||
        !check_end(in, len, pos + CHECK_SIZE, &parts, unpacked))
        return false;
    out->len = unpacked;
    return true;
}
