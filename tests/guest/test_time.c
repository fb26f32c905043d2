/* pvclock, set_timer_op, the singleshot and periodic timers, runstate. */
#include "event.h"

static unsigned timer_port;

static void clock(void)
{
    uint64_t last = now(), tsc = rdtsc();
    unsigned back = 0;

    ok(last > 0, "pvclock: counts from the start of the domain");
    ok(last < 3600 * S, "pvclock: which was not long ago");
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t t = now();
        back += t < last;
        last = t;
    }
    is(back, 0, "pvclock: never goes back");
    ok(rdtsc() > tsc, "rdtsc goes on");
    uint64_t begin = now();
    while (now() - begin < MS)
        pause();
    ok(now() - begin < 5 * S, "pvclock: a millisecond passes");
}

static void timer_op(void)
{
    uint64_t at = now() + 3 * MS;

    port_count[timer_port] = 0;
    is(set_timer(at), 0, "set_timer_op");
    ok(wait_for(port_count[timer_port], 5 * S), "set_timer_op: fires");
    ok(now() >= at, "set_timer_op: not before its time");
    is(port_count[timer_port], 1, "set_timer_op: once");
    is(set_timer(1), 0, "set_timer_op with a time in the past");
    ok(wait_for(port_count[timer_port] == 2, 5 * S), "set_timer_op in the past: fires at once");
    is(set_timer(now() + 5 * MS), 0, "set_timer_op, to be stopped");
    is(set_timer(0), 0, "set_timer_op 0");
    at = now() + 20 * MS;
    while (now() < at)
        pause();
    is(port_count[timer_port], 2, "set_timer_op 0: stopped");
}

static void singleshot(void)
{
    struct vcpu_set_singleshot_timer set = {.timeout_abs_ns = now() + 2 * MS};

    port_count[timer_port] = 0;
    is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &set), 0, "set_singleshot_timer");
    ok(wait_for(port_count[timer_port], 5 * S), "singleshot: fires");
    ok(now() >= set.timeout_abs_ns, "singleshot: not before its time");
    set = (struct vcpu_set_singleshot_timer){now() - MS, VCPU_SSHOTTMR_future};
    is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &set), 0,
       "singleshot in the past, VCPU_SSHOTTMR_future");
    ok(wait_for(port_count[timer_port] == 2, 5 * S), "singleshot in the past: fires");
    set = (struct vcpu_set_singleshot_timer){now() + 5 * S, VCPU_SSHOTTMR_future};
    is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &set), 0, "singleshot in the future");
    set.timeout_abs_ns = now() + 5 * MS;
    is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, &set), 0, "singleshot, set anew");
    is(hypercall(vcpu_op, VCPUOP_stop_singleshot_timer, 0), 0, "stop_singleshot_timer");
    uint64_t end = now() + 20 * MS;
    while (now() < end)
        pause();
    is(port_count[timer_port], 2, "stop_singleshot_timer: nothing fires");
    is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0, NOWHERE), -XEN_EFAULT,
       "set_singleshot_timer, bad pointer");
}

static void periodic(void)
{
    struct vcpu_set_periodic_timer set = {.period_ns = 2 * MS};

    port_count[timer_port] = 0;
    is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 0, &set), 0, "set_periodic_timer");
    ok(wait_for(port_count[timer_port] >= 5, 10 * S), "periodic: fires and fires");
    is(hypercall(vcpu_op, VCPUOP_stop_periodic_timer, 0), 0, "stop_periodic_timer");
    unsigned count = port_count[timer_port];
    uint64_t end = now() + 20 * MS;
    while (now() < end)
        pause();
    ok(port_count[timer_port] <= count + 1, "stop_periodic_timer: stopped");
    set.period_ns = 999999;
    is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 0, &set), -XEN_EINVAL,
       "set_periodic_timer: less than a millisecond");
    set.period_ns = ~0ull;
    is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 0, &set), -XEN_EINVAL,
       "set_periodic_timer: longer than time");
    is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 0, NOWHERE), -XEN_EFAULT,
       "set_periodic_timer, bad pointer");
}

