#include "xenner/build/elf_symbols.h"
#include "xenner/build/builder.h"

#include <string.h>

/* Linux with everything has 200,000. */
#define MAX_SYMBOLS 1000000u
#define MAX_NAME    256u

struct symbol {
    uint32_t name;
    uint8_t info;
    uint16_t section;
    uint64_t value;
};

static struct symbol read_symbol(const struct elf_file *elf, const uint8_t *table, uint64_t i)
{
    Elf64_Sym s64;
    Elf32_Sym s32;

    if (elf->is64) {
        memcpy(&s64, table + i * sizeof(s64), sizeof(s64));
        return (struct symbol){s64.st_name, s64.st_info, s64.st_shndx, s64.st_value};
    }
    memcpy(&s32, table + i * sizeof(s32), sizeof(s32));
    return (struct symbol){s32.st_name, s32.st_info, s32.st_shndx, s32.st_value};
}

/* A label or function in a section with code. */
static bool is_code(const struct elf_file *elf, const struct symbol *s)
{
    unsigned type = ELF64_ST_TYPE(s->info); /* the same in both classes */

    if ((type != STT_FUNC && type != STT_NOTYPE) || s->section == SHN_UNDEF ||
        s->section >= elf->shnum)
        return false;
    return (elf_section(elf, s->section).flags & SHF_EXECINSTR) != 0;
}

static int compare_symbols(gconstpointer a, gconstpointer b)
{
    const struct dom_symbol *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void clear_symbol(gpointer p)
{
    g_free(((struct dom_symbol *)p)->name);
}

static void add_symbols(const struct elf_file *elf, const struct elf_section *symtab, GArray *ret)
{
    uint64_t count = symtab->size / (elf->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
    const uint8_t *table = elf_bytes(elf, symtab->offset, symtab->size);
    struct elf_section names;

    if (!table || symtab->link >= elf->shnum)
        return;
    names = elf_section(elf, symtab->link);
    for (uint64_t i = 1; i < MIN(count, MAX_SYMBOLS); i++) {
        struct symbol s = read_symbol(elf, table, i);
        const char *name = is_code(elf, &s) ? elf_string(elf, &names, s.name) : NULL;
        struct dom_symbol sym;

        if (!name || !*name || *name == '$')
            continue;
        sym = (struct dom_symbol){.addr = s.value, .name = g_strndup(name, MAX_NAME)};
        g_array_append_val(ret, sym);
    }
}

GArray *elf_symbols(const struct elf_file *elf)
{
    GArray *ret = g_array_new(FALSE, FALSE, sizeof(struct dom_symbol));

    g_array_set_clear_func(ret, clear_symbol);
    for (unsigned i = 1; i < elf->shnum; i++) {
        struct elf_section s = elf_section(elf, i);

        if (s.type == SHT_SYMTAB) { /* a file has one at most */
            add_symbols(elf, &s, ret);
            break;
        }
    }
    if (ret->len == 0) {
        g_array_unref(ret);
        return NULL;
    }
    g_array_sort(ret, compare_symbols);
    return ret;
}
