#include "guest.h"

long hypercall5(unsigned nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
                unsigned long e)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    uint64_t target = (uint64_t)hypercall_page + nr * 32;

    __asm__ volatile("call *%[target]"
                     : [target] "+a"(target), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
                     :
                     : "rcx", "r11", "memory", "cc");
    return (long)target;
}

long hypercall_raw(uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    uint64_t ret = nr;

    __asm__ volatile("syscall"
                     : "+a"(ret), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
                     :
                     : "rcx", "r11", "memory", "cc");
    return (long)ret;
}
