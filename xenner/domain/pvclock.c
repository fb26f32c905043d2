#include "xenner/domain/pvclock.h"

/*
 * The shift brings the frequency to (1 GHz, 2 GHz], so that mul, a fraction of 2^32, keeps at least 31
 * significant bits.
 */
void pvclock_scale(uint64_t tsc_hz, uint32_t *ret_mul, int32_t *ret_shift)
{
    const uint64_t ns = 1000000000;
    int32_t shift = 0;

    while (tsc_hz > 2 * ns) {
        tsc_hz >>= 1;
        shift--;
    }
    while (tsc_hz <= ns) {
        tsc_hz <<= 1;
        shift++;
    }
    *ret_mul = (uint32_t)(((unsigned __int128)ns << 32) / tsc_hz);
    *ret_shift = shift;
}
