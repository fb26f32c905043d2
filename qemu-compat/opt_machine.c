/* -machine, -accel, -cpu, -smp, -m, -name, -uuid, -action. */
#include "qemu-compat/opt_backend.h"
#include "qemu-compat/optlist.h"
#include "xenner/config/size.h"

#include <string.h>

/* "kvm:tcg" in one go, or one name an option; both add to the list. */
static void add_accels(struct option_state *s, const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, ":", -1);

    for (unsigned i = 0; names[i]; i++)
        g_ptr_array_add(s->accels, g_strdup(names[i]));
}

bool opt_accel(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};

    if (strcmp(value, "help") == 0) {
        s->req->help = s->req->help ? s->req->help : HELP_ACCEL;
        return true;
    }
    bool ok = keyval_parse(value, "accel", &kv, error);
    if (ok) {
        const char *accel = keyval_get(&kv, "accel");
        /* tcg's own properties: the engine chooses them */
        keyval_get(&kv, "thread");
        keyval_get(&kv, "tb-size");
        if (accel && *accel)
            add_accels(s, accel);
        else
            ok = opt_error(error, "names no accelerator");
        ok = ok && keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    return ok;
}

static bool kernel_ring(const char *text, enum kernel_ring *ret, GError **error)
{
    if (strcmp(text, "auto") == 0)
        *ret = KERNEL_RING_AUTO;
    else if (strcmp(text, "1") == 0)
        *ret = KERNEL_RING_1;
    else if (strcmp(text, "3") == 0)
        *ret = KERNEL_RING_3;
    else
        return opt_error(error, "kernel-ring=%s: 'auto', '1' or '3'", text);
    return true;
}

static bool user_tables(const char *text, enum user_tables *ret, GError **error)
{
    if (strcmp(text, "auto") == 0)
        *ret = USER_TABLES_AUTO;
    else if (strcmp(text, "shared") == 0)
        *ret = USER_TABLES_SHARED;
    else if (strcmp(text, "split") == 0)
        *ret = USER_TABLES_SPLIT;
    else
        return opt_error(error, "user-tables=%s: 'auto', 'shared' or 'split'", text);
    return true;
}

/* A name of GRUB's, or a file; auto: what the disks hold decides; direct: none if that can be. */
static void bootloader(struct option_state *s, const char *text)
{
    s->cfg->boot.direct = strcmp(text, "direct") == 0;
    if (s->cfg->boot.direct)
        return;
    g_clear_pointer(&s->cfg->boot.loader, g_free);
    if (strcmp(text, "auto") == 0)
        return;
    if (strcmp(text, "x86_64") == 0)
        s->cfg->boot.loader = g_strdup(VM_CONFIG_GRUB("x86_64"));
    else if (strcmp(text, "i386") == 0)
        s->cfg->boot.loader = g_strdup(VM_CONFIG_GRUB("i386"));
    else
        s->cfg->boot.loader = g_strdup(text);
}

static bool firmware(const char *text, bool *ret_uefi, GError **error)
{
    *ret_uefi = strcmp(text, "uefi") == 0;
    return *ret_uefi || strcmp(text, "bios") == 0 || opt_error(error, "firmware=%s: 'bios' or 'uefi'", text);
}

/* off, on, or how many seconds the guest has */
static bool soft_quit(const char *text, struct vm_config *cfg, GError **error)
{
    uint64_t seconds = 0;

    cfg->soft_quit.on = strcmp(text, "off") != 0;
    if (cfg->soft_quit.on && strcmp(text, "on") != 0 &&
        (!number_parse(text, 86400, &seconds, NULL) || !seconds))
        return opt_error(error, "soft-quit=%s: 'on', 'off' or 1 to 86400 seconds", text);
    cfg->soft_quit.seconds = (unsigned)seconds;
    return true;
}

/*
 * One PV machine under three names: libvirt takes only machines that it knows for a PC's. "none" has no
 * guest.
 */
static bool machine_type(struct vm_config *cfg, const char *name)
{
    static const struct {
        const char *name;
        enum guest_type type;
    } types[] = {{"none", GUEST_PV}, {"pc", GUEST_PV}, {"pc-i440fx-7.2", GUEST_PV}, {"xenpv", GUEST_PV},
                 {"xenpvh", GUEST_PVH}, {"xenfv", GUEST_HVM}};

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            g_free(cfg->machine);
            cfg->machine = g_strdup(strcmp(name, "pc") == 0 ? "pc-i440fx-7.2" : name);
            cfg->none = strcmp(name, "none") == 0;
            cfg->type = types[i].type;
            return true;
        }
    }
    return false;
}

