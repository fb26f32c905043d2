/*
 * The domain builder: reads a kernel and an initrd, lays the guest out in its RAM exactly as Xen's
 * public headers promise (xen.h, "start of day", elfnote.h), and says where the first vCPU starts.
 * Nothing runs yet; nothing of the host's emulation is touched.
 *
 * The builder owns the guest's frames: pfn i is layout.frames in ascending order. Frames below
 * first_mfn (emu's own and the low megabyte) are not the guest's.
 */
#pragma once

#include "xenner/util/frames.h"
#include "xenner/util/guest_mem.h"

#include <glib.h>

/* What the builder is told. */
struct build_params {
    const char *kernel_path;
    const char *initrd_path; /* NULL: none */
    int kernel_fd, initrd_fd; /* they are open already, borrowed; 0: not */
    const char *cache_dir;    /* of kernel_cache.h; NULL: unpack it each time */
    const char *cmdline;
    uint64_t nr_pages;   /* the guest's memory, frames */
    mfn_t first_mfn;     /* the guest's pfn 0; its frames go up from here, around the hole */
    uint32_t store_port; /* event channel for xenstore; 0: no xenstore */
    uint32_t console_port;
    unsigned nr_vcpus;
};

struct dom_symbol {
    uint64_t addr;
    char *name;
};

/* What it built. All virtual addresses are the guest's. */
struct dom_image {
    bool pae32;                   /* a 32-bit PAE guest; otherwise 64-bit */
    bool suspend_cancel;          /* notes that others may ask for later */
    char guest_os[32];            /* from the notes, printable, for messages */
    uint64_t virt_base, virt_end; /* mapped from pfn 0 on; virt_end is exclusive */
    uint64_t entry;               /* first instruction */
    uint64_t stack;               /* initial stack pointer */
    uint64_t start_info_va;
    uint64_t hypercall_page_va; /* 0 when the kernel names none */
    mfn_t hypercall_page;       /* valid when hypercall_page_va != 0 */
    mfn_t start_info;
    mfn_t shared_info;
    mfn_t console_ring;
    mfn_t store_ring;
    mfn_t root_table;  /* L4, or the PAE L3 */
    pfn_t first_table; /* the boot page tables: one run of frames */
    uint64_t nr_tables;
    uint64_t nr_pages;
    GArray *symbols; /* struct dom_symbol sorted by address, or NULL when the kernel has none */
};

/*
 * Fills mem and *ret. On failure *ret is untouched and the error is one line that names the file.
 * Never trusts a byte of the kernel: every size, offset and address is checked.
 *
 * mem must be zeroed: what a guest starts with as zero (bss, free memory) is not written, so that
 * it takes no memory of the host. It must hold one frame more than the guest has: shared_info is
 * the machine frame of pfn nr_pages, which is not the guest's.
 */
bool build_domain(struct guest_mem *mem, const struct build_params *p, struct dom_image *ret,
                  GError **error);
/* The same with the kernel file's bytes; kernel_path is only its name in errors. */
bool build_domain_from_bytes(struct guest_mem *mem, const struct build_params *p,
                             const uint8_t *kernel, size_t len, struct dom_image *ret,
                             GError **error);
/* Frees what ret owns, not ret; accepts a zeroed struct. */
void dom_image_clear(struct dom_image *img);

/* pfn -> mfn as the builder lays guests out: linear from first, jumping over the hole. */
mfn_t build_pfn_to_mfn(mfn_t first, pfn_t p);
/*
 * Whether this kernel can't be a PV guest's because it is for PVH only; the error is a line that says so. The file may
 * be anything.
 */
bool build_kernel_is_pvh_only(const char *path, GError **ret_why);
