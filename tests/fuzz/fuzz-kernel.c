/*
 * Any bytes as the kernel of a 64 MiB guest: the builder must end with a guest or with one line of
 * error.
 */
#include "fuzz.h"
#include "tests/unit/kernel_maker.h"

#include "xenner/build/builder.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define PAGES     (64u << 8)
#define FIRST_MFN 0x200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct build_params params = {
        .kernel_path = "fuzz",
        .cmdline = "console=hvc0",
        .nr_pages = PAGES,
        .first_mfn = mfn(FIRST_MFN),
        .store_port = 1,
        .console_port = 2,
        .nr_vcpus = 1,
    };
    struct guest_mem *mem = guest_mem_new((uint64_t)(FIRST_MFN + PAGES + 1) << 12, 0, NULL);
    g_autoptr(GError) error = NULL;
    struct dom_image img = {0};

    if (!mem)
        abort();
    if (build_domain_from_bytes(mem, &params, data, size, &img, &error)) {
        /* What others build on. */
        if (error || !guest_frame(mem, img.root_table) || !guest_frame(mem, img.start_info) ||
            (img.hypercall_page_va && !guest_frame(mem, img.hypercall_page)) ||
            img.entry < img.virt_base || img.entry >= img.virt_end)
            abort();
    } else if (!error || strchr(error->message, '\n') || img.nr_pages) {
        abort();
    }
    dom_image_clear(&img);
    guest_mem_free(mem);
    return 0;
}

/* A kernel of each kind, small, bare and wrapped. */
void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    for (int i = 0; i < 4; i++) {
        g_autoptr(GByteArray) notes = g_byte_array_new();
        struct kernel_spec spec = i == 0 ? spec_like_linux(notes) : spec_like_pae(notes);
        g_autoptr(GByteArray) elf = NULL;
        g_autoptr(GByteArray) gz = NULL;
        g_autoptr(GByteArray) bz = NULL;
        g_autofree char *name = g_strdup_printf("kernel%d", i);
        g_autofree char *bz_name = g_strdup_printf("bzimage%d", i);

        for (unsigned s = 0; s < spec.nr_segments; s++)
            spec.segments[s].filesz = 32;
        spec.symbols[0] = (struct made_symbol){"start", 0xc0100000, STT_FUNC};
        spec.symbols[1] = (struct made_symbol){"end", 0xc0100010, STT_NOTYPE};
        spec.nr_symbols = 2;
        if (i == 2)
            spec.notes_by_section = true;
        if (i == 3) {
            spec.notes = NULL;
            spec.xen_guest = "XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,PAE=yes,HYPERCALL_PAGE=0x101,"
                             "VIRT_ENTRY=0xc0100000,FEATURES=dom0,LOADER=generic,BSD_SYMTAB";
        }
        elf = make_kernel(&spec);
        gz = make_gzip(elf->data, elf->len);
        bz = make_bzimage(gz->data, gz->len, 0x20f);
        add(opaque, name, elf->data, elf->len);
        add(opaque, bz_name, bz->data, bz->len);
    }
}
