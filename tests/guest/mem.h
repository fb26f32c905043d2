/* Pages and page tables of the test kernel. */
#pragma once

#include "guest.h"

#ifdef __x86_64__
#define PT_LEVELS 4
#else
#define PT_LEVELS 3
#endif

#define PTE_P    0x001ul
#define PTE_RW   0x002ul
#define PTE_US   0x004ul
#define PTE_A    0x020ul
#define PTE_D    0x040ul
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull
#define KERNEL_RW (PTE_P | PTE_RW | PTE_A | PTE_D)
#define KERNEL_RO (PTE_P | PTE_A)

#define M2P ((unsigned long *)HYPERVISOR_VIRT_START)

/* A zeroed page; they are never given back (there are enough, and it ends the run if not). */
void *page_alloc(void);
unsigned long pfn_of(const void *va);
unsigned long mfn_of(const void *va);
/* Of a frame that the builder mapped. */
void *va_of_mfn(unsigned long mfn);
/* The entry of this level (1: the page's own) that maps va on the first page tables, or NULL. */
uint64_t *pte_of(unsigned long va, unsigned level);
uint64_t maddr_of(const void *p);
/* update_va_mapping, whose entry takes two registers in 32-bit kernels. */
long update_va(const void *va, uint64_t pte, unsigned long flags);
static inline uint64_t pte_make(unsigned long mfn, uint64_t flags)
{
    return (uint64_t)mfn << PAGE_SHIFT | flags;
}
/* Changes the mapping of a page of ours; ends the run on an error. */
void remap(const void *va, uint64_t flags);
long mmu_write(uint64_t *entry, uint64_t val);
long mmuext(unsigned cmd, unsigned long arg1, unsigned long arg2);
unsigned long root_mfn(void);
#ifdef __x86_64__
/* Makes the page at va (below 4 MiB, one user tree) belong to page, also in the user's own L4. */
void map_user(uint64_t va, const void *page, uint64_t flags);
#endif