static bool machine_keys(struct option_state *s, struct keyval *kv, GError **error)
{
    static const char *const harmless[] = {"usb", "dump-guest-core", "vmport", "graphics", "hpet",
                                           "smm", "mem-merge", "memory-backend", "kernel_irqchip", "kernel-irqchip",
                                           "acpi", "hmat", "suppress-vmdesc", "nvdimm", "igd-passthru",
                                           "pflash0", "pflash1", "sata", "i8042", NULL};
    const char *type = keyval_get(kv, "type"), *text;

    if (type && !machine_type(s->cfg, type))
        return opt_error(error, "'%s' is not a machine (-machine help lists them)", type);
    if ((text = keyval_get(kv, "accel")))
        add_accels(s, text);
    if ((text = keyval_get(kv, "kernel-ring")) && !kernel_ring(text, &s->cfg->kernel_ring, error))
        return false;
    if ((text = keyval_get(kv, "user-tables")) && !user_tables(text, &s->cfg->user_tables, error))
        return false;
    if ((text = keyval_get(kv, "bootloader")))
        bootloader(s, text);
    if ((text = keyval_get(kv, "firmware")) && !firmware(text, &s->cfg->boot.uefi, error))
        return false;
    if ((text = keyval_get(kv, "soft-quit")) && !soft_quit(text, s->cfg, error))
        return false;
    if (!opt_take_backend(kv, "disk-backend", &s->cfg->backends.disk, error) ||
        !opt_take_backend(kv, "net-backend", &s->cfg->backends.net, error))
        return false;
    for (unsigned i = 0; harmless[i]; i++)
        keyval_get(kv, harmless[i]);
    return keyval_check_unused(kv, error);
}

bool opt_machine(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};

    if (strcmp(value, "help") == 0) {
        s->req->help = s->req->help ? s->req->help : HELP_MACHINE;
        return true;
    }
    bool ok = keyval_parse(value, "type", &kv, error) && machine_keys(s, &kv, error);
    keyval_clear(&kv);
    return ok;
}

/* A PV guest runs on the CPU that there is; the model's name changes nothing, and is said so. */
bool opt_cpu(struct option_state *s, const char *value, GError **error)
{
    if (strcmp(value, "help") == 0 || strcmp(value, "?") == 0)
        s->req->help = s->req->help ? s->req->help : HELP_CPU;
    else if (!g_str_has_prefix(value, "host") && !g_str_has_prefix(value, "max"))
        g_ptr_array_add(s->req->warnings,
                        g_strdup_printf("-cpu %s: a PV guest sees the accelerator's own CPU", value));
    return true;
}

static bool get_count(struct keyval *kv, const char *key, unsigned *ret, GError **error)
{
    const char *text = keyval_get(kv, key);
    uint64_t n;

    if (!text)
        return true;
    if (!number_parse(text, 100000, &n, error)) {
        g_prefix_error(error, "%s=", key);
        return false;
    }
    if (n == 0)
        return opt_error(error, "%s must be at least 1", key);
    *ret = (unsigned)n;
    return true;
}

enum { SMP_SOCKETS, SMP_DIES, SMP_CLUSTERS, SMP_CORES, SMP_THREADS, SMP_LEVELS };

/* Saturates: there are no more than 2^32 vCPUs to count. */
static uint64_t product(const unsigned n[SMP_LEVELS])
{
    uint64_t all = 1;

    for (unsigned i = 0; i < SMP_LEVELS; i++)
        all = MIN(all * MAX(n[i], 1), G_MAXUINT32);
    return all;
}

/* QEMU's rules: of cores, sockets and threads, the first that is missing makes up for the rest. */
static bool complete(unsigned n[SMP_LEVELS], unsigned *cpus, unsigned *max, GError **error)
{
    unsigned given = *max ? *max : *cpus;

    if (given) {
        unsigned rest = (unsigned)(given / product(n));
        if (!n[SMP_CORES])
            n[SMP_CORES] = rest;
        else if (!n[SMP_SOCKETS])
            n[SMP_SOCKETS] = rest;
        else if (!n[SMP_THREADS])
            n[SMP_THREADS] = rest;
    }
    uint64_t all = product(n);
    if (given && all != given)
        return opt_error(error, "sockets*cores*threads is %" G_GUINT64_FORMAT ", maxcpus is %u",
                         all, given);
    *max = (unsigned)all;
    if (!*cpus)
        *cpus = *max;
    return true;
}

