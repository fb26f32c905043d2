/* The Test Anything Protocol: a line a check, the plan at the end. */
#include "guest.h"

static unsigned count;

void ok_(bool good, long got, long want, const char *fmt, ...)
{
    char name[160];
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    vformat(name, sizeof(name), fmt, ap);
    __builtin_va_end(ap);
    count++;
    if (good)
        print("ok %u - %s\n", count, name);
    else
        print("not ok %u - %s # got %ld (0x%lx) want %ld (0x%lx)\n", count, name, got, got, want,
              want);
}

void is_or_(long got, long want, long there, const char *why, const char *name)
{
    if (!real_xen || got != there || got == want) {
        ok_(got == want, got, want, "%s", name);
        return;
    }
    count++;
    print("ok %u - %s # SKIP %s\n", count, name, why);
}

void note(const char *fmt, ...)
{
    char text[160];
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    vformat(text, sizeof(text), fmt, ap);
    __builtin_va_end(ap);
    print("# %s\n", text);
}

void skip_rest(const char *group, const char *why)
{
    count++;
    print("ok %u - %s # SKIP %s\n", count, group, why);
}

void tap_plan(void)
{
    print("1..%u\n", count);
}

void bail_out(const char *fmt, ...)
{
    char text[200];
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    vformat(text, sizeof(text), fmt, ap);
    __builtin_va_end(ap);
    print("Bail out! %s\n", text);
    console_flush();
    shut_down(SHUTDOWN_crash);
}
