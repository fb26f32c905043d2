#include "hostile.h"
#include "event.h"
#include "mem.h"
#include "user.h"

/* A trap with the stack pointer where nothing is. */
static void end_stack(void)
{
    __asm__ volatile("movq %[sp], %%rsp; ud2" ::[sp] "r"(0x7000dead000) : "memory");
}

/* The same with the kernel's stack for traps of user mode; in the hypervisor's memory even. */
static void end_entry_stack(void)
{
    user_init();
    hypercall(stack_switch, FLAT_KERNEL_SS64, 0xffff830000004000);
    user_run(user_syscall, 0);
}

static void end_no_handler(void)
{
    hypercall(set_trap_table, 0);
    __asm__ volatile("ud2");
}

/* No frame for HYPERVISOR_iret. */
static void end_iret(void)
{
    __asm__ volatile("movq %[sp], %%rsp; movl $23, %%eax; syscall" ::[sp] "r"(0x7000dead000)
                     : "memory");
}

/* An event handler that is nowhere. */
static void end_callback(void)
{
    unsigned port = port_ipi(0);

    hypercall(set_trap_table, 0);
    hypercall(set_callbacks, 0x7000dead000, 0x7000dead000, 0x7000dead000);
    events_on();
    port_send(port);
}

/* Its own code, made not present. */
static void end_unmap(void)
{
    hypercall(update_va_mapping, (uint64_t)end_unmap & ~(PAGE_SIZE - 1), 0, UVMF_TLB_FLUSH);
    hypercall(update_va_mapping, (uint64_t)stub(14) & ~(PAGE_SIZE - 1), 0, UVMF_TLB_FLUSH);
}

void hostile_end(const char *name)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ends[] = {{"stack", end_stack},           {"entry-stack", end_entry_stack},
                {"no-handler", end_no_handler}, {"iret", end_iret},
                {"callback", end_callback},     {"unmap", end_unmap}};

    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
        if (streq(name, ends[i].name)) {
            ends[i].run();
            shut_down(SHUTDOWN_reboot); /* it went on as if nothing were wrong */
        }
    }
}
