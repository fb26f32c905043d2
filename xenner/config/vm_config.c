#include "xenner/config/vm_config.h"
#include "xenner/config/hvm_config.h"
#include "xenner/util/io_error.h"

#include <gio/gio.h>
#include <string.h>

#define MEMORY_MIN (16ull << 20)
#define MEMORY_MAX (4ull << 40)

static void chardev_config_free(gpointer data)
{
    struct chardev_config *c = data;

    g_free(c->origin.text);
    g_free(c->id);
    g_free(c->path);
    g_free(c->log);
    g_free(c);
}

static void console_config_free(gpointer data)
{
    struct console_config *c = data;

    g_free(c->origin.text);
    g_free(c->chardev);
    g_free(c);
}

static void vnc_config_free(gpointer data)
{
    struct vnc_config *c = data;

    g_free(c->origin.text);
    g_free(c->id);
    g_free(c->host);
    g_free(c->path);
    g_free(c->secret);
    g_free(c);
}

static void monitor_config_free(gpointer data)
{
    struct monitor_config *c = data;

    g_free(c->origin.text);
    g_free(c->chardev);
    g_free(c);
}

struct vm_config *vm_config_new(void)
{
    struct vm_config *cfg = g_new0(struct vm_config, 1);

    cfg->memory.bytes = 128ull << 20; /* QEMU's default */
    cfg->vcpus.count = cfg->vcpus.max = 1;
    cfg->boot.cmdline = g_strdup("");
    cfg->on.poweroff = ACT_POWEROFF;
    cfg->on.reboot = ACT_RESET;
    cfg->on.panic = ACT_POWEROFF;
    cfg->chardevs = g_ptr_array_new_with_free_func(chardev_config_free);
    cfg->monitors = g_ptr_array_new_with_free_func(monitor_config_free);
    cfg->machine = g_strdup("xenpv");
    cfg->consoles = g_ptr_array_new_with_free_func(console_config_free);
    cfg->screen.width = 800; /* Linux's framebuffer driver's, unless its parameter says otherwise */
    cfg->screen.height = 600;
    cfg->screen.layout = g_strdup("us");
    cfg->screen.memory_mb = 16;
    cfg->vncs = g_ptr_array_new_with_free_func(vnc_config_free);
    cfg->fdsets = g_array_new(FALSE, FALSE, sizeof(struct fdset_fd));
    g_array_set_clear_func(cfg->fdsets, fdset_fd_clear);
    cfg->objects = g_ptr_array_new_with_free_func(object_config_free);
    cfg->nodes = g_ptr_array_new_with_free_func(block_node_free);
    cfg->disks = g_ptr_array_new_with_free_func(disk_config_free);
    cfg->netdevs = g_ptr_array_new_with_free_func(netdev_config_free);
    cfg->nics = g_ptr_array_new_with_free_func(nic_config_free);
    return cfg;
}

void vm_config_free(struct vm_config *cfg)
{
    if (!cfg)
        return;
    g_free(cfg->name);
    g_free(cfg->uuid);
    g_strfreev(cfg->accels);
    g_free(cfg->boot.kernel);
    g_free(cfg->boot.loader);
    g_free(cfg->boot.initrd);
    g_free(cfg->boot.cmdline);
    g_free(cfg->boot.order);
    g_free(cfg->pidfile);
    g_ptr_array_unref(cfg->chardevs);
    g_ptr_array_unref(cfg->consoles);
    privileges_clear(&cfg->confine.user);
    g_free(cfg->confine.root);
    g_free(cfg->screen.layout);
    g_free(cfg->screen.id);
    g_free(cfg->screen.driver);
    g_ptr_array_unref(cfg->vncs);
    g_ptr_array_unref(cfg->monitors);
    g_free(cfg->machine);
    g_free(cfg->balloon);
    g_array_unref(cfg->fdsets);
    g_ptr_array_unref(cfg->objects);
    g_ptr_array_unref(cfg->nodes);
    g_ptr_array_unref(cfg->disks);
    g_ptr_array_unref(cfg->netdevs);
    g_ptr_array_unref(cfg->nics);
    g_free(cfg->debug);
    g_free(cfg->debug_file);
    g_free(cfg);
}

#define wrong(error, ...) io_error(error, G_IO_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

static const struct chardev_config *find_chardev(const struct vm_config *cfg, const char *id)
{
    for (guint i = 0; i < cfg->chardevs->len; i++) {
        const struct chardev_config *c = g_ptr_array_index(cfg->chardevs, i);
        if (strcmp(c->id, id) == 0)
            return c;
    }
    return NULL;
}

static bool check_chardevs(const struct vm_config *cfg, GError **error)
{
    unsigned terminals = 0;

    for (guint i = 0; i < cfg->chardevs->len; i++) {
        const struct chardev_config *c = g_ptr_array_index(cfg->chardevs, i);
        if (find_chardev(cfg, c->id) != c)
            return wrong(error, "%s: there is a chardev '%s' already", c->origin.text, c->id);
        if ((c->kind == CHARDEV_FILE || (c->kind == CHARDEV_SOCKET && !c->fd)) &&
            !(c->path && *c->path))
            return wrong(error, "%s: 'path' is missing", c->origin.text);
        if (c->kind == CHARDEV_STDIO && terminals++)
            return wrong(error, "%s: only one chardev can be stdio", c->origin.text);
    }
    return true;
}

