/*
 * ELF files for x86, both classes, from bytes nobody vouches for. elf_open() checks the header and
 * that both tables lie inside the file; what the tables say is checked by whoever uses it.
 */
#pragma once

#include <elf.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file {
    const uint8_t *data; /* borrowed */
    size_t len;
    bool is64;
    uint64_t entry;
    uint64_t phoff, shoff;
    unsigned phnum, shnum;
    unsigned shstrndx;
};

/* Both classes' headers, widened. */
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

struct elf_section {
    uint32_t name, type, link;
    uint64_t flags, addr, offset, size;
};

bool elf_probe(const uint8_t *data, size_t len);
bool elf_open(struct elf_file *ret, const uint8_t *data, size_t len, GError **error);

/* i below phnum, or shnum. */
struct elf_segment elf_segment(const struct elf_file *elf, unsigned i);
struct elf_section elf_section(const struct elf_file *elf, unsigned i);

/* A pointer to bytes of the file, or NULL when any of them lies outside. */
const uint8_t *elf_bytes(const struct elf_file *elf, uint64_t offset, uint64_t bytes);
/* A string of a string table's section, or NULL unless it ends with NUL inside, and soon. */
const char *elf_string(const struct elf_file *elf, const struct elf_section *table, uint64_t pos);
/* The first section of that name; false when there is none. */
bool elf_find_section(const struct elf_file *elf, const char *name, struct elf_section *ret);
