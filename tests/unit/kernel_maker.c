#include "kernel_maker.h"

#include <elf.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/elfnote.h>
#include <zlib.h>

static void pad(GByteArray *a, unsigned align)
{
    while (a->len % align)
        g_byte_array_append(a, (const guint8 *)"", 1);
}

void add_note(GByteArray *notes, uint32_t type, const void *desc, uint32_t len)
{
    Elf64_Nhdr h = {4, len, type};

    g_byte_array_append(notes, (const guint8 *)&h, sizeof(h));
    g_byte_array_append(notes, (const guint8 *)"Xen", 4);
    g_byte_array_append(notes, desc, len);
    pad(notes, 4);
}

void add_note_u32(GByteArray *notes, uint32_t type, uint32_t value)
{
    add_note(notes, type, &value, sizeof(value));
}

void add_note_u64(GByteArray *notes, uint32_t type, uint64_t value)
{
    add_note(notes, type, &value, sizeof(value));
}

void add_note_text(GByteArray *notes, uint32_t type, const char *text)
{
    add_note(notes, type, text, (uint32_t)strlen(text) + 1);
}

uint8_t *exact_copy(const GByteArray *bytes, size_t len)
{
    g_assert(len <= bytes->len);
    return g_memdup2(len ? (const void *)bytes->data : "", len ? len : 1);
}

/* The file while it grows: headers are collected, and written by finish(). */
struct maker {
    const struct kernel_spec *spec;
    GByteArray *file, *phdrs, *shdrs, *names;
    unsigned phnum, shnum;
};

static void put_phdr(struct maker *m, Elf64_Phdr p)
{
    Elf32_Phdr p32 = {p.p_type,
                      (Elf32_Off)p.p_offset,
                      (Elf32_Addr)p.p_vaddr,
                      (Elf32_Addr)p.p_paddr,
                      (Elf32_Word)p.p_filesz,
                      (Elf32_Word)p.p_memsz,
                      p.p_flags,
                      4096};

    if (m->spec->is64)
        g_byte_array_append(m->phdrs, (const guint8 *)&p, sizeof(p));
    else
        g_byte_array_append(m->phdrs, (const guint8 *)&p32, sizeof(p32));
    m->phnum++;
}

static unsigned put_shdr(struct maker *m, const char *name, Elf64_Shdr s)
{
    Elf32_Shdr s32;

    s.sh_name = m->names->len;
    g_byte_array_append(m->names, (const guint8 *)name, (guint)strlen(name) + 1);
    s32 = (Elf32_Shdr){s.sh_name,
                       s.sh_type,
                       (Elf32_Word)s.sh_flags,
                       (Elf32_Addr)s.sh_addr,
                       (Elf32_Off)s.sh_offset,
                       (Elf32_Word)s.sh_size,
                       s.sh_link};
    if (m->spec->is64)
        g_byte_array_append(m->shdrs, (const guint8 *)&s, sizeof(s));
    else
        g_byte_array_append(m->shdrs, (const guint8 *)&s32, sizeof(s32));
    return m->shnum++;
}

static void put_segments(struct maker *m)
{
    for (unsigned i = 0; i < m->spec->nr_segments; i++) {
        const struct made_segment *s = &m->spec->segments[i];

        pad(m->file, 16);
        put_phdr(m, (Elf64_Phdr){.p_type = PT_LOAD,
                                 .p_flags = s->flags ? s->flags : PF_R | PF_W | PF_X,
                                 .p_offset = m->file->len,
                                 .p_vaddr = s->paddr,
                                 .p_paddr = s->paddr,
                                 .p_filesz = s->filesz,
                                 .p_memsz = s->memsz});
        for (uint64_t b = 0; b < s->filesz; b++) {
            uint8_t byte = made_byte(s, b);

            g_byte_array_append(m->file, &byte, 1);
        }
    }
}

static void put_notes(struct maker *m)
{
    const struct kernel_spec *spec = m->spec;

    pad(m->file, 4);
    if (spec->notes && !spec->notes_by_section)
        put_phdr(m, (Elf64_Phdr){
                        .p_type = PT_NOTE, .p_offset = m->file->len, .p_filesz = spec->notes->len});
    if (spec->notes && spec->notes_by_section)
        put_shdr(m, ".notes",
                 (Elf64_Shdr){
                     .sh_type = SHT_NOTE, .sh_offset = m->file->len, .sh_size = spec->notes->len});
    if (spec->notes)
        g_byte_array_append(m->file, spec->notes->data, spec->notes->len);
    if (spec->xen_guest) {
        guint len = (guint)strlen(spec->xen_guest) + 1;

        put_shdr(m, "__xen_guest",
                 (Elf64_Shdr){.sh_type = SHT_PROGBITS, .sh_offset = m->file->len, .sh_size = len});
        g_byte_array_append(m->file, (const guint8 *)spec->xen_guest, len);
    }
}

