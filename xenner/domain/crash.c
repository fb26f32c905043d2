#include "xenner/domain/crash.h"

#include <inttypes.h>
#include <string.h>
#include <xen/xen.h>

/* Symbols further away than this are no name for an address. */
#define SYMBOL_REACH 0x100000u

char *crash_symbol(const struct dom_image *img, uint64_t addr)
{
    const struct dom_symbol *best = NULL;

    if (!img->symbols)
        return NULL;
    for (guint lo = 0, hi = img->symbols->len; lo < hi;) {
        guint mid = lo + (hi - lo) / 2;
        const struct dom_symbol *s = &g_array_index(img->symbols, struct dom_symbol, mid);
        if (s->addr <= addr) {
            best = s;
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (!best || addr - best->addr > SYMBOL_REACH)
        return NULL;
    return g_strdup_printf("%s+0x%" PRIx64, best->name, addr - best->addr);
}

static void add_address(GString *out, const struct dom_image *img, uint64_t addr)
{
    g_autofree char *name = crash_symbol(img, addr);

    g_string_append_printf(out, "%016" PRIx64 "%s%s", addr, name ? " " : "", name ? name : "");
}

/* Words on the stack that lie in the kernel's image may be return addresses: said, not believed. */
static void add_trace(GString *out, const struct emu_vcpu_shared *s, uint32_t valid,
                      const struct dom_image *img)
{
    unsigned word = img->pae32 ? 4 : 8, shown = 0;

    for (uint32_t at = 0; at + word <= valid && shown < 24; at += word) {
        uint64_t addr = 0;
        g_autofree char *name = NULL;
        memcpy(&addr, s->stack + at, word);
        if (img->symbols)
            name = crash_symbol(img, addr);
        if (img->symbols ? !name : addr < img->virt_base || addr >= img->virt_end)
            continue;
        g_string_append(out, shown++ ? "    " : "  possible callers:\n    ");
        add_address(out, img, addr);
        g_string_append_c(out, '\n');
    }
}

static void add_stack(GString *out, const struct emu_vcpu_shared *s, uint32_t valid, uint64_t rsp)
{
    for (uint32_t at = 0; at + 32 <= MIN(valid, 256); at += 32) {
        uint64_t w[4];
        memcpy(w, s->stack + at, sizeof(w));
        g_string_append_printf(out, "  %016" PRIx64 ": %016" PRIx64 " %016" PRIx64 " %016" PRIx64
                               " %016" PRIx64 "\n", rsp + at, w[0], w[1], w[2], w[3]);
    }
}

void crash_report_vcpu(const struct emu_vcpu_shared *shared, unsigned vcpu,
                       const struct dom_image *img, GString *out)
{
    struct cpu_user_regs r;
    uint32_t valid = MIN(*(const volatile uint32_t *)&shared->stack_valid, sizeof(shared->stack));

    memcpy(&r, shared->regs, sizeof(r));
    g_string_append_printf(out, "vCPU %u:\n  rip    ", vcpu);
    add_address(out, img, r.rip);
    g_string_append_printf(out, "\n  rflags %016" PRIx64 "  cs %04x  ss %04x\n", r.rflags, r.cs, r.ss);
    const struct {
        const char *name;
        uint64_t val;
    } regs[] = {{"rax", r.rax}, {"rbx", r.rbx}, {"rcx", r.rcx}, {"rdx", r.rdx}, {"rsi", r.rsi},
                {"rdi", r.rdi}, {"rbp", r.rbp}, {"rsp", r.rsp}, {"r8 ", r.r8},  {"r9 ", r.r9},
                {"r10", r.r10}, {"r11", r.r11}, {"r12", r.r12}, {"r13", r.r13}, {"r14", r.r14},
                {"r15", r.r15}, {"cr2", shared->cr2}, {"cr3", shared->cr3},
                {"fs ", shared->fs_base}, {"gs ", shared->gs_base}};
    for (size_t i = 0; i < G_N_ELEMENTS(regs); i++)
        g_string_append_printf(out, "%s%s %016" PRIx64 "%s", i % 4 ? "  " : "  ", regs[i].name,
                               regs[i].val, i % 4 == 3 ? "\n" : "");
    add_stack(out, shared, valid, r.rsp);
    add_trace(out, shared, valid, img);
}
