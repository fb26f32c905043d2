/* The test kernel: what its files share. It never loads CS or SS and never looks at its own ring. */
#pragma once

#define MAX_CPUS    32
#define STACK_BYTES 16384
#ifdef __x86_64__
#define VIRT_BASE 0xffffffff80000000
#else
#define VIRT_BASE 0xc0000000
#endif

/* Entries of ours that are no exceptions: entry_stubs continues with them. */
#define VECTOR_EVENT    256
#define VECTOR_SYSCALL  257
#define VECTOR_FAILSAFE 258

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define PAGE_SIZE  4096ul
#define PAGE_SHIFT 12
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))
#define barrier()  __asm__ volatile("" ::: "memory")
#define smp_mb()   __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define BITS_PER_LONG (8 * sizeof(long)) /* what a word of the event channels' bits has */
/* What a domain of this width is called. */
#ifdef __x86_64__
#define GUEST_KIND "xen-3.0-x86_64"
#define NO_FRAME   (1ul << 40) /* no machine has it */
#else
#define GUEST_KIND "xen-3.0-x86_32p"
#define NO_FRAME   0xf0000000ul
#endif
/* A guest address where nothing is mapped. */
#ifdef __x86_64__
#define NOWHERE 0x7000dead000
#else
#define NOWHERE 0x0dead000
#endif
#define pause()    __asm__ volatile("pause" ::: "memory")

#ifdef __x86_64__
#define SP "rsp"
#else
#define SP "esp"
#endif

/* start.S, start32.S */
extern uint8_t hypercall_page[], stacks[];

/* hypercall.c: every call has at most five arguments; what is left out is 0. */
long hypercall5(unsigned nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
                unsigned long e);
/* Without the page, for any number. */
long hypercall_raw(uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
#define HC_ARG(x) ((unsigned long)(x))
#define HC_6(nr, a, b, c, d, e, ...) \
    hypercall5(nr, HC_ARG(a), HC_ARG(b), HC_ARG(c), HC_ARG(d), HC_ARG(e))
#define hypercall(nr, ...) HC_6(__HYPERVISOR_##nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* lib.c */
void *memset(void *to, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
bool streq(const char *a, const char *b);
unsigned vformat(char *buf, size_t size, const char *fmt, __builtin_va_list ap);
unsigned format(char *buf, size_t size, const char *fmt, ...);
/* The value of "name=" on the command line, or NULL; copied to buf. */
const char *option(const char *name, char *buf, size_t size);

/* console.c */
void console_init(void);
void console_flush(void);
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* tap.c */
void ok_(bool good, long got, long want, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* got equals want; ... names the check, printf-like */
#define is(got, want, ...)                                                                         \
    do {                                                                                           \
        long is_got = (long)(got), is_want = (long)(want);                                         \
        ok_(is_got == is_want, is_got, is_want, __VA_ARGS__);                                      \
    } while (0)
#define ok(good, ...)                                                                              \
    do {                                                                                           \
        bool ok_good = (good);                                                                     \
        ok_(ok_good, ok_good, 1, __VA_ARGS__);                                                     \
    } while (0)
/* As is(); on a real Xen `there` is skipped, with the reason: the CPU's, or how that Xen was built. */
#define is_or(got, want, there, why, name) \
    is_or_((long)(got), (long)(want), (long)(there), why, name)
void is_or_(long got, long want, long there, const char *why, const char *name);
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void skip_rest(const char *group, const char *why);
void tap_plan(void);
_Noreturn void bail_out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* main.c */
extern const struct start_info *start_info;
extern struct shared_info *shared_info;
extern unsigned nr_cpus; /* vcpus= */
extern bool real_xen;    /* host=xen */
_Noreturn void guest_main(const struct start_info *si);
_Noreturn void shut_down(unsigned reason);

static inline unsigned this_cpu(void)
{
    unsigned long sp;

    __asm__("mov %%" SP ", %0" : "=r"(sp));
    unsigned n = (unsigned)((sp - 1 - (unsigned long)stacks) / STACK_BYTES);
    return n < MAX_CPUS ? n : 0; /* one more stack serves the first vCPU's traps from user mode */
}

/* The groups, one file each. */
void disk_writer(void);
void test_held(void);
void test_events(void);
void test_fifo(void);
void test_grants(void);
void test_hostile(void);
void test_info(void);
void test_memory(void);
void test_misc(void);
void test_mmu(void);
void test_multicall(void);
void test_patch(void);
void test_priv(void);
void test_sched(void);
void test_segments(void);
void test_smp(void);
void test_time(void);
void test_traps(void);
void test_user(void);
void test_version(void);

#endif
