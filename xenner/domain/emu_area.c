#include "xenner/domain/emu_area.h"
#include "emu/emu_blob.h"

#include <elf.h>
#include <gio/gio.h>
#include <string.h>

#define MIB2 0x200000ull
#define GIB  0x40000000ull

#define PTE_P  0x001ull
#define PTE_RW 0x002ull
#define PTE_US 0x004ull
#define PTE_AD 0x060ull
#define PTE_PS 0x080ull
#define PTE_NX (1ull << 63)

#define SCRATCH_FRAMES 192

/* emu's ELF file is our own build's: looked at without suspicion. */
static const Elf64_Ehdr *blob_header(void)
{
    return (const Elf64_Ehdr *)emu_blob_start;
}

static const Elf64_Phdr *blob_segments(void)
{
    return (const Elf64_Phdr *)(emu_blob_start + blob_header()->e_phoff);
}

static uint64_t blob_bytes(void)
{
    uint64_t end = EMU_BASE_VA;

    for (unsigned i = 0; i < blob_header()->e_phnum; i++) {
        const Elf64_Phdr *p = &blob_segments()[i];
        if (p->p_type == PT_LOAD)
            end = MAX(end, p->p_vaddr + p->p_memsz);
    }
    return end - EMU_BASE_VA;
}

static uint64_t take(uint64_t *at, uint64_t bytes)
{
    uint64_t start = *at;

    *at += frames_up(bytes) << FRAME_SHIFT;
    return start;
}

static uint64_t round_up(uint64_t val, uint64_t to)
{
    return (val + to - 1) / to * to;
}

/* Tables: the boot L4 with an identity map of 2 MiB (3), slot 262 (L3, L2, 4 L1), slot 264, slot 256. */
static uint64_t table_count(const struct emu_area *a)
{
    uint64_t direct_gib = round_up(a->end_mfn << FRAME_SHIFT, GIB) / GIB;
    uint64_t m2p_gib = round_up(a->m2p_bytes, GIB) / GIB;

    return 3 + 6 + 1 + MAX(direct_gib, 4) + 1 + m2p_gib;
}

void emu_area_plan(struct emu_area *a, uint64_t nr_pages, unsigned nr_vcpus)
{
    uint64_t at = EMU_AREA_GPA;
    /* An upper bound of what the frames' numbers reach: guest, area (under 1/256 and 16 MiB), hole. */
    uint64_t frames = nr_pages + nr_pages / 256 + 8192;

    memset(a, 0, sizeof(*a));
    a->nr_vcpus = nr_vcpus;
    a->end_mfn = frames;
    if (frames > GUEST_MEM_HOLE_START >> FRAME_SHIFT)
        a->end_mfn += (GUEST_MEM_HOLE_END - GUEST_MEM_HOLE_START) >> FRAME_SHIFT;
    a->m2p_bytes = round_up(a->end_mfn * sizeof(uint64_t), MIB2);
    a->image_bytes = blob_bytes();
    a->emu_entry = blob_header()->e_entry;

    take(&at, FRAME_SIZE); /* boot info */
    a->log = take(&at, sizeof(struct emu_log));
    a->ports = take(&at, EMU_NR_PORTS * sizeof(struct emu_port));
    a->host_pending = take(&at, EMU_NR_PORTS / 8);
    a->guest_pending = take(&at, EMU_NR_PORTS / 8);
    a->vcpu_shared = take(&at, nr_vcpus * (uint64_t)FRAME_SIZE);
    a->gnttab = take(&at, sizeof(struct emu_gnttab));
    a->image = take(&at, a->image_bytes);
    a->vcpu_areas = take(&at, nr_vcpus * (uint64_t)EMU_VCPU_SIZE);
    a->gdt_pages = take(&at, nr_vcpus * (uint64_t)FRAME_SIZE);
    a->tables_bytes = table_count(a) * FRAME_SIZE;
    a->tables = take(&at, a->tables_bytes);
    a->frame_info = take(&at, a->end_mfn);
    a->scratch_bytes = (SCRATCH_FRAMES + 4ull * nr_vcpus) * FRAME_SIZE;
    a->scratch = take(&at, a->scratch_bytes);
    a->m2p = at = round_up(at, MIB2);
    a->end = a->m2p + a->m2p_bytes;
}

uint64_t emu_area_ram_bytes(const struct emu_area *a, uint64_t nr_pages)
{
    return a->end + ((nr_pages + 1) << FRAME_SHIFT);
}

/* Hands out the zeroed frames of the tables' part. */
struct table_builder {
    struct guest_mem *mem;
    uint64_t next;
};

static uint64_t new_table(struct table_builder *b)
{
    uint64_t maddr = b->next;

    b->next += FRAME_SIZE;
    return maddr;
}

static uint64_t *table(struct table_builder *b, uint64_t maddr)
{
    return guest_ptr(b->mem, maddr & ~0xfffull & ~PTE_NX, FRAME_SIZE);
}

