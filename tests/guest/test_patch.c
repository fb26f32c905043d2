/*
 * Code patched under another vCPU's feet, as a kernel does it that replaces instructions while it runs: a
 * breakpoint over the first byte, the rest, the first byte again. Needs vcpus=2.
 *
 * Whether the other vCPU meets the breakpoint isn't told: it may be at the same time, and QEMU's TCG (7.2)
 * lets a vCPU that runs the code miss a write now and then. What counts is the end: the new code runs.
 */
#include "mem.h"
#include "smp.h"

#define ROUNDS 2000u
/* Where one CPU runs both vCPUs, some milliseconds each, as on the rigs, less must do. */
#define LONG_ENOUGH (2 * S)

/* MOV imm32 to the D register; behind it a jump back, to where the A register says. */
static const uint8_t forms[2][5] = {{0xba, 1, 1, 1, 1}, {0xba, 2, 2, 2, 2}};
static const uint8_t jump_back[2] = {0xff, 0xe0};
static volatile uint8_t *code, *window;
static volatile bool stop;
static volatile unsigned calls, breakpoints, others, result;

static void call_it(unsigned id)
{
    unsigned long back, d = 0;

    while (!stop) {
        if (TRY("mov" W " $1f, %[back]\n\tjmp *%[code]", OUTS([back] "=&a"(back), "+d"(d)),
                [code] "r"(code)))
            result = (unsigned)d;
        else if (seen[id].regs.vector == 3)
            breakpoints++;
        else
            others++;
        smp_mb();
        calls++;
    }
}

static bool next_calls(unsigned n)
{
    unsigned c = calls;

    return wait_for(calls - c >= n, 5 * S);
}

/* Through a mapping that lives only as long, as a kernel does whose code is read-only. */
static void poke(unsigned at, const uint8_t *bytes, unsigned n)
{
    update_va((const void *)window, maddr_of((const void *)code) | KERNEL_RW, UVMF_INVLPG);
    for (unsigned i = 0; i < n; i++)
        window[at + i] = bytes[i];
    update_va((const void *)window, 0, UVMF_INVLPG);
}

static void patch(const uint8_t *form, unsigned delay)
{
    static const uint8_t int3 = 0xcc;

    poke(0, &int3, 1);
    next_calls(2);
    poke(1, form + 1, 4);
    for (unsigned i = 0; i < delay; i++)
        pause();
    poke(0, form, 1);
    next_calls(2);
}

void test_patch(void)
{
    unsigned late = 0, old = 0;
    uint64_t start = now();

    if (nr_cpus < 2) {
        skip_rest("patch", "needs two vCPUs");
        return;
    }
    code = page_alloc();
    window = page_alloc();
    poke(0, forms[0], 5);
    poke(5, jump_back, 2);
    ok(cpu_start(1), "vCPU 1 is there");
    stop = false;
    cpu_call(1, call_it);
    ok(next_calls(3), "it runs the code");
    for (unsigned n = 1; n <= ROUNDS && (n <= 20 || now() - start < LONG_ENOUGH); n++) {
        patch(forms[n & 1], n % 61 * 8);
        unsigned before = breakpoints;
        result = 0;
        smp_mb(); /* or the store comes after the other vCPU's two */
        next_calls(2);
        late += breakpoints - before;
        old += result != 0x01010101 * (1 + (n & 1));
    }
    stop = true;
    ok(cpu_wait(1), "and ends");
    is(late, 0, "no breakpoint once it is gone");
    is(old, 0, "nor the old code");
    is(others, 0, "nor any other exception");
}
