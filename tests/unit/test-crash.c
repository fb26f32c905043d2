/* domain/crash.c: the report on a vCPU, from a shared page that the guest may have written. */
#include "xenner/domain/crash.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/xen.h>

#define BASE 0xffffffff81000000ull

static struct dom_symbol names[] = {
    {BASE, "first"},
    {BASE + 0x100, "start_kernel"},
    {BASE + 0x200, "panic"},
    {BASE + 0x200, "panic_alias"},
};

static GArray *make_symbols(void)
{
    GArray *a = g_array_new(FALSE, FALSE, sizeof(struct dom_symbol));

    return g_array_append_vals(a, names, G_N_ELEMENTS(names));
}

static void symbols(void **state)
{
    static const struct {
        uint64_t addr;
        const char *name;
    } cases[] = {
        {0, NULL},
        {BASE - 1, NULL},
        {BASE, "first+0x0"},
        {BASE + 0xff, "first+0xff"},
        {BASE + 0x100, "start_kernel+0x0"},
        {BASE + 0x1ab, "start_kernel+0xab"},
        {BASE + 0x200, "panic_alias+0x0"}, /* one of the two */
        {BASE + 0x200 + 0x100000, "panic_alias+0x100000"},
        {BASE + 0x200 + 0x100001, NULL}, /* too far away */
        {UINT64_MAX, NULL},
    };
    g_autoptr(GArray) symbols = make_symbols();
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct dom_symbol));
    struct dom_image img = {.symbols = symbols}, stripped = {0}, empty = {.symbols = none};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *got = crash_symbol(&img, cases[i].addr);
        if (g_strcmp0(got, cases[i].name) != 0)
            fail_msg("case %zu: %s", i, got ? got : "none");
        assert_null(crash_symbol(&stripped, cases[i].addr));
        assert_null(crash_symbol(&empty, cases[i].addr));
    }
}

static void put_word(struct emu_vcpu_shared *s, unsigned at, uint64_t word, size_t size)
{
    memcpy(s->stack + at, &word, size);
}

static struct emu_vcpu_shared *make_shared(void)
{
    struct emu_vcpu_shared *s = g_new0(struct emu_vcpu_shared, 1);
    struct cpu_user_regs r = {
        .r15 = 0x15, .r14 = 0x14, .r13 = 0x13, .r12 = 0x12, .rbp = 0xb9, .rbx = 0xbb, .r11 = 0x11,
        .r10 = 0x10, .r9 = 9, .r8 = 8, .rax = 0xaa, .rcx = 0xcc, .rdx = 0xdd, .rsi = 0x51,
        .rdi = 0xd1, .rip = BASE + 0x234, .cs = 0xe033, .rflags = 0x246,
        .rsp = 0xffffc90000003000, .ss = 0xe02b,
    };

    memcpy(s->regs, &r, sizeof(r));
    s->cr2 = 0xc2;
    s->cr3 = 0xc3;
    s->fs_base = 0xf5;
    s->gs_base = 0x65;
    put_word(s, 0, 0x1111, 8);
    put_word(s, 8, BASE + 0x110, 8);
    put_word(s, 48, BASE + 0x3, 8);
    s->stack_valid = 64;
    return s;
}

static void whole_report(void **state)
{
    static const char *const want =
        "vCPU 3:\n"
        "  rip    ffffffff81000234 panic_alias+0x34\n"
        "  rflags 0000000000000246  cs e033  ss e02b\n"
        "  rax 00000000000000aa  rbx 00000000000000bb  rcx 00000000000000cc  rdx 00000000000000dd\n"
        "  rsi 0000000000000051  rdi 00000000000000d1  rbp 00000000000000b9  rsp ffffc90000003000\n"
        "  r8  0000000000000008  r9  0000000000000009  r10 0000000000000010  r11 0000000000000011\n"
        "  r12 0000000000000012  r13 0000000000000013  r14 0000000000000014  r15 0000000000000015\n"
        "  cr2 00000000000000c2  cr3 00000000000000c3  fs  00000000000000f5  gs  0000000000000065\n"
        "  ffffc90000003000: 0000000000001111 ffffffff81000110 0000000000000000 0000000000000000\n"
        "  ffffc90000003020: 0000000000000000 0000000000000000 ffffffff81000003 0000000000000000\n"
        "  possible callers:\n"
        "    ffffffff81000110 start_kernel+0x10\n"
        "    ffffffff81000003 first+0x3\n";
    g_autofree struct emu_vcpu_shared *s = make_shared();
    g_autoptr(GArray) symbols = make_symbols();
    g_autoptr(GString) out = g_string_new(NULL);
    struct dom_image img = {.symbols = symbols, .virt_base = BASE, .virt_end = BASE + 0x1000};

    crash_report_vcpu(s, 3, &img, out);
    assert_string_equal(out->str, want);
}

/* Without symbols: what lies in the kernel's image. */
static void stripped_kernel(void **state)
{
    g_autofree struct emu_vcpu_shared *s = make_shared();
    g_autoptr(GString) out = g_string_new(NULL);
    struct dom_image img = {.virt_base = BASE + 0x100, .virt_end = BASE + 0x1000};

    crash_report_vcpu(s, 0, &img, out);
    assert_non_null(strstr(out->str, "  rip    ffffffff81000234\n"));
    assert_non_null(strstr(out->str, "  possible callers:\n    ffffffff81000110\n"));
    assert_null(strstr(out->str, "    ffffffff81000003\n"));
}

/* 32-bit guests have words of 4 bytes on their stacks. */
static void narrow_stack(void **state)
{
    g_autofree struct emu_vcpu_shared *s = g_new0(struct emu_vcpu_shared, 1);
    g_autoptr(GString) out = g_string_new(NULL);
    struct dom_image img = {.pae32 = true, .virt_base = 0xc0000000, .virt_end = 0xc1000000};

    put_word(s, 0, 0xc0100004, 4);
    put_word(s, 4, 0xc0100008, 4);
    put_word(s, 12, 0xc010000c, 4);
    s->stack_valid = 12;
    crash_report_vcpu(s, 0, &img, out);
    assert_non_null(strstr(out->str, "callers:\n    00000000c0100004\n    00000000c0100008\n"));
    assert_null(strstr(out->str, "c010000c"));
}

/* The guest wrote the page full: bounded text, nothing behind the page is read. */
static void hostile_page(void **state)
{
    static const uint32_t sizes[] = {0, 1, 7, 8, 31, 32, 1023, 1024, 1025, UINT32_MAX};
    struct emu_vcpu_shared *s = g_new(struct emu_vcpu_shared, 1);
    struct dom_image img = {.virt_base = 0, .virt_end = UINT64_MAX}, elsewhere = {0};

    memset(s, 0x41, sizeof(*s));
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        unsigned lines = 0;

        s->stack_valid = sizes[i];
        crash_report_vcpu(s, 0, &img, out);
        g_autoptr(GString) no_callers = g_string_new(NULL);
        crash_report_vcpu(s, 0, &elsewhere, no_callers); /* looks at the whole stack */
        assert_null(strstr(no_callers->str, "callers"));
        for (const char *c = out->str; *c; c++)
            lines += *c == '\n';
        unsigned shown = MIN(sizes[i], 1024);
        unsigned callers = MIN(shown / 8, 24);
        assert_int_equal(lines, 8 + MIN(shown, 256) / 32 + callers + (callers > 0));
    }
    g_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols),      cmocka_unit_test(whole_report),
        cmocka_unit_test(stripped_kernel), cmocka_unit_test(narrow_stack),
        cmocka_unit_test(hostile_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
