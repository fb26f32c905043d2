/* domain/emu_area.c: the plan of emu's memory, and the page tables that a vCPU starts with. */
#include "xenner/domain/emu_area.h"

#include "emu/emu_blob.h"

#include <elf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define RW  2ull
#define US  4ull
#define PS  0x80ull
#define NX  (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull

static const uint64_t sizes[] = {16 * MIB, 128 * MIB, 1 * GIB, 3 * GIB - 64 * MIB, 3 * GIB, 4 * GIB,
                                 64 * GIB, 4096 * GIB};

struct part {
    const char *name;
    uint64_t start, bytes;
};

/* Nothing overlaps, everything is in order and whole frames, for any size and number of vCPUs. */
static void plan(void **state)
{
    static const unsigned vcpus[] = {1, 2, 32};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes) * G_N_ELEMENTS(vcpus); i++) {
        uint64_t pages = sizes[i / G_N_ELEMENTS(vcpus)] >> FRAME_SHIFT;
        unsigned n = vcpus[i % G_N_ELEMENTS(vcpus)];
        struct emu_area a;

        emu_area_plan(&a, pages, n);
        const struct part parts[] = {
            {"boot info", EMU_AREA_GPA, FRAME_SIZE},
            {"log", a.log, sizeof(struct emu_log)},
            {"ports", a.ports, EMU_NR_PORTS * sizeof(struct emu_port)},
            {"host_pending", a.host_pending, EMU_NR_PORTS / 8},
            {"guest_pending", a.guest_pending, EMU_NR_PORTS / 8},
            {"vcpu_shared", a.vcpu_shared, n * (uint64_t)FRAME_SIZE},
            {"image", a.image, a.image_bytes},
            {"vcpu_areas", a.vcpu_areas, n * (uint64_t)EMU_VCPU_SIZE},
            {"gdt_pages", a.gdt_pages, n * (uint64_t)FRAME_SIZE},
            {"tables", a.tables, a.tables_bytes},
            {"frame_info", a.frame_info, a.end_mfn},
            {"scratch", a.scratch, a.scratch_bytes},
            {"m2p", a.m2p, a.m2p_bytes},
            {"end", a.end, 0},
        };
        for (size_t k = 0; k + 1 < G_N_ELEMENTS(parts); k++) {
            if (parts[k].start % FRAME_SIZE || parts[k].start + parts[k].bytes > parts[k + 1].start)
                fail_msg("%s of %" G_GUINT64_FORMAT " pages, %u vCPUs", parts[k].name, pages, n);
        }
        assert_true(a.m2p % (2 * MIB) == 0 && a.m2p_bytes % (2 * MIB) == 0);
        assert_true(a.m2p_bytes >= a.end_mfn * 8);
        /* all frames of the VM have their entry; the guest's go up from end, over the hole */
        uint64_t top = emu_area_ram_bytes(&a, pages);
        top += top > GUEST_MEM_HOLE_START ? GUEST_MEM_HOLE_END - GUEST_MEM_HOLE_START : 0;
        assert_true(a.end_mfn >= top >> FRAME_SHIFT);
        assert_true(emu_area_ram_bytes(&a, pages) >= a.end + ((pages + 1) << FRAME_SHIFT));
        /* and the price is bounded */
        assert_true(a.end <= (pages << FRAME_SHIFT) / 200 + 32 * MIB);
    }
}

struct walk {
    uint64_t maddr, bits; /* bits: RW and US of all levels, NX of any */
};

/* Written apart from the code under test. False: not mapped. */
static bool walk(const struct guest_mem *mem, uint64_t root, uint64_t va, struct walk *ret)
{
    uint64_t table = root, allow = RW | US, nx = 0;

    for (int shift = 39; shift >= 12; shift -= 9) {
        const uint64_t *t = guest_ptr(mem, table, FRAME_SIZE);
        assert_non_null(t);
        uint64_t e = t[va >> shift & 511];
        if (!(e & 1))
            return false;
        allow &= e;
        nx |= e & NX;
        bool large = shift == 21 && (e & PS);
        table = e & ADDRESS;
        if (large || shift == 12) {
            *ret = (struct walk){table + (va & ((1ull << shift) - 1)), allow | nx};
            return true;
        }
    }
    return false;
}

static void expect(const struct guest_mem *mem, uint64_t root, uint64_t va, uint64_t maddr,
                   uint64_t bits)
{
    struct walk w;

    if (!walk(mem, root, va, &w))
        fail_msg("0x%" PRIx64 " is not mapped", va);
    if (w.maddr != maddr || w.bits != bits)
        fail_msg("0x%" PRIx64 ": 0x%" PRIx64 ", bits %" PRIx64, va, w.maddr, w.bits);
}

