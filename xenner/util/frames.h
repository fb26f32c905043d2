/*
 * The words for memory, as Xen's mm.h defines them. Each is a type of its own, so that the compiler
 * refuses a mix-up:
 *
 *   mfn  machine frame number: what page table entries hold. In xenner the "machine" is the VM, so a
 *        machine frame is a guest-physical frame of the VM, and gfn == mfn.
 *   pfn  the guest's own idea: 0 to nr_pages-1, without holes. The P2M maps pfn to mfn.
 *   maddr, gpa  byte addresses: mfn << 12 plus an offset.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_SHIFT 12
#define FRAME_SIZE  4096u

typedef struct {
    uint64_t v;
} mfn_t;

typedef struct {
    uint64_t v;
} pfn_t;

static inline mfn_t mfn(uint64_t v)
{
    return (mfn_t){v};
}

static inline pfn_t pfn(uint64_t v)
{
    return (pfn_t){v};
}

static inline uint64_t mfn_to_gpa(mfn_t m)
{
    return m.v << FRAME_SHIFT;
}

static inline mfn_t gpa_to_mfn(uint64_t gpa)
{
    return mfn(gpa >> FRAME_SHIFT);
}

/* Bytes to whole frames, rounded up. */
static inline uint64_t frames_up(uint64_t bytes)
{
    return (bytes >> FRAME_SHIFT) + ((bytes & (FRAME_SIZE - 1)) != 0);
}
