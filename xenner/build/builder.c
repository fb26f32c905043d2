#include "xenner/build/builder.h"
#include "xenner/build/bzimage.h"
#include "xenner/build/decompress.h"
#include "xenner/build/elf_symbols.h"
#include "xenner/build/error.h"
#include "xenner/build/image.h"
#include "xenner/build/kernel_cache.h"
#include "xenner/build/layout.h"
#include "xenner/build/pgtable.h"
#include "xenner/build/start_info.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xen/xen.h>

#define MAX_KERNEL_FILE (512u << 20)
#define MAX_KERNEL      (1u << 30)
/* vmlinuz.gz > bzImage > xz > ELF, and one to spare */
#define MAX_WRAPPERS    4
#define WORTH_KEEPING   (1u << 20)

/* A build on its way: what its steps share. */
struct build {
    const struct build_params *params;
    struct pfn_space space;
    struct kernel_image image;
    struct layout layout;
    int initrd_fd; /* -1: none */
    uint64_t initrd_bytes;
};

/* As decompress(), or from where it was kept; small and quickly unpacked ones are not. */
static bool unpack_once(const char *cache_dir, const uint8_t *data, size_t len, struct blob *ret,
                        GError **error)
{
    g_autofree char *key = NULL;

    if (!cache_dir || len < WORTH_KEEPING || decompress_is_quick(data, len))
        return decompress(data, len, MAX_KERNEL, ret, error);
    if (kernel_cache_get(cache_dir, data, len, MAX_KERNEL, ret, &key))
        return true;
    if (!decompress(data, len, MAX_KERNEL, ret, error))
        return false;
    if (elf_probe(ret->data, ret->len))
        kernel_cache_put(cache_dir, key, ret);
    return true;
}

/* Takes off whatever is around the ELF file. *store owns the bytes of *data once they are unpacked. */
static bool unwrap_kernel(const char *cache_dir, const uint8_t **data, size_t *len,
                          struct blob *store, GError **error)
{
    for (unsigned i = 0; i < MAX_WRAPPERS && !elf_probe(*data, *len); i++) {
        struct blob inner = {0};

        if (bzimage_probe(*data, *len)) {
            if (!bzimage_payload(*data, *len, data, len, error))
                return false;
            continue;
        }
        if (!decompress_format(*data, *len))
            break;
        if (!unpack_once(cache_dir, *data, *len, &inner, error))
            return false;
        blob_clear(store);
        *store = inner;
        *data = inner.data;
        *len = inner.len;
    }
    if (elf_probe(*data, *len))
        return true;
    return build_fail(error, "neither an ELF file nor a bzImage, nor compressed in a known way");
}

static bool plan(struct build *b, GError **error)
{
    struct layout_request req = {
        .is32 = !b->image.elf.is64,
        .nr_pages = b->params->nr_pages,
        .virt_base = b->image.virt_base,
        .kernel_start = b->image.start,
        .kernel_end = b->image.end,
        .initrd_bytes = b->initrd_bytes,
        .initrd_by_pfn = b->image.notes.mod_start_pfn,
        .separate_p2m = b->image.separate_p2m,
        .p2m_va = b->image.notes.init_p2m,
    };

    return layout_plan(&req, &b->layout, error);
}