static void check_image(const struct guest_mem *mem, const struct emu_area *a)
{
    const Elf64_Ehdr *h = (const Elf64_Ehdr *)emu_blob_start;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(emu_blob_start + h->e_phoff);
    bool entry = false;

    for (unsigned i = 0; i < h->e_phnum; i++) {
        if (p[i].p_type != PT_LOAD || !p[i].p_memsz)
            continue;
        assert_false((p[i].p_flags & PF_W) && (p[i].p_flags & PF_X));
        uint64_t bits = (p[i].p_flags & PF_W ? RW : 0) | (p[i].p_flags & PF_X ? 0 : NX);
        uint64_t last = p[i].p_vaddr + p[i].p_memsz - 1;
        expect(mem, a->boot_cr3, p[i].p_vaddr, a->image + (p[i].p_vaddr - EMU_BASE_VA), bits);
        expect(mem, a->boot_cr3, last, a->image + (last - EMU_BASE_VA), bits);
        assert_memory_equal(guest_ptr(mem, a->image + (p[i].p_vaddr - EMU_BASE_VA), p[i].p_filesz),
                            emu_blob_start + p[i].p_offset, p[i].p_filesz);
        entry |= a->emu_entry >= p[i].p_vaddr && a->emu_entry <= last && (p[i].p_flags & PF_X);
    }
    assert_true(entry);
}

static void tables(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sizes) - 1; i++) {
        uint64_t pages = sizes[i] >> FRAME_SHIFT;
        unsigned vcpus = i % 2 ? 32 : 2;
        bool m2p_user = i % 2;
        struct emu_area a;
        struct walk w;

        emu_area_plan(&a, pages, vcpus);
        struct guest_mem *mem = guest_mem_new(emu_area_ram_bytes(&a, pages), 0, NULL);
        struct emu_boot_info *info = emu_area_fill(&a, mem, m2p_user, NULL);
        assert_non_null(info);
        assert_ptr_equal(info, guest_ptr(mem, EMU_AREA_GPA, 1));
        assert_int_equal(info->magic, EMU_ABI_MAGIC);
        assert_int_equal(info->nr_vcpus, vcpus);
        assert_true(info->area_bytes == a.end - EMU_AREA_GPA);
        assert_true(info->scratch_frames << FRAME_SHIFT == a.scratch_bytes);
        check_image(mem, &a);
        /* one to one for the first code of a vCPU, no more than that */
        expect(mem, a.boot_cr3, EMU_TRAMPOLINE_GPA, EMU_TRAMPOLINE_GPA, RW);
        assert_false(walk(mem, a.boot_cr3, 2 * MIB, &w));
        for (unsigned v = 0; v < vcpus; v++) {
            uint64_t at = EMU_BASE_VA + EMU_VCPU_OFF + v * (uint64_t)EMU_VCPU_SIZE;
            uint64_t area = a.vcpu_areas + v * (uint64_t)EMU_VCPU_SIZE;
            expect(mem, a.boot_cr3, at + 8, area + 8, RW | NX);
            at = EMU_BASE_VA + EMU_GDT_OFF + v * (uint64_t)EMU_GDT_SIZE;
            assert_false(walk(mem, a.boot_cr3, at, &w)); /* the guest's part: none yet */
            expect(mem, a.boot_cr3, at + 14 * 4096, a.gdt_pages + v * 4096ull, RW | NX);
        }
        uint64_t end = EMU_BASE_VA + EMU_VCPU_OFF + vcpus * (uint64_t)EMU_VCPU_SIZE;
        assert_false(walk(mem, a.boot_cr3, end, &w));
        expect(mem, a.boot_cr3, EMU_BASE_VA + EMU_MMIO_OFF, 0xfee00000, RW | NX);
        expect(mem, a.boot_cr3, EMU_M2P_VA, a.m2p, NX | (m2p_user ? US : 0));
        uint64_t last = a.m2p_bytes - 8;
        expect(mem, a.boot_cr3, EMU_M2P_VA + last, a.m2p + last, NX | (m2p_user ? US : 0));
        assert_false(walk(mem, a.boot_cr3, EMU_M2P_VA + a.m2p_bytes, &w));
        last = (guest_mem_end_mfn(mem) << FRAME_SHIFT) - 1;
        expect(mem, a.boot_cr3, EMU_DIRECT_VA, 0, RW | NX);
        expect(mem, a.boot_cr3, EMU_DIRECT_VA + last, last, RW | NX);
        expect(mem, a.boot_cr3, EMU_DIRECT_VA + 0xfee00000, 0xfee00000, RW | NX);
        guest_mem_free(mem);
    }
}

static void no_room(void **state)
{
    struct guest_mem *mem = guest_mem_new(4 * MIB, 0, NULL);
    g_autoptr(GError) error = NULL;
    struct emu_area a;

    emu_area_plan(&a, 1 << 20, 1);
    assert_null(emu_area_fill(&a, mem, false, &error));
    assert_true(g_str_has_prefix(error->message, "no room for emu's "));
    guest_mem_free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan),
        cmocka_unit_test(tables),
        cmocka_unit_test(no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
