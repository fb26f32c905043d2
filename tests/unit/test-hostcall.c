/* domain/hostcall.c: emu's requests, told apart; the frame is the guest's to scribble on. */
#include "xenner/domain/hostcall.h"

#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <xen/errno.h>

struct log {
    GString *text;
    bool grant;                 /* what shutdown() answers */
    struct emu_hostcall *frame; /* evtchn() scribbles on it, as another vCPU could */
};

static int64_t on_evtchn(void *opaque, unsigned vcpu, uint32_t cmd, void *arg, size_t size)
{
    struct log *l = opaque;

    g_string_append_printf(l->text, "evtchn %u %u %zu %u", vcpu, cmd, size, *(uint8_t *)arg);
    assert_int_equal(l->frame->state, EMU_HOSTCALL_SERVING);
    memset(l->frame->arg, 0xee, sizeof(l->frame->arg));
    l->frame->nr = EMU_HOSTCALL_PANIC;
    *(uint8_t *)arg = 42;
    return -XEN_EINVAL;
}

static bool on_shutdown(void *opaque, unsigned vcpu, uint32_t reason)
{
    struct log *l = opaque;

    g_string_append_printf(l->text, "shutdown %u %u", vcpu, reason);
    return l->grant;
}

static void on_console(void *opaque, const char *text, size_t len)
{
    g_string_append_printf(((struct log *)opaque)->text, "console %zu %.*s", len, (int)MIN(len, 9),
                           text);
}

static void on_release(void *opaque, uint64_t first, uint64_t count)
{
    g_string_append_printf(((struct log *)opaque)->text,
                           "release %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, first, count);
}

static void on_panic(void *opaque, unsigned vcpu, const char *text)
{
    g_string_append_printf(((struct log *)opaque)->text, "panic %u %zu %.9s", vcpu, strlen(text),
                           text);
}

static const struct hostcall_handlers handlers = {
    on_evtchn, on_shutdown, on_console, on_release, on_panic};

static void requests(void **state)
{
    static const uint64_t frames[] = {7, UINT64_MAX};
    static const struct {
        uint32_t nr, cmd;
        const void *arg;
        size_t len;
        bool grant;
        const char *log;
        bool answered;
        int64_t ret;
    } cases[] = {
        {EMU_HOSTCALL_EVTCHN, 4, "\x05", 1, 0, "evtchn 3 4 496 5", true, -XEN_EINVAL},
        {EMU_HOSTCALL_EVTCHN, UINT32_MAX, "", 1, 0, "evtchn 3 4294967295 496 0", true, -XEN_EINVAL},
        {EMU_HOSTCALL_SHUTDOWN, 2, "", 0, true, "shutdown 3 2", false, 0},
        {EMU_HOSTCALL_SHUTDOWN, 99, "", 0, false, "shutdown 3 99", true, 0},
        {EMU_HOSTCALL_CONSOLE_OUT, 5, "hello", 5, 0, "console 5 hello", true, 0},
        {EMU_HOSTCALL_CONSOLE_OUT, 0, "hello", 5, 0, "console 0 ", true, 0},
        {EMU_HOSTCALL_CONSOLE_OUT, 496, "hello", 5, 0, "console 496 hello", true, 0},
        {EMU_HOSTCALL_CONSOLE_OUT, 497, "hello", 5, 0, "", true, -XEN_EINVAL},
        {EMU_HOSTCALL_CONSOLE_OUT, UINT32_MAX, "hello", 5, 0, "", true, -XEN_EINVAL},
        {EMU_HOSTCALL_RELEASE, 0, frames, 16, 0, "release 7 18446744073709551615", true, 0},
        {EMU_HOSTCALL_PANIC, 0, "oops", 5, 0, "panic 3 4 oops", false, 0},
        {0, 0, "", 0, 0, "", true, -XEN_ENOSYS},
        {EMU_HOSTCALL_PANIC + 1, 0, "", 0, 0, "", true, -XEN_ENOSYS},
        {UINT32_MAX, 0, "", 0, 0, "", true, -XEN_ENOSYS},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree struct emu_hostcall *call = g_new0(struct emu_hostcall, 1);
        g_autoptr(GString) text = g_string_new(NULL);
        struct log l = {text, cases[i].grant, call};

        call->state = EMU_HOSTCALL_REQUEST;
        call->nr = cases[i].nr;
        call->cmd = cases[i].cmd;
        call->ret = 12345;
        memcpy(call->arg, cases[i].arg, cases[i].len);
        bool answered = hostcall_serve(call, 3, &handlers, &l);
        assert_string_equal(text->str, cases[i].log);
        assert_int_equal(answered, cases[i].answered);
        assert_int_equal(call->state, answered ? EMU_HOSTCALL_DONE : EMU_HOSTCALL_SERVING);
        assert_int_equal(call->ret, answered ? cases[i].ret : 12345);
        if (cases[i].nr == EMU_HOSTCALL_EVTCHN) { /* the answer is from our copy, all of it */
            assert_int_equal(call->arg[0], 42);
            assert_int_equal(call->arg[1], 0);
        }
        assert_false(hostcall_serve(call, 3, &handlers, &l)); /* once */
        assert_string_equal(text->str, cases[i].log);
    }
}

static void only_requests(void **state)
{
    static const uint32_t states[] = {EMU_HOSTCALL_IDLE, EMU_HOSTCALL_DONE, EMU_HOSTCALL_SERVING, 4,
                                      UINT32_MAX};

    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        struct emu_hostcall call = {.state = states[i], .nr = EMU_HOSTCALL_PANIC};
        struct log l = {0};

        assert_false(hostcall_serve(&call, 0, &handlers, &l));
        assert_int_equal(call.state, states[i]);
    }
}