static void put_symbols(struct maker *m, unsigned text)
{
    g_autoptr(GByteArray) names = g_byte_array_new();
    unsigned symtab;
    guint64 start;

    pad(names, 1);
    g_byte_array_append(names, (const guint8 *)"", 1);
    pad(m->file, 8);
    start = m->file->len;
    for (unsigned i = 0; i <= m->spec->nr_symbols; i++) {
        const struct made_symbol *s = i ? &m->spec->symbols[i - 1] : NULL;
        Elf64_Sym e = {0};
        Elf32_Sym e32;

        if (s)
            e = (Elf64_Sym){names->len, (uint8_t)s->type, 0, (uint16_t)text, s->addr, 0};
        e32 = (Elf32_Sym){e.st_name, (Elf32_Addr)e.st_value, 0, e.st_info, 0, e.st_shndx};
        if (s)
            g_byte_array_append(names, (const guint8 *)s->name, (guint)strlen(s->name) + 1);
        if (m->spec->is64)
            g_byte_array_append(m->file, (const guint8 *)&e, sizeof(e));
        else
            g_byte_array_append(m->file, (const guint8 *)&e32, sizeof(e32));
    }
    symtab = put_shdr(m, ".symtab",
                      (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                   .sh_offset = start,
                                   .sh_size = m->file->len - start,
                                   .sh_link = m->shnum + 1});
    put_shdr(m, ".strtab",
             (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = m->file->len, .sh_size = names->len});
    g_assert(symtab + 2 == m->shnum);
    g_byte_array_append(m->file, names->data, names->len);
}

static void put_header(struct maker *m, uint64_t phoff, uint64_t shoff)
{
    const struct kernel_spec *spec = m->spec;
    unsigned machine = spec->machine ? spec->machine : spec->is64 ? EM_X86_64 : EM_386;
    Elf64_Ehdr e = {.e_ident = ELFMAG,
                    .e_type = ET_EXEC,
                    .e_machine = (Elf64_Half)machine,
                    .e_version = EV_CURRENT,
                    .e_entry = spec->entry,
                    .e_phoff = phoff,
                    .e_shoff = shoff,
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = (Elf64_Half)m->phnum,
                    .e_shentsize = sizeof(Elf64_Shdr),
                    .e_shnum = (Elf64_Half)m->shnum,
                    .e_shstrndx = (Elf64_Half)(m->shnum - 1)};
    Elf32_Ehdr e32 = {.e_type = e.e_type,
                      .e_machine = e.e_machine,
                      .e_version = EV_CURRENT,
                      .e_entry = (Elf32_Addr)e.e_entry,
                      .e_phoff = (Elf32_Off)phoff,
                      .e_shoff = (Elf32_Off)shoff,
                      .e_phentsize = sizeof(Elf32_Phdr),
                      .e_phnum = e.e_phnum,
                      .e_shentsize = sizeof(Elf32_Shdr),
                      .e_shnum = e.e_shnum,
                      .e_shstrndx = e.e_shstrndx};

    e.e_ident[EI_CLASS] = spec->is64 ? ELFCLASS64 : ELFCLASS32;
    e.e_ident[EI_DATA] = ELFDATA2LSB;
    e.e_ident[EI_VERSION] = EV_CURRENT;
    memcpy(e32.e_ident, e.e_ident, EI_NIDENT);
    if (spec->is64)
        memcpy(m->file->data, &e, sizeof(e));
    else
        memcpy(m->file->data, &e32, sizeof(e32));
}

