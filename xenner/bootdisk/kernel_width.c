#include "xenner/bootdisk/kernel_width.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

/* bzImage's setup header, by offsets in the file. */
#define HEADER_MAGIC  0x202
#define VERSION       0x206
#define XLOADFLAGS    0x236
#define XLF_KERNEL_64 1u

static unsigned read_u16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static enum kernel_width elf_width(const uint8_t *head)
{
    unsigned machine = read_u16(head + offsetof(Elf32_Ehdr, e_machine)); /* where Elf64_Ehdr has it, too */

    if (head[EI_CLASS] == ELFCLASS32 && machine == EM_386)
        return KERNEL_32;
    return head[EI_CLASS] == ELFCLASS64 && machine == EM_X86_64 ? KERNEL_64 : KERNEL_UNKNOWN;
}

enum kernel_width kernel_width(const void *data, size_t len)
{
    const uint8_t *head = data;

    if (len >= sizeof(Elf32_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0)
        return elf_width(head);
    if (len < XLOADFLAGS + 2 || memcmp(head + HEADER_MAGIC, "HdrS", 4) != 0 ||
        read_u16(head + VERSION) < 0x20c)
        return KERNEL_UNKNOWN;
    return read_u16(head + XLOADFLAGS) & XLF_KERNEL_64 ? KERNEL_64 : KERNEL_32;
}
