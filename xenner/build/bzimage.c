#include "xenner/build/bzimage.h"
#include "xenner/build/error.h"

#include <string.h>

/* The setup header, by its offsets in the file (boot.rst, "The Real-Mode Kernel Header"). */
#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250

#define SECTOR         512u

static uint32_t read_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

bool bzimage_probe(const uint8_t *data, size_t len)
{
    return len >= HEADER_MAGIC + 4 && memcmp(data + HEADER_MAGIC, "HdrS", 4) == 0;
}

bool bzimage_payload(const uint8_t *data, size_t len, const uint8_t **ret_payload, size_t *ret_len,
                     GError **error)
{
    /* 32 bits each, so that their sums can't overflow 64. */
    uint64_t start, offset, bytes;
    unsigned version, sects;

    if (len < HEADER_END)
        return build_fail(error, "truncated bzImage header");
    version = data[VERSION] | data[VERSION + 1] << 8;
    if (version < 0x208)
        return build_fail(error, "bzImage boot protocol %u.%02u is too old, 2.08 is needed",
                          version >> 8, version & 0xff);
    sects = data[SETUP_SECTS] ? data[SETUP_SECTS] : 4;
    offset = read_u32(data + PAYLOAD_OFFSET);
    bytes = read_u32(data + PAYLOAD_LENGTH);
    start = (sects + 1) * SECTOR + offset;
    if (offset == 0 || bytes == 0)
        return build_fail(error, "bzImage without a payload");
    if (start > len || bytes > len - start)
        return build_fail(error, "truncated bzImage payload");
    *ret_payload = data + start;
    *ret_len = bytes;
    return true;
}
