#include "guest.h"

long hypercall5(unsigned nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
                unsigned long e)
{
    unsigned long target = (unsigned long)hypercall_page + nr * 32;

    __asm__ volatile("call *%[target]"
                     : [target] "+a"(target), "+b"(a), "+c"(b), "+d"(c), "+S"(d), "+D"(e)
                     :
                     : "memory", "cc");
    return (long)target;
}

long hypercall_raw(uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    unsigned long ret = nr, arg[] = {(unsigned long)a, (unsigned long)b, (unsigned long)c,
                                     (unsigned long)d, (unsigned long)e};

    __asm__ volatile("int $0x82"
                     : "+a"(ret), "+b"(arg[0]), "+c"(arg[1]), "+d"(arg[2]), "+S"(arg[3]),
                       "+D"(arg[4])
                     :
                     : "memory", "cc");
    return (long)ret;
}
