/* What of the module for Xen hosts runs without Xen: whose domains there are, what its libraries say. */
#include "xenner/domain/libxl_config.h"
#include "xenner/domain/libxl_owner.h"
#include "xenner/host/libxen_log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenstore.h>

static void test_owner(void **state)
{
    g_autofree char *self = libxl_owner_self();
    g_autofree char *later = g_strdup_printf("%u 1", (unsigned)getpid());

    assert_true(libxl_owner_alive(self));
    assert_false(libxl_owner_alive(later)); /* the number is another process's by now */
    assert_false(libxl_owner_alive(""));
    assert_false(libxl_owner_alive("17"));
    assert_false(libxl_owner_alive("x y"));
    assert_false(libxl_owner_alive("4000000000 5"));
}

static void test_owner_gone(void **state)
{
    char text[64] = "";
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        g_autofree char *self = libxl_owner_self();
        _exit(dprintf(fds[1], "%s", self) > 0 ? 0 : 1);
    }
    assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
    waitpid(pid, NULL, 0);
    assert_false(libxl_owner_alive(text));
    close(fds[0]);
    close(fds[1]);
}

static void test_log(void **state)
{
    struct libxen_log *log = libxen_log_new();
    xentoollog_logger *lg = libxen_log_logger(log);

    assert_null(libxen_log_take_error(log));
    xtl_log(lg, XTL_WARN, -1, "libxl", "not so bad");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "%s", "libxl_dom.c:571:libxl__build_dom: no such image\n");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "the consequence");
    g_autofree char *first = libxen_log_take_error(log);
    assert_string_equal(first, "no such image");
    assert_null(libxen_log_take_error(log));
    xtl_log(lg, XTL_ERROR, ENOMEM, "xc", "mapping 3: 4");
    g_autofree char *second = libxen_log_take_error(log);
    assert_string_equal(second, "mapping 3: 4: Cannot allocate memory");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "%s", "libxl_aoutils.c:646:libxl__async_exec: /x add [7] exited with status 1");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "%s", "libxl_device.c:1319:device_hotplug_child: script: no such bridge");
    xtl_log(lg, XTL_ERROR, -1, "libxl", "the consequence");
    g_autofree char *third = libxen_log_take_error(log);
    assert_string_equal(third, "script: no such bridge");
    libxen_log_free(log);
    libxen_log_free(NULL);
}

static struct vm_config *guest(enum guest_type type)
{
    struct vm_config *cfg = vm_config_new();

    cfg->type = type;
    cfg->uuid = g_strdup("3f8a6e0c-0000-4000-8000-000000000001");
    cfg->vcpus.max = 2;
    return cfg;
}

/* Instead of the libraries' own, for a context of libxl's where there is no Xen: nothing here asks it for anything. */
static char no_xen;

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger, unsigned open_flags)
{
    return (xc_interface *)&no_xen;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
    return (struct xs_handle *)&no_xen;
}

void xs_close(struct xs_handle *xsh)
{
}

/* libxl's own words for it, with single quotes. */
static void fills(struct vm_config *cfg, const char *const *expected, const char *unexpected)
{
    g_autoptr(GError) error = NULL;
    struct libxen_log *log = libxen_log_new();
    libxl_domain_config c;
    libxl_ctx *ctx;

    assert_int_equal(libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, libxen_log_logger(log)), 0);
    libxl_domain_config_init(&c);
    assert_true(libxl_config_fill(ctx, cfg, NULL, "web", "7 9", &c, &error));
    char *json = libxl_domain_config_to_json(ctx, &c);
    assert_non_null(json);
    for (char *quote = json; (quote = strchr(quote, '"'));)
        *quote = '\'';
    for (unsigned i = 0; expected[i]; i++) {
        if (!strstr(json, expected[i]))
            fail_msg("no %s in %s", expected[i], json);
    }
    if (strstr(json, unexpected))
        fail_msg("%s in %s", unexpected, json);
    free(json);
    libxl_domain_config_dispose(&c);
    libxl_ctx_free(ctx);
    libxen_log_free(log);
    vm_config_free(cfg);
}

static void test_config_pv(void **state)
{
    static const char *const expected[] = {
        "'type': 'pv'", "'name': 'web'", "'uuid': '3f8a6e0c-0000-4000-8000-000000000001'", "'xenner/owner': '7 9'",
        "'max_vcpus': 2", "'avail_vcpus': [\n            0\n        ]", "'max_memkb': 131072",
        "'target_memkb': 131072", "'kernel': '/k'", "'ramdisk': '/i'", "'cmdline': 'a b'", NULL};
    struct vm_config *cfg = guest(GUEST_PV);

    cfg->boot.kernel = g_strdup("/k");
    cfg->boot.initrd = g_strdup("/i");
    g_free(cfg->boot.cmdline);
    cfg->boot.cmdline = g_strdup("a b");
    fills(cfg, expected, "device_model_version");
}

static void test_config_pvh(void **state)
{
    static const char *const expected[] = {"'type': 'pvh'", "'type.pvh'", "'kernel': '/k'", NULL};
    struct vm_config *cfg = guest(GUEST_PVH);

    cfg->boot.kernel = g_strdup("/k");
    fills(cfg, expected, "device_model_version");
}

static void add_disk(struct vm_config *cfg, const char *path, const char *vdev, bool cdrom, bool emulated)
{
    struct disk_config *d = g_new0(struct disk_config, 1);

    d->path = g_strdup(path);
    d->vdev = g_strdup(vdev);
    d->cdrom = d->readonly = cdrom;
    d->emulated = emulated;
    d->boot_order = cdrom;
    g_ptr_array_add(cfg->disks, d);
}

static void test_config_hvm(void **state)
{
    static const char *const expected[] = {
        "'type': 'hvm'", "'device_model_version': 'qemu_xen'", "'bios': 'ovmf'", "'boot': 'dcn'", "'serial': 'pty'",
        "'kind': 'cirrus'", "'enable': 'True'", "'listen': '::1'", "'display': 4", "'findunused': 'True'",
        "'keymap': 'de'", "'usbdevice': 'tablet'", "'vdev': 'hda'", "'backend': 'phy'", "'readwrite': 1",
        "'vdev': 'hdc'", "'is_cdrom': 1", NULL};
    g_autofree char *path = g_strdup("/tmp/test-libxl-XXXXXX");
    struct vm_config *cfg = guest(GUEST_HVM);
    struct vnc_config *vnc = g_new0(struct vnc_config, 1);

    assert_true(close(g_mkstemp(path)) == 0);
    *vnc = (struct vnc_config){.host = g_strdup("::1"), .display = 4, .to = 9};
    g_ptr_array_add(cfg->vncs, vnc);
    g_ptr_array_add(cfg->consoles, g_new0(struct console_config, 1));
    cfg->screen.vga = VGA_CIRRUS;
    cfg->screen.tablet = true;
    g_free(cfg->screen.layout);
    cfg->screen.layout = g_strdup("de");
    cfg->boot.uefi = true;
    add_disk(cfg, path, "hda", false, true);
    add_disk(cfg, path, "hdb", false, false);
    add_disk(cfg, path, "hdc", true, true);
    fills(cfg, expected, "hdb");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_owner_gone),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_config_pv),
        cmocka_unit_test(test_config_pvh),
        cmocka_unit_test(test_config_hvm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
