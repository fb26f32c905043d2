#include "guest.h"

void *memset(void *to, int c, size_t n)
{
    void *d = to;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    void *d = to;

    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;

    for (; n; n--, p++, q++) {
        if (*p != *q)
            return *p - *q;
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

bool streq(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && memcmp(a, b, strlen(a)) == 0;
}

struct out {
    char *buf;
    size_t size, n;
};

static void put(struct out *o, char c)
{
    if (o->n + 1 < o->size)
        o->buf[o->n++] = c;
}

/* Without a 64-bit division, for which 32-bit code would need the compiler's library. */
static unsigned divide(uint64_t *val, unsigned base)
{
    uint32_t high = (uint32_t)(*val >> 32), low = (uint32_t)*val, rest = high % base;

    high /= base;
    __asm__("divl %[base]" : "+a"(low), "+d"(rest) : [base] "r"(base));
    *val = (uint64_t)high << 32 | low;
    return rest;
}

static void put_number(struct out *o, uint64_t val, unsigned base, unsigned width, char fill)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[divide(&val, base)];
    } while (val);
    for (; width > n; width--)
        put(o, fill);
    while (n)
        put(o, digits[--n]);
}

/* %s %c %d %u %x with l, and a width. */
unsigned vformat(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
    struct out o = {buf, size, 0};

    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        fmt++;
        char fill = *fmt == '0' ? '0' : ' ';
        unsigned width = 0;
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            width = width * 10 + (unsigned)(*fmt - '0');
        bool wide = *fmt == 'l';
        while (*fmt == 'l')
            fmt++;
        if (*fmt == 's') {
            for (const char *s = __builtin_va_arg(ap, const char *); *s; s++)
                put(&o, *s);
        } else if (*fmt == 'c') {
            put(&o, (char)__builtin_va_arg(ap, int));
        } else if (*fmt == 'd') {
            long val = wide ? __builtin_va_arg(ap, long) : __builtin_va_arg(ap, int);
            if (val < 0)
                put(&o, '-');
            put_number(&o, val < 0 ? -(uint64_t)val : (uint64_t)val, 10, width, fill);
        } else if (*fmt == 'u' || *fmt == 'x') {
            uint64_t val = wide ? __builtin_va_arg(ap, unsigned long)
                                : __builtin_va_arg(ap, unsigned);
            put_number(&o, val, *fmt == 'x' ? 16 : 10, width, fill);
        } else {
            put(&o, *fmt);
        }
    }
    buf[o.n] = 0;
    return (unsigned)o.n;
}

unsigned format(char *buf, size_t size, const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    unsigned n = vformat(buf, size, fmt, ap);
    __builtin_va_end(ap);
    return n;
}

const char *option(const char *name, char *buf, size_t size)
{
    const char *s = (const char *)start_info->cmd_line;
    size_t len = strlen(name), n = 0;

    while (*s) {
        while (*s == ' ')
            s++;
        if (memcmp(s, name, len) == 0 && s[len] == '=') {
            for (s += len + 1; *s && *s != ' ' && n + 1 < size; s++)
                buf[n++] = *s;
            buf[n] = 0;
            return buf;
        }
        while (*s && *s != ' ')
            s++;
    }
    return NULL;
}
