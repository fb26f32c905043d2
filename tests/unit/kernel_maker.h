/*
 * Small kernels for tests, made in memory: ELF of both classes with the notes, sections and lies
 * that a test asks for.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct made_segment {
    uint64_t paddr, filesz, memsz;
    uint32_t flags; /* PF_*; 0 means PF_R | PF_W | PF_X */
    uint8_t fill;   /* byte i of the file's part is fill + i / 4096, see made_byte() */
};

struct made_symbol {
    const char *name;
    uint64_t addr;
    unsigned type; /* STT_* */
};

struct kernel_spec {
    bool is64;
    unsigned machine; /* 0: the right one */
    uint64_t entry;   /* the file header's */
    struct made_segment segments[4];
    unsigned nr_segments;
    GByteArray *notes;     /* owned by the caller; NULL: none */
    bool notes_by_section; /* only there, not in a PT_NOTE segment */
    const char *xen_guest; /* text of the section __xen_guest */
    struct made_symbol symbols[8];
    unsigned nr_symbols;
};

static inline uint8_t made_byte(const struct made_segment *s, uint64_t i)
{
    return (uint8_t)(s->fill + i / 4096);
}

/* The file; the caller unrefs it. */
GByteArray *make_kernel(const struct kernel_spec *spec);
/* A copy of exactly these bytes, so that AddressSanitizer sees one byte too many; g_free() it. */
uint8_t *exact_copy(const GByteArray *bytes, size_t len);

void add_note(GByteArray *notes, uint32_t type, const void *desc, uint32_t len);
void add_note_u32(GByteArray *notes, uint32_t type, uint32_t value);
void add_note_u64(GByteArray *notes, uint32_t type, uint64_t value);
void add_note_text(GByteArray *notes, uint32_t type, const char *text);

/* What Linux has: base 0xffffffff80000000, two segments from 1 MiB on, INIT_P2M, MOD_START_PFN. */
struct kernel_spec spec_like_linux(GByteArray *notes);
/* What an old 32-bit kernel has: base 0xc0000000, one segment, a hypercall page. */
struct kernel_spec spec_like_pae(GByteArray *notes);

/* Wraps a payload into a bzImage of the boot protocol version. */
GByteArray *make_bzimage(const void *payload, size_t len, unsigned version);
/* gzip of data, as the payload of a bzImage. */
GByteArray *make_gzip(const void *data, size_t len);
