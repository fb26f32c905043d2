/* The numbers of struct vcpu_time_info (xen.h): ns = ((tsc << shift) * mul) >> 32. */
#pragma once

#include <stdint.h>

void pvclock_scale(uint64_t tsc_hz, uint32_t *ret_mul, int32_t *ret_shift);
