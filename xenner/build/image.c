#include "xenner/build/image.h"
#include "xenner/build/error.h"
#include "xenner/build/layout.h"

#include <inttypes.h>
#include <xen/xen.h>
#include <xen/elfnote.h>

/* Xen loads what has any access right at all. */
static bool is_loadable(const struct elf_segment *s)
{
    return s->type == PT_LOAD && (s->flags & (PF_R | PF_W | PF_X)) && s->memsz;
}

static bool overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->paddr < b->paddr + b->memsz && b->paddr < a->paddr + a->memsz;
}

/* Loading in any order must give the same memory. */
static bool check_overlaps(const struct elf_file *elf, unsigned i, GError **error)
{
    struct elf_segment s = elf_segment(elf, i);

    for (unsigned j = 0; j < i; j++) {
        struct elf_segment t = elf_segment(elf, j);

        if (is_loadable(&t) && overlap(&s, &t))
            return build_fail(error, "kernel segments %u and %u overlap", j, i);
    }
    return true;
}

/* The range of physical addresses that the segments cover. */
static bool find_range(const struct elf_file *elf, uint64_t *ret_start, uint64_t *ret_end,
                       GError **error)
{
    uint64_t start = UINT64_MAX, end = 0;

    for (unsigned i = 0; i < elf->phnum; i++) {
        struct elf_segment s = elf_segment(elf, i);
        uint64_t s_end;

        if (!is_loadable(&s))
            continue;
        if (s.filesz > s.memsz || __builtin_add_overflow(s.paddr, s.memsz, &s_end))
            return build_fail(error, "kernel segment %u has a broken size", i);
        if (!elf_bytes(elf, s.offset, s.filesz))
            return build_fail(error, "truncated ELF file: segment %u is missing", i);
        if (!check_overlaps(elf, i, error))
            return false;
        start = MIN(start, s.paddr);
        end = MAX(end, s_end);
    }
    if (start > end)
        return build_fail(error, "ELF file with nothing to load");
    *ret_start = start;
    *ret_end = end;
    return true;
}

static bool inside(const struct kernel_image *img, uint64_t va, uint64_t bytes)
{
    return va >= img->start && va < img->end && bytes <= img->end - va;
}

static bool check_hypercall_page(struct kernel_image *img, GError **error)
{
    uint64_t va = img->notes.hypercall_page;

    if (!xen_notes_has(&img->notes, XEN_ELFNOTE_HYPERCALL_PAGE))
        return true;
    if (img->notes.legacy) {
        /* A frame's number counted from virt_base (elfnote.h, HYPERCALL_PAGE). */
        if (va > UINT64_MAX >> FRAME_SHIFT ||
            __builtin_add_overflow(va << FRAME_SHIFT, img->virt_base, &va))
            return build_fail(error, "hypercall page number out of range");
    }
    if (va % FRAME_SIZE || !inside(img, va, FRAME_SIZE))
        return build_fail(error, "hypercall page at 0x%" PRIx64 " is not a page of the kernel", va);
    img->hypercall_page = va;
    return true;
}

static bool check_addresses(struct kernel_image *img, GError **error)
{
    const struct xen_notes *n = &img->notes;
    uint64_t hv_start = img->elf.is64 ? HYPERVISOR_VIRT_START : XEN_PAE_HV_START;

    if (img->virt_base % FRAME_SIZE)
        return build_fail(error, "VIRT_BASE 0x%" PRIx64 " is not a page's address", img->virt_base);
    if (!inside(img, img->entry, 1))
        return build_fail(error, "entry 0x%" PRIx64 " is outside the kernel", img->entry);
    if (xen_notes_has(n, XEN_ELFNOTE_HV_START_LOW) && n->hv_start_low > hv_start)
        return build_fail(error, "HV_START_LOW 0x%" PRIx64 " is above Xen's own start",
                          n->hv_start_low);
    img->separate_p2m = img->elf.is64 && xen_notes_has(n, XEN_ELFNOTE_INIT_P2M);
    if (img->separate_p2m && n->init_p2m % FRAME_SIZE)
        return build_fail(error, "INIT_P2M 0x%" PRIx64 " is not a page's address", n->init_p2m);
    return check_hypercall_page(img, error);
}

bool image_open(struct kernel_image *ret, const uint8_t *data, size_t len, GError **error)
{
    struct kernel_image img = {0};
    const struct xen_notes *n = &img.notes;
    uint64_t start = 0, end = 0;

    if (!elf_open(&img.elf, data, len, error) || !xen_notes_read(&img.elf, &img.notes, error) ||
        !find_range(&img.elf, &start, &end, error))
        return false;
    img.virt_base = n->virt_base; /* 0 when there is no such note */
    /* Today's default is 0, that of the legacy string is VIRT_BASE (elfnote.h, PADDR_OFFSET). */
    img.paddr_offset = n->paddr_offset;
    if (n->legacy && !xen_notes_has(n, XEN_ELFNOTE_PADDR_OFFSET))
        img.paddr_offset = n->virt_base;
    if (start < img.paddr_offset ||
        __builtin_add_overflow(start - img.paddr_offset, img.virt_base, &img.start) ||
        __builtin_add_overflow(end - img.paddr_offset, img.virt_base, &img.end))
        return build_fail(error, "kernel segments are outside the address space");
    img.entry = xen_notes_has(n, XEN_ELFNOTE_ENTRY) ? n->entry : img.elf.entry;
    if (!check_addresses(&img, error))
        return false;
    *ret = img;
    return true;
}

void image_load(const struct kernel_image *img, const struct pfn_space *space)
{
    for (unsigned i = 0; i < img->elf.phnum; i++) {
        struct elf_segment s = elf_segment(&img->elf, i);

        if (is_loadable(&s))
            pfn_write(space, s.paddr - img->paddr_offset, elf_bytes(&img->elf, s.offset, s.filesz),
                      s.filesz);
    }
}