/* Straight from the file into the guest. */
static bool load_initrd(struct build *b, GError **error)
{
    uint64_t start = b->layout.initrd.first.v << FRAME_SHIFT, done = 0;

    while (done < b->initrd_bytes) {
        uint64_t want;
        uint8_t *dst = pfn_run(&b->space, start + done, b->initrd_bytes - done, &want);
        ssize_t n = pread(b->initrd_fd, dst, want, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return build_fail(error, "could not read initrd '%s': %s", b->params->initrd_path,
                              g_strerror(errno));
        if (n == 0)
            return build_fail(error, "initrd '%s': the file shrank while it was read",
                              b->params->initrd_path);
        done += (uint64_t)n;
    }
    return true;
}

static void build_tables(struct build *b)
{
    const struct layout *l = &b->layout;
    struct pgtable pt;

    pgtable_init(&pt, &b->space, !b->image.elf.is64, l->tables);
    pgtable_map(&pt, l->virt_base, l->virt_end, pfn(0));
    if (b->image.separate_p2m) {
        pgtable_add_pool(&pt, l->p2m_tables);
        pgtable_map(&pt, l->p2m_va, l->p2m_va + (l->p2m.count << FRAME_SHIFT), l->p2m.first);
    }
}

static void write_start_info(struct build *b)
{
    const struct layout *l = &b->layout;
    const struct build_params *p = b->params;
    bool by_pfn = b->initrd_bytes && b->image.notes.mod_start_pfn;
    struct start_info_values v = {
        .nr_pages = p->nr_pages,
        .shared_info_maddr = mfn_to_gpa(pfn_to_mfn(&b->space, pfn(p->nr_pages))),
        .flags = by_pfn ? SIF_MOD_START_PFN : 0,
        .store_ring = p->store_port ? pfn_to_mfn(&b->space, l->store_ring) : mfn(0),
        .store_port = p->store_port,
        .console_ring = pfn_to_mfn(&b->space, l->console_ring),
        .console_port = p->console_port,
        .pt_base = layout_va(l, l->tables.first),
        .nr_pt_frames = l->tables.count,
        .mfn_list = l->p2m_va,
        .mod_bytes = b->initrd_bytes,
        .cmdline = p->cmdline,
    };

    if (b->initrd_bytes)
        v.mod_start = by_pfn ? l->initrd.first.v : layout_va(l, l->initrd.first);
    if (b->image.separate_p2m) {
        v.first_p2m_pfn = l->p2m.first.v;
        v.nr_p2m_frames = l->p2m.count + l->p2m_tables.count;
    }
    start_info_write(pfn_ptr(&b->space, l->start_info), !b->image.elf.is64, &v);
}

static void describe(const struct build *b, struct dom_image *ret)
{
    const struct kernel_image *img = &b->image;
    const struct layout *l = &b->layout;

    *ret = (struct dom_image){
        .pae32 = !img->elf.is64,
        .suspend_cancel = img->notes.suspend_cancel,
        .virt_base = l->virt_base,
        .virt_end = l->virt_end,
        .entry = img->entry,
        .stack = layout_va(l, l->stack) + FRAME_SIZE,
        .start_info_va = layout_va(l, l->start_info),
        .hypercall_page_va = img->hypercall_page,
        .start_info = pfn_to_mfn(&b->space, l->start_info),
        .shared_info = pfn_to_mfn(&b->space, pfn(b->params->nr_pages)),
        .console_ring = pfn_to_mfn(&b->space, l->console_ring),
        .store_ring = pfn_to_mfn(&b->space, l->store_ring),
        .root_table = pfn_to_mfn(&b->space, l->tables.first),
        .first_table = l->tables.first,
        .nr_tables = l->tables.count,
        .nr_pages = b->params->nr_pages,
        .symbols = elf_symbols(&img->elf),
    };
    g_strlcpy(ret->guest_os, img->notes.guest_os, sizeof(ret->guest_os));
    if (img->hypercall_page) {
        uint64_t p = (img->hypercall_page - l->virt_base) >> FRAME_SHIFT;

        ret->hypercall_page = pfn_to_mfn(&b->space, pfn(p));
    }
}

/* The kernel's bytes and what they say; errors come without the file's name. */
static bool plan_kernel(struct build *b, const uint8_t *kernel, size_t len, struct blob *store,
                        GError **error)
{
    return unwrap_kernel(b->params->cache_dir, &kernel, &len, store, error) &&
           image_open(&b->image, kernel, len, error) && plan(b, error);
}

static bool fill_guest(struct build *b, const uint8_t *kernel, size_t len, struct dom_image *ret,
                       GError **error)
{
    autoblob store = {0};

    if (!plan_kernel(b, kernel, len, &store, error)) {
        g_prefix_error(error, "kernel '%s': ", b->params->kernel_path);
        return false;
    }
    image_load(&b->image, &b->space);
    if (!load_initrd(b, error))
        return false;
    p2m_write(&b->space, b->layout.p2m, !b->image.elf.is64);
    build_tables(b);
    write_start_info(b);
    shared_info_init(pfn_ptr(&b->space, pfn(b->params->nr_pages)), !b->image.elf.is64);
    describe(b, ret);
    return true;
}

bool build_domain_from_bytes(struct guest_mem *mem, const struct build_params *p,
                             const uint8_t *kernel, size_t len, struct dom_image *ret,
                             GError **error)
{
    struct build b = {.params = p, .initrd_fd = -1};
    bool ok;

    if (!pfn_space_init(&b.space, mem, p->first_mfn, p->nr_pages, error) ||
        !start_info_check(p->cmdline, error))
        return false;
    if (p->initrd_path) {
        b.initrd_fd = p->initrd_fd ? blob_use_fd(p->initrd_fd, p->initrd_path, "initrd",
                                                 &b.initrd_bytes, error)
                                   : blob_open_file(p->initrd_path, "initrd", &b.initrd_bytes, error);
        if (b.initrd_fd < 0)
            return false;
    }
    ok = fill_guest(&b, kernel, len, ret, error);
    if (b.initrd_fd >= 0)
        close(b.initrd_fd);
    return ok;
}

bool build_domain(struct guest_mem *mem, const struct build_params *p, struct dom_image *ret,
                  GError **error)
{
    autoblob file = {0};

    return blob_read_file(p->kernel_path, p->kernel_fd, "kernel", MAX_KERNEL_FILE, &file, error) &&
           build_domain_from_bytes(mem, p, file.data, file.len, ret, error);
}

void dom_image_clear(struct dom_image *img)
{
    if (img->symbols)
        g_array_unref(img->symbols);
    memset(img, 0, sizeof(*img));
}

bool build_kernel_is_pvh_only(const char *path, GError **ret_why)
{
    autoblob file = {0}, store = {0};
    g_autoptr(GError) error = NULL;
    struct kernel_image image;

    if (!blob_read_file(path, 0, "kernel", MAX_KERNEL_FILE, &file, NULL))
        return false;
    const uint8_t *kernel = file.data;
    size_t len = file.len;
    if (!unwrap_kernel(NULL, &kernel, &len, &store, NULL) || image_open(&image, kernel, len, &error) ||
        !g_error_matches(error, BUILD_ERROR, BUILD_ERROR_PVH_ONLY))
        return false;
    g_propagate_prefixed_error(ret_why, g_steal_pointer(&error), "kernel '%s': ", path);
    return true;
}
