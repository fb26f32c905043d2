/* Lines of any bytes as a command line: a valid configuration, or one line for a terminal. */
#include "fuzz.h"

#include "qemu-compat/options.h"

#include <stdlib.h>
#include <string.h>

static void check_error(const GError *error)
{
    if (!error || !*error->message || !g_utf8_validate(error->message, -1, NULL))
        abort();
    for (const char *c = error->message; *c; c++) {
        if (g_ascii_iscntrl(*c))
            abort();
    }
}

static void check_config(const struct vm_config *cfg, const struct front_request *req)
{
    g_autoptr(GError) error = NULL;

    if (!cfg || !req->warnings || !cfg->boot.cmdline)
        abort();
    if (!req->help && !vm_config_validate(cfg, &error))
        abort();
    for (guint i = 0; i < req->warnings->len; i++) {
        if (!*(const char *)g_ptr_array_index(req->warnings, i))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) argv = g_strsplit(text, "\n", 40);
    g_autoptr(GError) error = NULL;
    struct vm_config *cfg = NULL;
    struct front_request req = {0};

    if (!qemu_options_parse((int)g_strv_length(argv), argv, &cfg, &req, &error)) {
        check_error(error);
        if (cfg)
            abort();
        return 0;
    }
    if (error)
        abort();
    check_config(cfg, &req);
    vm_config_free(cfg);
    front_request_clear(&req);
    return 0;
}

void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const char *const lines[] = {
        "xenner\n-kernel\nk",
        "xenner\n-m\nsize=1.5G,slots=2,maxmem=4G\n-smp\n4,sockets=2,cores=2,threads=1,maxcpus=8",
        "xenner\n-kernel\nk\n-initrd\ni\n-append\nconsole=hvc0 root=/dev/xvda,,rw\n-nographic",
        "xenner\n-machine\nxenpv,accel=kvm:tcg,kernel-ring=3,user-tables=split,usb=off\n-M\nhelp",
        "xenner\n-kernel\nk\n-chardev\nsocket,id=c0,path=/s,server,nowait\n-serial\nchardev:c0",
        "xenner\n-chardev\nstdio,id=c1,mux=on,signal=off,logfile=/l,logappend\n-serial\nchardev:c1",
        "xenner\n-kernel\nk\n-serial\nunix:/s,reconnect=5\n-serial\npty\n-serial\nfile:/f",
        "xenner\n-name\nguest=g,process=p\n-uuid\n4dea24b3-1d52-d8f3-2516-782e98a23fa0\n-S",
        "xenner\n-action\nreboot=shutdown,shutdown=pause,panic=none\n-no-reboot\n-no-shutdown",
        "xenner\n-accel\ntcg,thread=multi\n-cpu\nhost,-x2apic\n-d\nall\n-D\n/log\n-daemonize",
        "xenner\n-msg\ntimestamp=on\n-sandbox\non\n-overcommit\nmem-lock=on\n-display\nnone\n-h",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *name = g_strdup_printf("line%zu", i);
        add(opaque, name, lines[i], strlen(lines[i]));
    }
}
