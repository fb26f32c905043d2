/*
 * The command line: run=GROUP[,GROUP] (all but hostile), vcpus=N, host=xen (a real Xen: what cuts us off from
 * the console there is left out, and the FIFO form of events, from which only a reset leads back, comes
 * last), and how to end:
 * end=poweroff|reboot|crash|halt|down (the last vCPU)|code (a shutdown code of crash, then
 * power-off)|watchdog, and the names in hostile_end.c. boots=TITLE: says first what GRUB says when it starts that entry.
 */
#include "event.h"
#include "hostile.h"
#include "mem.h"

const struct start_info *start_info;
struct shared_info *shared_info;
unsigned nr_cpus = 1;
bool real_xen;

static const struct group {
    const char *name;
    void (*run)(void);
    bool by_name; /* not part of "all" */
} groups[] = {
    {"info", test_info},
    {"version", test_version},
    {"traps", test_traps},
    {"events", test_events},
    {"fifo", test_fifo},
    {"time", test_time},
    {"smp", test_smp},
    {"patch", test_patch},
    {"sched", test_sched},
    {"memory", test_memory},
    {"mmu", test_mmu},
    {"multicall", test_multicall},
    {"grants", test_grants},
    {"misc", test_misc},
#ifdef __x86_64__
    {"segments", test_segments},
    {"user", test_user},
    {"priv", test_priv},
    {"hostile", test_hostile, true},
    {"diskwriter", disk_writer, true},
    {"held", test_held, true},
    {"hostile_blk", test_hostile_blk, true},
    {"hostile_console", test_hostile_console, true},
    {"hostile_fb", test_hostile_fb, true},
    {"hostile_net", test_hostile_net, true},
    {"hostile_store", test_hostile_store, true},
#endif
};

void shut_down(unsigned reason)
{
    struct sched_shutdown arg = {reason};

    hypercall(sched_op, SCHEDOP_shutdown, &arg);
    for (;;)
        hypercall(sched_op, SCHEDOP_block);
}

/* list: words with commas; NULL: all. */
static bool wanted(const char *list, const struct group *g)
{
    size_t len = strlen(g->name);

    if (!list || streq(list, "all"))
        return !g->by_name;
    while (*list) {
        if (memcmp(list, g->name, len) == 0 && (list[len] == ',' || !list[len]))
            return true;
        while (*list && *list != ',')
            list++;
        if (*list)
            list++;
    }
    return false;
}

static unsigned end_reason(void)
{
    char buf[16];
    const char *end = option("end", buf, sizeof(buf));

    if (end && streq(end, "reboot"))
        return SHUTDOWN_reboot;
    if (end && streq(end, "crash"))
        return SHUTDOWN_crash;
    return SHUTDOWN_poweroff;
}

/* Returns for the ends that are a plain SCHEDOP_shutdown. */
static void end_otherwise(const char *end)
{
    struct sched_shutdown code = {SHUTDOWN_crash};
    struct sched_watchdog watchdog = {.id = 0, .timeout = 1};

#ifdef __x86_64__
    hostile_end(end);
#endif
    if (streq(end, "down")) {
        for (unsigned id = nr_cpus; id-- > 0;)
            hypercall(vcpu_op, VCPUOP_down, id);
    } else if (streq(end, "code")) {
        hypercall(sched_op, SCHEDOP_shutdown_code, &code);
    } else if (streq(end, "watchdog")) {
        hypercall(sched_op, SCHEDOP_watchdog, &watchdog);
    }
    while (streq(end, "watchdog") || streq(end, "halt"))
        hypercall(sched_op, SCHEDOP_block);
}

static unsigned number(const char *s)
{
    unsigned n = 0;

    while (s && *s >= '0' && *s <= '9')
        n = n * 10 + (unsigned)(*s++ - '0');
    return n;
}

static void map_shared_info(void)
{
    static uint8_t page[4096] __attribute__((aligned(4096), section(".bss.page")));

    if (update_va(page, start_info->shared_info | KERNEL_RW, UVMF_INVLPG))
        bail_out("shared_info can't be mapped");
    shared_info = (struct shared_info *)page;
    for (unsigned i = 0; i < MAX_CPUS; i++)
        vcpu_infos[i] = &shared_info->vcpu_info[i];
    port_mask(start_info->console.domU.evtchn, true); /* the console is only written to */
}

/* last: those that must come last on a real Xen. */
static void run_groups(const char *list, bool last)
{
    for (const struct group *g = groups; g < groups + ARRAY_SIZE(groups); g++) {
        if (!wanted(list, g) || last != (real_xen && g->run == test_fifo))
            continue;
        note("group %s", g->name);
        g->run();
    }
}

_Noreturn void guest_main(const struct start_info *si)
{
    char list[256], word[16];

    start_info = si;
    console_init();
    const char *run = option("run", list, sizeof(list));
    if (option("vcpus", word, sizeof(word)))
        nr_cpus = number(word);
    real_xen = option("host", word, sizeof(word)) && streq(word, "xen");
    if (nr_cpus < 1 || nr_cpus > MAX_CPUS)
        bail_out("vcpus=%u", nr_cpus);
    map_shared_info();
    traps_register();
    hypercall(vcpu_op, VCPUOP_stop_periodic_timer, 0); /* Xen starts each vCPU with one */
    if (option("boots", word, sizeof(word)))
        print("Booting `%s'\n", word);
    run_groups(run, false);
    if (real_xen)
        run_groups(run, true);
    tap_plan();
    console_flush();
    if (option("end", word, sizeof(word)))
        end_otherwise(word);
    shut_down(end_reason());
}
