#include "xenner/build/x86_filter.h"

#include <string.h>

/* The first e8 or e9 from i on that has four bytes behind it, or len. */
static size_t find_call(const uint8_t *data, size_t i, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    for (; len - i >= 12; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, sizeof(word));
        word = (word & ones * 0xfe) ^ ones * 0xe8; /* has a byte of 0 where the call is */
        word = (word - ones) & ~word & ones * 0x80;
        if (word)
            return i + (unsigned)__builtin_ctzll(word) / 8;
    }
    for (; len - i > 4; i++) {
        if ((data[i] & 0xfe) == 0xe8)
            return i;
    }
    return len;
}

static bool is_near(uint8_t high)
{
    return high == 0 || high == 0xff;
}

/*
 * The filter takes e8 and e9 for calls and jumps when the highest byte of the 32-bit target says
 * that it is within 16 MiB, and no byte of the target looks like another one's start. `recent` has
 * a bit for each of the three bytes before that was e8 or e9: bit 0 is the nearest.
 */
void x86_unfilter(uint8_t *data, size_t len)
{
    /* how many bytes back the farthest in `recent` is */
    static const uint8_t back[8] = {0, 1, 2, 2, 3, 3, 3, 3};
    unsigned recent = 0;
    size_t last = SIZE_MAX;

    for (size_t i = find_call(data, 0, len); i < len; i = find_call(data, i, len)) {
        size_t gap = i - last;
        recent = gap > 3 ? 0 : recent << (gap - 1) & 7;
        last = i;
        bool taken = recent && (recent == 3 || recent > 4 || is_near(data[i + 4 - back[recent]]));
        if (taken || !is_near(data[i + 4])) {
            recent = (recent << 1 & 7) | 1;
            i++;
            continue;
        }
        uint32_t target, from;
        memcpy(&from, data + i + 1, sizeof(from));
        for (;;) {
            target = from - (uint32_t)(i + 5);
            if (!recent || !is_near((uint8_t)(target >> (24 - 8 * back[recent]))))
                break;
            from = target ^ ((1u << (32 - 8 * back[recent])) - 1);
        }
        target = (target & 0xffffff) | (target >> 24 & 1 ? 0xff000000u : 0);
        memcpy(data + i + 1, &target, sizeof(target));
        i += 5;
    }
}
