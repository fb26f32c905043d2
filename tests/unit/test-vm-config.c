/* vm_config.c: defaults, and the rules that concern more than one field. */
#include "xenner/config/vm_config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define MIB (1ull << 20)

static struct chardev_config *add_chardev(struct vm_config *cfg, const char *id,
                                          enum chardev_kind kind, const char *path)
{
    struct chardev_config *c = g_new0(struct chardev_config, 1);

    c->origin.text = g_strdup_printf("-chardev %s", id);
    c->id = g_strdup(id);
    c->kind = kind;
    c->path = g_strdup(path);
    g_ptr_array_add(cfg->chardevs, c);
    return c;
}

static void add_console(struct vm_config *cfg, const char *chardev)
{
    struct console_config *c = g_new0(struct console_config, 1);

    c->origin.text = g_strdup_printf("-serial chardev:%s", chardev);
    c->chardev = g_strdup(chardev);
    g_ptr_array_add(cfg->consoles, c);
}

static void nothing(struct vm_config *cfg)
{
}

static void no_kernel(struct vm_config *cfg)
{
    g_clear_pointer(&cfg->boot.kernel, g_free);
}

static void only_initrd(struct vm_config *cfg)
{
    no_kernel(cfg);
    cfg->boot.initrd = g_strdup("i");
}

static void only_cmdline(struct vm_config *cfg)
{
    no_kernel(cfg);
    g_free(cfg->boot.cmdline);
    cfg->boot.cmdline = g_strdup("quiet");
}

static void least_memory(struct vm_config *cfg)
{
    cfg->memory.bytes = 16 * MIB;
}

static void too_little_memory(struct vm_config *cfg)
{
    cfg->memory.bytes = 16 * MIB - 4096;
}

static void most_memory(struct vm_config *cfg)
{
    cfg->memory.bytes = 4ull << 40;
}

static void too_much_memory(struct vm_config *cfg)
{
    cfg->memory.bytes = (4ull << 40) + MIB;
}

static void absurd_memory(struct vm_config *cfg)
{
    cfg->memory.bytes = UINT64_MAX;
}

static void most_vcpus(struct vm_config *cfg)
{
    cfg->vcpus.count = cfg->vcpus.max = 32;
}

static void too_many_vcpus(struct vm_config *cfg)
{
    cfg->vcpus.count = cfg->vcpus.max = 33;
}

static void no_vcpus(struct vm_config *cfg)
{
    cfg->vcpus.count = 0;
}

static void more_than_max(struct vm_config *cfg)
{
    cfg->vcpus.count = 3;
    cfg->vcpus.max = 2;
}

static void all_kinds(struct vm_config *cfg)
{
    add_chardev(cfg, "a", CHARDEV_NULL, NULL);
    add_chardev(cfg, "b", CHARDEV_STDIO, NULL);
    add_chardev(cfg, "c", CHARDEV_PTY, NULL);
    add_chardev(cfg, "d", CHARDEV_PTY, "/link");
    add_chardev(cfg, "e", CHARDEV_FILE, "/f");
    add_chardev(cfg, "f", CHARDEV_SOCKET, "/s");
    add_console(cfg, "b");
    add_console(cfg, "a");
}

static void same_id(struct vm_config *cfg)
{
    add_chardev(cfg, "a", CHARDEV_NULL, NULL);
    add_chardev(cfg, "a", CHARDEV_PTY, NULL);
}

static void file_without_path(struct vm_config *cfg)
{
    add_chardev(cfg, "f", CHARDEV_FILE, NULL);
}

static void socket_with_empty_path(struct vm_config *cfg)
{
    add_chardev(cfg, "s", CHARDEV_SOCKET, "");
}

static void two_terminals(struct vm_config *cfg)
{
    add_chardev(cfg, "a", CHARDEV_STDIO, NULL);
    add_chardev(cfg, "b", CHARDEV_STDIO, NULL);
}

static void unknown_chardev(struct vm_config *cfg)
{
    add_chardev(cfg, "a", CHARDEV_NULL, NULL);
    add_console(cfg, "b");
}

static void shared_chardev(struct vm_config *cfg)
{
    add_chardev(cfg, "a", CHARDEV_NULL, NULL);
    add_console(cfg, "a");
    add_console(cfg, "a");
}

static void rules(void **state)
{
    static const struct {
        void (*change)(struct vm_config *cfg);
        const char *error; /* NULL: valid */
    } cases[] = {
        {nothing, NULL},
        {only_initrd, "-initrd only allowed with -kernel option"},
        {only_cmdline, "-append only allowed with -kernel option"},
        {least_memory, NULL},
        {too_little_memory, "-m: 16380 KiB is too little, a guest has at least 16 MiB"},
        {most_memory, NULL},
        {too_much_memory, "-m: 4194305 MiB is too much, a guest has at most 4 TiB"},
        {absurd_memory, "-m: 17592186044415 MiB is too much, a guest has at most 4 TiB"},
        {most_vcpus, NULL},
        {too_many_vcpus, "-smp: a guest has 1 to 32 vCPUs"},
        {no_vcpus, "-smp: a guest has 1 to 32 vCPUs"},
        {more_than_max, "-smp: 3 vCPUs are more than maxcpus=2"},
        {all_kinds, NULL},
        {same_id, "-chardev a: there is a chardev 'a' already"},
        {file_without_path, "-chardev f: 'path' is missing"},
        {socket_with_empty_path, "-chardev s: 'path' is missing"},
        {two_terminals, "-chardev b: only one chardev can be stdio"},
        {unknown_chardev, "-serial chardev:b: there is no chardev 'b'"},
        {shared_chardev, "-serial chardev:a: chardev 'a' has another console"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vm_config *cfg = vm_config_new();
        g_autoptr(GError) error = NULL;

        cfg->boot.kernel = g_strdup("k");
        cases[i].change(cfg);
        bool ok = vm_config_validate(cfg, &error);
        if (ok != !cases[i].error)
            fail_msg("case %zu: %s", i, ok ? "valid" : error->message);
        if (!ok)
            assert_string_equal(error->message, cases[i].error);
        assert_int_equal(vm_config_validate(cfg, NULL), ok);
        vm_config_free(cfg);
    }
}

/* Everything that can be set is freed: the leak checker looks. */
static void frees_all(void **state)
{
    struct vm_config *cfg = vm_config_new();

    cfg->name = g_strdup("n");
    cfg->uuid = g_strdup("u");
    cfg->accels = g_strsplit("kvm:tcg", ":", -1);
    cfg->boot.kernel = g_strdup("k");
    cfg->boot.initrd = g_strdup("i");
    cfg->pidfile = g_strdup("p");
    cfg->debug = g_strdup("all");
    cfg->debug_file = g_strdup("f");
    all_kinds(cfg);
    add_chardev(cfg, "log", CHARDEV_NULL, NULL)->log = g_strdup("l");
    assert_true(vm_config_validate(cfg, NULL));
    vm_config_free(cfg);
    vm_config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules),
        cmocka_unit_test(frees_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