/* A text without its end. */
static void panic_text(void **state)
{
    g_autofree struct emu_hostcall *call = g_new0(struct emu_hostcall, 1);
    g_autoptr(GString) text = g_string_new(NULL);
    struct log l = {.text = text};

    call->state = EMU_HOSTCALL_REQUEST;
    call->nr = EMU_HOSTCALL_PANIC;
    memset(call->arg, 'x', sizeof(call->arg));
    assert_false(hostcall_serve(call, 0, &handlers, &l));
    assert_string_equal(text->str, "panic 0 495 xxxxxxxxx");
}

static void count_call(void *opaque, const char *text, size_t len)
{
    g_atomic_int_inc((int *)opaque);
}

enum { ROUNDS = 2000 };

struct race {
    struct emu_hostcall call;
    int served, answered, stop;
};

static gpointer serve(gpointer data)
{
    static const struct hostcall_handlers only_console = {.console = count_call};
    struct race *r = data;

    while (!g_atomic_int_get(&r->stop)) {
        if (hostcall_serve(&r->call, 0, &only_console, &r->served))
            g_atomic_int_inc(&r->answered);
        else
            g_thread_yield();
    }
    return NULL;
}

/* Two threads see the same request: one serves it. */
static void served_once(void **state)
{
    g_autofree struct race *r = g_new0(struct race, 1);
    GThread *threads[] = {g_thread_new("a", serve, r), g_thread_new("b", serve, r)};

    for (unsigned i = 0; i < ROUNDS; i++) {
        r->call.nr = EMU_HOSTCALL_CONSOLE_OUT;
        __atomic_store_n(&r->call.state, EMU_HOSTCALL_REQUEST, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&r->call.state, __ATOMIC_SEQ_CST) != EMU_HOSTCALL_DONE)
            g_thread_yield();
    }
    g_atomic_int_set(&r->stop, 1);
    g_thread_join(threads[0]);
    g_thread_join(threads[1]);
    assert_int_equal(r->served, ROUNDS);
    assert_int_equal(r->answered, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(only_requests),
        cmocka_unit_test(panic_text),
        cmocka_unit_test(served_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
