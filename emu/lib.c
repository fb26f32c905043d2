/* What a freestanding program has to bring itself. */
#include "emu/emu.h"

#include <stdarg.h>

/* By words: TCG takes a turn of its own for each step of a string instruction. */
void *memcpy(void *to, const void *from, size_t n)
{
    void *ret = to;
    size_t words = n / 8, bytes = n % 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
    return ret;
}

void *memset(void *to, int c, size_t n)
{
    void *ret = to;
    uint64_t word = 0x0101010101010101ull * (uint8_t)c;
    size_t words = n / 8, bytes = n % 8;

    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(word) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(word) : "memory");
    return ret;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n; n--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
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

/*
 * Spinning with interrupts off would deadlock against a vCPU that waits for our TLB flush, so the
 * waiter serves flush requests meanwhile.
 */
void spin_lock(uint32_t *lock)
{
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE)) {
        flush_serve(this_vcpu());
        pause();
    }
}

void spin_unlock(uint32_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

struct out {
    char *buf;
    size_t size, len;
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len++] = c;
}

static void put_number(struct out *o, uint64_t val, unsigned base, unsigned width, bool zero)
{
    char digits[24];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[val % base];
        val /= base;
    } while (val);
    for (; width > n; width--)
        put(o, zero ? '0' : ' ');
    while (n)
        put(o, digits[--n]);
}

/* %s %c %d %u %x with l, width and 0; returns the length. */
int vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {buf, size, 0};

    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        bool zero = *++fmt == '0', wide = false;
        unsigned width = 0;
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            width = width * 10 + (unsigned)(*fmt - '0');
        for (; *fmt == 'l'; fmt++)
            wide = true;
        if (*fmt == 's') {
            for (const char *s = va_arg(ap, const char *); s && *s; s++)
                put(&o, *s);
        } else if (*fmt == 'c') {
            put(&o, (char)va_arg(ap, int));
        } else if (*fmt == 'd') {
            int64_t val = wide ? va_arg(ap, int64_t) : va_arg(ap, int);
            if (val < 0)
                put(&o, '-');
            put_number(&o, val < 0 ? -(uint64_t)val : (uint64_t)val, 10, width, zero);
        } else if (*fmt == 'u' || *fmt == 'x') {
            uint64_t val = wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned);
            put_number(&o, val, *fmt == 'u' ? 10 : 16, width, zero);
        } else {
            put(&o, *fmt);
        }
    }
    if (size)
        buf[o.len] = '\0';
    return (int)o.len;
}

static void log_text(const char *text, size_t len)
{
    struct emu_log *log = emu.log;

    spin_lock(&emu.log_lock);
    uint32_t prod = log->prod;
    uint32_t used = prod - __atomic_load_n(&log->cons, __ATOMIC_ACQUIRE);
    /* Full: the oldest stays, which tells more of a flood than its end does. */
    if (used <= EMU_LOG_SIZE && len <= EMU_LOG_SIZE - used) {
        for (size_t i = 0; i < len; i++)
            log->text[(prod + i) % EMU_LOG_SIZE] = text[i];
        __atomic_store_n(&log->prod, prod + (uint32_t)len, __ATOMIC_RELEASE);
    }
    spin_unlock(&emu.log_lock);
    host_ring_doorbell(0);
}

void printk(const char *fmt, ...)
{
    char buf[256];
    va_list ap;

    va_start(ap, fmt);
    int len = vformat(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    log_text(buf, (size_t)len);
}

void emu_panic(const char *fmt, ...)
{
    char buf[256];
    va_list ap;

    va_start(ap, fmt);
    vformat(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    __atomic_store_n(&emu.stopping, 1, __ATOMIC_SEQ_CST);
    hostcall(this_vcpu(), EMU_HOSTCALL_PANIC, 0, buf, sizeof(buf));
    for (;;)
        __asm__ volatile("cli; hlt");
}