static void block_ms(unsigned ms)
{
    unsigned count = port_count[timer_port];

    events_off();
    set_timer(now() + ms * MS);
    while (port_count[timer_port] == count)
        block();
    events_on();
}

static uint64_t total(const struct vcpu_runstate_info *r)
{
    return r->time[0] + r->time[1] + r->time[2] + r->time[3];
}

/*
 * Blocks until what *area says (NULL: what Xen says when asked) has grown by 3 ms: on a busy machine a timer may
 * be over before we come to block.
 */
static bool blocks(const struct vcpu_runstate_info *area, uint64_t before)
{
    struct vcpu_runstate_info r = {0};

    for (unsigned ms = 5; ms < 1000; ms *= 2) {
        block_ms(ms);
        if (!area)
            hypercall(vcpu_op, VCPUOP_get_runstate_info, 0, &r);
        if ((area ? area : &r)->time[RUNSTATE_blocked] >= before + 3 * MS)
            return true;
    }
    return false;
}

static void runstate(void)
{
    static struct vcpu_runstate_info area;
    struct vcpu_register_runstate_memory_area reg = {.addr.v = &area};
    struct vcpu_runstate_info a, b;

    is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 0, &a), 0, "get_runstate_info");
    is(a.state, RUNSTATE_running, "runstate: running");
    ok(a.time[RUNSTATE_running] > 0, "runstate: time running");
    ok(blocks(NULL, a.time[RUNSTATE_blocked]), "runstate: time blocked");
    is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 0, &b), 0, "get_runstate_info again");
    ok(b.state_entry_time > a.state_entry_time, "runstate: running since later");
    ok(total(&b) >= total(&a) + 3 * MS && total(&b) <= now() + MS, "runstate: the sum is the time");
    is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 0, NOWHERE), -XEN_EFAULT,
       "get_runstate_info, bad pointer");

    memset(&area, 0xff, sizeof(area));
    is(hypercall(vcpu_op, VCPUOP_register_runstate_memory_area, 0, &reg), 0,
       "register_runstate_memory_area");
    is(area.state, RUNSTATE_running, "area: filled at once");
    a = area;
    ok(blocks(&area, a.time[RUNSTATE_blocked]), "area: kept up to date");
    is(hypercall(vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0,
       "vm_assist runstate_update_flag");
    block_ms(2);
    is(area.state_entry_time >> 63, 0, "area: the update flag is clear in between");
    is(hypercall(vm_assist, VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0,
       "vm_assist without it");
    is(hypercall(vcpu_op, VCPUOP_register_runstate_memory_area, 0, NOWHERE), -XEN_EFAULT,
       "register_runstate_memory_area, bad pointer");
    reg.addr.v = NULL;
    is(hypercall(vcpu_op, VCPUOP_register_runstate_memory_area, 0, &reg), 0, "area: none again");
}

static void time_area(void)
{
    static struct vcpu_time_info area;
    struct vcpu_register_time_memory_area reg = {.addr.v = &area};

    is(hypercall(vcpu_op, VCPUOP_register_vcpu_time_memory_area, 0, &reg), 0,
       "register_vcpu_time_memory_area");
    uint64_t t = now(), u = clock_of(&area);
    ok(u >= t && u - t < S, "time area: the same clock");
    is(hypercall(vcpu_op, VCPUOP_register_vcpu_time_memory_area, 0, NOWHERE), -XEN_EFAULT,
       "register_vcpu_time_memory_area, bad pointer");
}

static void errors(void)
{
    is(hypercall(vcpu_op, VCPUOP_is_up, 1000), -XEN_ENOENT, "vcpu_op: no such vCPU");
    is(hypercall(vcpu_op, 99, 0), -XEN_ENOSYS, "vcpu_op: unknown command");
    is(hypercall(vcpu_op, VCPUOP_get_physid, 0, &timer_port), -XEN_EINVAL, "get_physid");
}

void test_time(void)
{
    timer_port = port_virq(VIRQ_TIMER, 0);
    ok(timer_port, "a port for the timer");
    events_on();
    clock();
    timer_op();
    singleshot();
    periodic();
    runstate();
    time_area();
    errors();
    events_off();
    port_close(timer_port);
}