GByteArray *make_kernel(const struct kernel_spec *spec)
{
    struct maker m = {.spec = spec,
                      .file = g_byte_array_new(),
                      .phdrs = g_byte_array_new(),
                      .shdrs = g_byte_array_new(),
                      .names = g_byte_array_new()};
    unsigned text;
    uint64_t phoff, shoff;

    g_byte_array_set_size(m.file, spec->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
    put_shdr(&m, "", (Elf64_Shdr){0});
    text = put_shdr(&m, ".text",
                    (Elf64_Shdr){.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR});
    put_segments(&m);
    put_notes(&m);
    if (spec->nr_symbols)
        put_symbols(&m, text);
    put_shdr(&m, ".shstrtab",
             (Elf64_Shdr){.sh_type = SHT_STRTAB,
                          .sh_offset = m.file->len,
                          .sh_size = m.names->len + sizeof(".shstrtab")});
    g_byte_array_append(m.file, m.names->data, m.names->len);
    pad(m.file, 8);
    phoff = m.file->len;
    g_byte_array_append(m.file, m.phdrs->data, m.phdrs->len);
    shoff = m.file->len;
    g_byte_array_append(m.file, m.shdrs->data, m.shdrs->len);
    put_header(&m, phoff, shoff);
    g_byte_array_unref(m.phdrs);
    g_byte_array_unref(m.shdrs);
    g_byte_array_unref(m.names);
    return m.file;
}

struct kernel_spec spec_like_linux(GByteArray *notes)
{
    add_note_text(notes, XEN_ELFNOTE_GUEST_OS, "linux");
    add_note_text(notes, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    add_note_u64(notes, XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
    add_note_u64(notes, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    add_note_u64(notes, XEN_ELFNOTE_ENTRY, 0xffffffff80101000);
    add_note_text(notes, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
    add_note_text(notes, XEN_ELFNOTE_LOADER, "generic");
    add_note_u32(notes, XEN_ELFNOTE_SUSPEND_CANCEL, 1);
    add_note_u32(notes, XEN_ELFNOTE_MOD_START_PFN, 1);
    add_note_u64(notes, XEN_ELFNOTE_PADDR_OFFSET, 0);
    return (struct kernel_spec){
        .is64 = true,
        .segments = {{.paddr = 0x100000, .filesz = 0x3000, .memsz = 0x3000, .fill = 1},
                     {.paddr = 0x200000, .filesz = 0x1234, .memsz = 0x9000, .fill = 100}},
        .nr_segments = 2,
        .notes = notes,
    };
}

struct kernel_spec spec_like_pae(GByteArray *notes)
{
    add_note_text(notes, XEN_ELFNOTE_GUEST_OS, "mini");
    add_note_text(notes, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    add_note_u32(notes, XEN_ELFNOTE_VIRT_BASE, 0xc0000000);
    add_note_u32(notes, XEN_ELFNOTE_PADDR_OFFSET, 0xc0000000);
    add_note_u32(notes, XEN_ELFNOTE_ENTRY, 0xc0100000);
    add_note_u32(notes, XEN_ELFNOTE_HYPERCALL_PAGE, 0xc0101000);
    add_note_text(notes, XEN_ELFNOTE_PAE_MODE, "yes");
    return (struct kernel_spec){
        .segments = {{.paddr = 0xc0100000, .filesz = 0x2800, .memsz = 0x5000, .fill = 7}},
        .nr_segments = 1,
        .notes = notes,
    };
}

GByteArray *make_bzimage(const void *payload, size_t len, unsigned version)
{
    enum { SETUP_SECTS = 2, OFFSET = 64 };
    uint32_t place[2] = {OFFSET, (uint32_t)len};
    GByteArray *a = g_byte_array_new();

    g_byte_array_set_size(a, (SETUP_SECTS + 1) * 512 + OFFSET);
    memset(a->data, 0, a->len);
    a->data[0x1f1] = SETUP_SECTS;
    memcpy(a->data + 0x202, "HdrS", 4);
    a->data[0x206] = (uint8_t)version;
    a->data[0x207] = (uint8_t)(version >> 8);
    memcpy(a->data + 0x248, place, sizeof(place));
    g_byte_array_append(a, payload, (guint)len);
    return a;
}

GByteArray *make_gzip(const void *data, size_t len)
{
    GByteArray *a = g_byte_array_new();
    z_stream z = {0};

    g_assert(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    g_byte_array_set_size(a, (guint)deflateBound(&z, len));
    z.next_in = (Bytef *)data;
    z.avail_in = (uInt)len;
    z.next_out = a->data;
    z.avail_out = a->len;
    g_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    g_byte_array_set_size(a, (guint)z.total_out);
    deflateEnd(&z);
    return a;
}