bool opt_smp(struct option_state *s, const char *value, GError **error)
{
    unsigned cpus = 0, max = 0, n[SMP_LEVELS] = {0};
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "cpus", &kv, error) && get_count(&kv, "cpus", &cpus, error) &&
              get_count(&kv, "maxcpus", &max, error) &&
              get_count(&kv, "sockets", &n[SMP_SOCKETS], error) &&
              get_count(&kv, "dies", &n[SMP_DIES], error) &&
              get_count(&kv, "clusters", &n[SMP_CLUSTERS], error) &&
              get_count(&kv, "cores", &n[SMP_CORES], error) &&
              get_count(&kv, "threads", &n[SMP_THREADS], error) &&
              keyval_check_unused(&kv, error) && complete(n, &cpus, &max, error);

    keyval_clear(&kv);
    if (!ok)
        return false;
    s->cfg->vcpus.count = cpus;
    s->cfg->vcpus.max = max;
    return true;
}

bool opt_memory(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "size", &kv, error);

    if (ok) {
        const char *size = keyval_get(&kv, "size");
        keyval_get(&kv, "slots");
        keyval_get(&kv, "maxmem");
        ok = size ? size_parse(size, 1 << 20, &s->cfg->memory.bytes, error)
                  : opt_error(error, "the size is missing");
        ok = ok && keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    /* whole frames, as QEMU rounds up to its own granularity */
    s->cfg->memory.bytes = (s->cfg->memory.bytes + 4095) & ~4095ull;
    return ok;
}

bool opt_name(struct option_state *s, const char *value, GError **error)
{
    struct keyval kv = {0};
    bool ok = keyval_parse(value, "guest", &kv, error);

    if (ok) {
        const char *guest = keyval_get(&kv, "guest");
        g_free(s->cfg->name);
        s->cfg->name = g_strdup(guest);
        keyval_get(&kv, "process");
        keyval_get(&kv, "debug-threads");
        ok = keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    return ok;
}

bool opt_uuid(struct option_state *s, const char *value, GError **error)
{
    if (!g_uuid_string_is_valid(value))
        return opt_error(error, "not a UUID");
    g_free(s->cfg->uuid);
    s->cfg->uuid = g_ascii_strdown(value, -1);
    return true;
}

static bool choose(struct keyval *kv, const char *key, const char *const *names,
                   const enum vm_action *actions, enum vm_action *ret, GError **error)
{
    const char *text = keyval_get(kv, key);

    if (!text)
        return true;
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = actions[i];
            return true;
        }
    }
    return opt_error(error, "%s=%s: no such action", key, text);
}

bool opt_action(struct option_state *s, const char *value, GError **error)
{
    static const char *const reboot[] = {"reset", "shutdown", NULL};
    static const enum vm_action reboot_to[] = {ACT_RESET, ACT_POWEROFF};
    static const char *const shutdown[] = {"poweroff", "pause", NULL};
    static const enum vm_action shutdown_to[] = {ACT_POWEROFF, ACT_PAUSE};
    static const char *const panic[] = {"shutdown", "exit-failure", "pause", "none", "reset", NULL};
    static const enum vm_action panic_to[] = {ACT_POWEROFF, ACT_POWEROFF, ACT_PAUSE, ACT_NONE,
                                              ACT_RESET};
    struct keyval kv = {0};
    bool ok = keyval_parse(value, NULL, &kv, error) &&
              choose(&kv, "reboot", reboot, reboot_to, &s->cfg->on.reboot, error) &&
              choose(&kv, "shutdown", shutdown, shutdown_to, &s->cfg->on.poweroff, error) &&
              choose(&kv, "panic", panic, panic_to, &s->cfg->on.panic, error);

    if (ok) {
        keyval_get(&kv, "watchdog"); /* there is none that could bite */
        ok = keyval_check_unused(&kv, error);
    }
    keyval_clear(&kv);
    return ok;
}
