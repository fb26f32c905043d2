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