/* Returns an L3 whose first entries map bytes of memory from maddr on in 2 MiB pages. */
static uint64_t map_large(struct table_builder *b, uint64_t maddr, uint64_t bytes, uint64_t flags)
{
    uint64_t l3 = new_table(b), at = 0;
    uint64_t up = PTE_P | PTE_RW | PTE_AD | (flags & PTE_US);

    for (unsigned i = 0; at < bytes; i++) {
        uint64_t l2 = new_table(b);
        table(b, l3)[i] = l2 | up;
        for (unsigned j = 0; j < 512 && at < bytes; j++, at += MIB2)
            table(b, l2)[j] = (maddr + at) | flags | PTE_PS;
    }
    return l3;
}

static void map_image(struct table_builder *b, const struct emu_area *a, uint64_t *l1)
{
    for (unsigned i = 0; i < blob_header()->e_phnum; i++) {
        const Elf64_Phdr *p = &blob_segments()[i];
        if (p->p_type != PT_LOAD)
            continue;
        uint64_t off = p->p_vaddr - EMU_BASE_VA;
        uint64_t flags = PTE_P | PTE_AD | (p->p_flags & PF_W ? PTE_RW : 0) |
                         (p->p_flags & PF_X ? 0 : PTE_NX);
        memcpy(guest_ptr(b->mem, a->image + off, p->p_filesz), emu_blob_start + p->p_offset,
               p->p_filesz);
        for (uint64_t at = off & ~0xfffull; at < off + p->p_memsz; at += FRAME_SIZE)
            l1[at >> FRAME_SHIFT] = (a->image + at) | flags;
    }
}

/* Slot 262: EMU_IMAGE_OFF, EMU_VCPU_OFF, EMU_GDT_OFF, EMU_MMIO_OFF, an L1 of 2 MiB each. */
static uint64_t map_base(struct table_builder *b, const struct emu_area *a)
{
    const uint64_t data = PTE_P | PTE_RW | PTE_AD | PTE_NX;
    uint64_t l3 = new_table(b), l2 = new_table(b);
    uint64_t *l1[4];

    table(b, l3)[0] = l2 | PTE_P | PTE_RW | PTE_AD;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t maddr = new_table(b);
        table(b, l2)[i] = maddr | PTE_P | PTE_RW | PTE_AD;
        l1[i] = table(b, maddr);
    }
    map_image(b, a, l1[0]);
    for (uint64_t i = 0; i < a->nr_vcpus * (uint64_t)(EMU_VCPU_SIZE / FRAME_SIZE); i++)
        l1[1][i] = (a->vcpu_areas + (i << FRAME_SHIFT)) | data;
    for (unsigned v = 0; v < a->nr_vcpus; v++)
        l1[2][v * (EMU_GDT_SIZE / FRAME_SIZE) + 14] =
            (a->gdt_pages + v * (uint64_t)FRAME_SIZE) | data;
    l1[3][0] = 0xfee00000u | data | 0x18; /* the LAPIC, uncached */
    return l3;
}

struct emu_boot_info *emu_area_fill(struct emu_area *a, struct guest_mem *mem, bool m2p_user,
                                    GError **error)
{
    struct table_builder b = {mem, a->tables};
    struct emu_boot_info *info = guest_ptr(mem, EMU_AREA_GPA, a->end - EMU_AREA_GPA);

    if (!info || a->image_bytes > MIB2) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "no room for emu's %" G_GUINT64_FORMAT
                    " MiB below the guest's memory", a->end >> 20);
        return NULL;
    }
    uint64_t l4 = new_table(&b);
    uint64_t user = m2p_user ? PTE_US : 0;
    uint64_t direct = MAX(a->end_mfn << FRAME_SHIFT, 4 * GIB);
    info->l4_entry[0] = map_large(&b, a->m2p, a->m2p_bytes, PTE_P | PTE_AD | PTE_NX | user) |
                        PTE_P | PTE_RW | PTE_AD | user;
    info->l4_entry[1] = map_base(&b, a) | PTE_P | PTE_RW | PTE_AD;
    info->l4_entry[2] = map_large(&b, 0, direct, PTE_P | PTE_RW | PTE_AD | PTE_NX) | PTE_P |
                        PTE_RW | PTE_AD;
    table(&b, l4)[0] = map_large(&b, 0, MIB2, PTE_P | PTE_RW | PTE_AD) | PTE_P | PTE_RW | PTE_AD;
    table(&b, l4)[EMU_L4_M2P] = info->l4_entry[0];
    table(&b, l4)[EMU_L4_BASE] = info->l4_entry[1];
    table(&b, l4)[EMU_L4_DIRECT] = info->l4_entry[2];
    g_assert(b.next <= a->tables + a->tables_bytes);
    a->boot_cr3 = l4;

    info->magic = EMU_ABI_MAGIC;
    info->version = EMU_ABI_VERSION;
    info->nr_vcpus = a->nr_vcpus;
    info->area_bytes = a->end - EMU_AREA_GPA;
    info->m2p_maddr = a->m2p;
    info->m2p_bytes = a->m2p_bytes;
    info->frame_info_maddr = a->frame_info;
    info->scratch_maddr = a->scratch;
    info->scratch_frames = a->scratch_bytes >> FRAME_SHIFT;
    info->ports_maddr = a->ports;
    info->host_pending_maddr = a->host_pending;
    info->guest_pending_maddr = a->guest_pending;
    info->log_maddr = a->log;
    info->vcpu_shared_maddr = a->vcpu_shared;
    info->gnttab_maddr = a->gnttab;
    return info;
}
