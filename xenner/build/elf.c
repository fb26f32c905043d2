#include "xenner/build/elf.h"
#include "xenner/build/error.h"

#include <string.h>

#define MAX_SEGMENTS 128u
/* Also bounds the time that a table of a million unterminated strings costs. */
#define MAX_STRING   4096u

bool elf_probe(const uint8_t *data, size_t len)
{
    return len >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

const uint8_t *elf_bytes(const struct elf_file *elf, uint64_t offset, uint64_t bytes)
{
    if (offset > elf->len || bytes > elf->len - offset)
        return NULL;
    return elf->data + offset;
}

/* What elf_open() needs of the file header, widened. */
struct header {
    unsigned type, machine, phentsize, shentsize;
};

static bool read_header64(struct elf_file *elf, struct header *h)
{
    Elf64_Ehdr e;

    if (elf->len < sizeof(e))
        return false;
    memcpy(&e, elf->data, sizeof(e));
    *h = (struct header){e.e_type, e.e_machine, e.e_phentsize, e.e_shentsize};
    elf->entry = e.e_entry;
    elf->phoff = e.e_phoff;
    elf->phnum = e.e_phnum;
    elf->shoff = e.e_shoff;
    elf->shnum = e.e_shnum;
    elf->shstrndx = e.e_shstrndx;
    return true;
}

static bool read_header32(struct elf_file *elf, struct header *h)
{
    Elf32_Ehdr e;

    if (elf->len < sizeof(e))
        return false;
    memcpy(&e, elf->data, sizeof(e));
    *h = (struct header){e.e_type, e.e_machine, e.e_phentsize, e.e_shentsize};
    elf->entry = e.e_entry;
    elf->phoff = e.e_phoff;
    elf->phnum = e.e_phnum;
    elf->shoff = e.e_shoff;
    elf->shnum = e.e_shnum;
    elf->shstrndx = e.e_shstrndx;
    return true;
}

static bool check_tables(const struct elf_file *elf, const struct header *h, GError **error)
{
    unsigned phdr = elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    unsigned shdr = elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);

    if (elf->phnum == 0)
        return build_fail(error, "ELF file without program headers");
    if (elf->phnum > MAX_SEGMENTS || h->phentsize != phdr)
        return build_fail(error, "ELF file with %u program headers of %u bytes", elf->phnum,
                          h->phentsize);
    if (!elf_bytes(elf, elf->phoff, (uint64_t)elf->phnum * phdr))
        return build_fail(error, "truncated ELF file: its program headers are missing");
    if (elf->shnum && h->shentsize != shdr)
        return build_fail(error, "ELF file with section headers of %u bytes", h->shentsize);
    if (elf->shnum && !elf_bytes(elf, elf->shoff, (uint64_t)elf->shnum * shdr))
        return build_fail(error, "truncated ELF file: its section headers are missing");
    return true;
}

bool elf_open(struct elf_file *ret, const uint8_t *data, size_t len, GError **error)
{
    struct elf_file elf = {.data = data, .len = len};
    struct header h;

    if (!elf_probe(data, len))
        return build_fail(error, "not an ELF file");
    if (len < EI_NIDENT)
        return build_fail(error, "truncated ELF header");
    elf.is64 = data[EI_CLASS] == ELFCLASS64;
    if (!elf.is64 && data[EI_CLASS] != ELFCLASS32)
        return build_fail(error, "ELF file of unknown class %u", data[EI_CLASS]);
    if (data[EI_DATA] != ELFDATA2LSB)
        return build_fail(error, "ELF file that is not little-endian");
    if (!(elf.is64 ? read_header64(&elf, &h) : read_header32(&elf, &h)))
        return build_fail(error, "truncated ELF header");
    if (h.machine != (elf.is64 ? EM_X86_64 : EM_386))
        return build_fail(error, "ELF file for another machine (%u), not x86", h.machine);
    if (h.type != ET_EXEC && h.type != ET_DYN)
        return build_fail(error, "ELF file that is no program (type %u)", h.type);
    if (!check_tables(&elf, &h, error))
        return false;
    *ret = elf;
    return true;
}

struct elf_segment elf_segment(const struct elf_file *elf, unsigned i)
{
    Elf64_Phdr p64;
    Elf32_Phdr p32;

    g_assert(i < elf->phnum);
    if (elf->is64) {
        memcpy(&p64, elf->data + elf->phoff + i * sizeof(p64), sizeof(p64));
        return (struct elf_segment){p64.p_type,  p64.p_flags,  p64.p_offset, p64.p_vaddr,
                                    p64.p_paddr, p64.p_filesz, p64.p_memsz};
    }
    memcpy(&p32, elf->data + elf->phoff + i * sizeof(p32), sizeof(p32));
    return (struct elf_segment){p32.p_type,  p32.p_flags,  p32.p_offset, p32.p_vaddr,
                                p32.p_paddr, p32.p_filesz, p32.p_memsz};
}

struct elf_section elf_section(const struct elf_file *elf, unsigned i)
{
    Elf64_Shdr s64;
    Elf32_Shdr s32;

    g_assert(i < elf->shnum);
    if (elf->is64) {
        memcpy(&s64, elf->data + elf->shoff + i * sizeof(s64), sizeof(s64));
        return (struct elf_section){s64.sh_name, s64.sh_type,   s64.sh_link, s64.sh_flags,
                                    s64.sh_addr, s64.sh_offset, s64.sh_size};
    }
    memcpy(&s32, elf->data + elf->shoff + i * sizeof(s32), sizeof(s32));
    return (struct elf_section){s32.sh_name, s32.sh_type,   s32.sh_link, s32.sh_flags,
                                s32.sh_addr, s32.sh_offset, s32.sh_size};
}

const char *elf_string(const struct elf_file *elf, const struct elf_section *table, uint64_t pos)
{
    const uint8_t *bytes = elf_bytes(elf, table->offset, table->size);

    if (table->type != SHT_STRTAB || !bytes || pos >= table->size)
        return NULL;
    if (!memchr(bytes + pos, 0, MIN(table->size - pos, MAX_STRING)))
        return NULL;
    return (const char *)bytes + pos;
}

bool elf_find_section(const struct elf_file *elf, const char *name, struct elf_section *ret)
{
    struct elf_section names;

    if (elf->shstrndx >= elf->shnum)
        return false;
    names = elf_section(elf, elf->shstrndx);
    for (unsigned i = 1; i < elf->shnum; i++) {
        struct elf_section s = elf_section(elf, i);
        const char *n = elf_string(elf, &names, s.name);

        if (n && strcmp(n, name) == 0) {
            *ret = s;
            return true;
        }
    }
    return false;
}