static bool check_consoles(const struct vm_config *cfg, GHashTable *taken, GError **error)
{
    for (guint i = 0; i < cfg->consoles->len; i++) {
        const struct console_config *c = g_ptr_array_index(cfg->consoles, i);
        if (i >= VM_CONFIG_MAX_CONSOLES)
            return wrong(error, "%s: a guest has at most %d consoles", c->origin.text,
                         VM_CONFIG_MAX_CONSOLES);
        if (!find_chardev(cfg, c->chardev))
            return wrong(error, "%s: there is no chardev '%s'", c->origin.text, c->chardev);
        if (!g_hash_table_add(taken, c->chardev))
            return wrong(error, "%s: chardev '%s' has another console", c->origin.text, c->chardev);
    }
    return true;
}

static bool check_monitors(const struct vm_config *cfg, GHashTable *taken, GError **error)
{
    for (guint i = 0; i < cfg->monitors->len; i++) {
        const struct monitor_config *c = g_ptr_array_index(cfg->monitors, i);
        if (!find_chardev(cfg, c->chardev))
            return wrong(error, "%s: there is no chardev '%s'", c->origin.text, c->chardev);
        if (!g_hash_table_add(taken, c->chardev))
            return wrong(error, "%s: chardev '%s' has another user", c->origin.text, c->chardev);
    }
    return true;
}

static bool check_streams(const struct vm_config *cfg, GError **error)
{
    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);

    return check_chardevs(cfg, error) && check_consoles(cfg, taken, error) &&
           check_monitors(cfg, taken, error);
}

/* libslirp starts commands for the guest's connections itself. */
static bool check_commands(const struct vm_config *cfg, GError **error)
{
    if (!cfg->confine.sandbox.on || !cfg->confine.sandbox.deny_spawn)
        return true;
    for (guint i = 0; i < cfg->netdevs->len; i++) {
        const struct netdev_config *n = g_ptr_array_index(cfg->netdevs, i);
        for (guint f = 0; f < n->user.guestfwd->len; f++) {
            if (strstr(g_ptr_array_index(n->user.guestfwd, f), "-cmd:"))
                return wrong(error, "%s: guestfwd= with a command does not go with -sandbox spawn=deny", n->origin);
        }
    }
    return true;
}

/* Of a disk and a card; of two disks disk_configs_check() says it. */
static bool check_boot_order(const struct vm_config *cfg, GError **error)
{
    g_autoptr(GHashTable) orders = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < cfg->disks->len; i++) {
        const struct disk_config *d = g_ptr_array_index(cfg->disks, i);
        g_hash_table_add(orders, GUINT_TO_POINTER(d->boot_order));
    }
    for (guint i = 0; i < cfg->nics->len; i++) {
        const struct nic_config *n = g_ptr_array_index(cfg->nics, i);
        if (n->boot_order && !g_hash_table_add(orders, GUINT_TO_POINTER(n->boot_order)))
            return wrong(error, "%s: The bootindex %u has already been used", n->origin,
                         n->boot_order - 1);
    }
    return true;
}

bool vm_config_validate(const struct vm_config *cfg, GError **error)
{
    if (cfg->memory.bytes < MEMORY_MIN)
        return wrong(error, "-m: %" G_GUINT64_FORMAT " KiB is too little, a guest has at least "
                     "16 MiB", cfg->memory.bytes >> 10);
    if (cfg->memory.bytes > MEMORY_MAX)
        return wrong(error, "-m: %" G_GUINT64_FORMAT " MiB is too much, a guest has at most 4 TiB",
                     cfg->memory.bytes >> 20);
    if (cfg->vcpus.count < 1 || cfg->vcpus.max > VM_CONFIG_MAX_VCPUS)
        return wrong(error, "-smp: a guest has 1 to %d vCPUs", VM_CONFIG_MAX_VCPUS);
    if (cfg->vcpus.count > cfg->vcpus.max)
        return wrong(error, "-smp: %u vCPUs are more than maxcpus=%u", cfg->vcpus.count,
                     cfg->vcpus.max);
    if (!cfg->boot.kernel && cfg->boot.initrd)
        return wrong(error, "-initrd only allowed with -kernel option");
    if (!cfg->boot.kernel && cfg->boot.cmdline[0])
        return wrong(error, "-append only allowed with -kernel option");
    return check_streams(cfg, error) && disk_configs_check(cfg->disks, error) &&
           net_configs_check(cfg->netdevs, cfg->nics, error) && check_boot_order(cfg, error) &&
           check_commands(cfg, error) && (cfg->type != GUEST_HVM || hvm_config_check(cfg, error));
}

const char *vm_config_first_image(const struct vm_config *cfg, GError **error)
{
    const char *loader = cfg->boot.loader            ? cfg->boot.loader
                         : cfg->type == GUEST_PVH ? VM_CONFIG_GRUB_PVH
                                                  : VM_CONFIG_GRUB("x86_64");

    if (cfg->boot.kernel)
        return cfg->boot.kernel;
    if (!cfg->boot.kernel_fd && !g_file_test(loader, G_FILE_TEST_EXISTS)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "no -kernel, and there is no boot loader '%s' (Debian: package grub-xen-host)", loader);
        return NULL;
    }
    return loader;
}
