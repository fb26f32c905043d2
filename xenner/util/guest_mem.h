/*
 * The RAM of a VM: one unnamed file in memory, mapped once into this process and shared with whatever runs the
 * vCPUs. The guest-physical address space has a hole for devices below 4 GiB:
 *
 *   gpa [0, low)            file offset  [0, low)       low = min(size, GUEST_MEM_HOLE_START)
 *   gpa [4 GiB, 4 GiB + x)  file offset  [low, size)
 *
 * The guest can write to this memory at any time. Read a value once into a local, check the local,
 * use the local. Threads: guest_mem_new/free in the owner's thread; the rest from any thread.
 */
#pragma once

#include "xenner/util/frames.h"

#include <glib.h>

#define GUEST_MEM_HOLE_START 0xc0000000ull
#define GUEST_MEM_HOLE_END   0x100000000ull

struct guest_mem;

struct guest_range {
    uint64_t gpa;    /* bytes */
    uint64_t offset; /* bytes into the file */
    uint64_t bytes;
};

/*
 * bytes is rounded up to whole 2 MiB. tmpfs: where huge pages are (huge_tmpfs_open()), borrowed; 0: none. Fails with
 * a G_FILE_ERROR when the host has not the memory.
 */
struct guest_mem *guest_mem_new(uint64_t bytes, int tmpfs, GError **error);
/* Accepts NULL. */
void guest_mem_free(struct guest_mem *mem);

/* Borrowed: stays open for as long as the guest_mem lives; close-on-exec. */
int guest_mem_fd(const struct guest_mem *mem);
uint64_t guest_mem_bytes(const struct guest_mem *mem);
/* The one or two ranges that are RAM, in ascending order; returns how many. */
unsigned guest_mem_ranges(const struct guest_mem *mem, struct guest_range ret[2]);
/* One more than the highest machine frame that is RAM. */
uint64_t guest_mem_end_mfn(const struct guest_mem *mem);

/* A pointer to len bytes at gpa, or NULL when any of them is not RAM or they cross the hole. */
void *guest_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len);
/* The same for one whole frame. */
void *guest_frame(const struct guest_mem *mem, mfn_t frame);
