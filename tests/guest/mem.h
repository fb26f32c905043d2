/* Pages and page tables of the test kernel. */
#pragma once

#include "guest.h"

#define PTE_P    0x001ul
#define PTE_RW   0x002ul
#define PTE_US   0x004ul
#define PTE_A    0x020ul
#define PTE_D    0x040ul
#define PTE_NX   (1ul << 63)
#define PTE_ADDR 0x000ffffffffff000ul
#define KERNEL_RW (PTE_P | PTE_RW | PTE_A | PTE_D)
#define KERNEL_RO (PTE_P | PTE_A)

#define M2P ((uint64_t *)0xffff800000000000)

/* A zeroed page; they are never given back (there are enough, and it ends the run if not). */
void *page_alloc(void);
uint64_t pfn_of(const void *va);
uint64_t mfn_of(const void *va);
/* Of a frame that the builder mapped. */
void *va_of_mfn(uint64_t mfn);
/* The entry of this level (1: the page's own) that maps va on the first page tables, or NULL. */
uint64_t *pte_of(uint64_t va, unsigned level);
uint64_t maddr_of(const void *p);
/* Changes the mapping of a page of ours; ends the run on an error. */
void remap(const void *va, uint64_t flags);
long mmu_write(uint64_t *entry, uint64_t val);
long mmuext(unsigned cmd, uint64_t arg1, uint64_t arg2);
uint64_t root_mfn(void);
/* Makes the page at va (below 4 MiB, one user tree) belong to page, also in the user's own L4. */
void map_user(uint64_t va, const void *page, uint64_t flags);
