/* options.c, opt_*.c: whole command lines: what becomes of them, and what refuses them. */
#include "qemu-compat/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#define MIB (1ull << 20)

struct parsed {
    struct vm_config *cfg;
    struct front_request req;
    GError *error;
};

/* Options are separated by single blanks. */
static bool parse(const char *line, struct parsed *ret)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    bool ok;

    *ret = (struct parsed){0};
    ok = qemu_options_parse((int)g_strv_length(argv), argv, &ret->cfg, &ret->req, &ret->error);
    if (ok == (ret->error != NULL))
        fail_msg("'%s': %s with%s an error", line, ok ? "accepted" : "refused", ok ? "" : "out");
    return ok;
}

static void drop(struct parsed *p)
{
    vm_config_free(p->cfg);
    front_request_clear(&p->req);
    g_clear_error(&p->error);
}

static struct parsed accept(const char *line)
{
    struct parsed p;

    if (!parse(line, &p))
        fail_msg("'%s': %s", line, p.error->message);
    return p;
}

static void refused(void **state)
{
    static const char *const cases[][2] = {
        {"xenner -kernel", "-kernel: requires an argument"},
        {"xenner --m", "--m: requires an argument"},
        {"xenner -kernal k", "-kernal: invalid option"},
        {"xenner -M", "-M: requires an argument"},
        {"xenner -", "-: invalid option"},
        {"xenner --", "--: invalid option"},
        {"xenner -kernel k --spice x", "-spice: not supported: -vnc is what there is"},
        {"xenner -echr 0x80 -kernel k", "-echr 0x80: not the number of a character: 1 (Ctrl-a) to 127"},
        {"xenner -kernel k -numa node", "-numa: a PV guest sees no NUMA nodes"},
        {"xenner -kernel k -trace", "-trace: requires an argument"},
        {"xenner -kernel k -global virtio-net-pci.mac=x",
         "-global virtio-net-pci.mac=x: not supported: say it with -device"},
        {"xenner -kernel k -global x",
         "-global x: neither DRIVER.PROPERTY=VALUE nor driver=,property=,value="},
        {"xenner -kernel k -usbdevice braille",
         "-usbdevice braille: a PV guest has no USB: 'tablet', 'mouse' and 'keyboard' are what there is"},
        {"xenner -device nothing,help", "-device nothing,help: 'nothing' is not a valid device model name"},
        {"xenner -sandbox on,spawn=maybe", "-sandbox on,spawn=maybe: spawn=maybe: 'allow' or 'deny'"},
        {"xenner -runas 0:-1", "-runas 0:-1: neither the name of a user nor UID:GID"},
        {"xenner -chroot ", "-chroot : the directory is missing"},
        {"xenner -initrd i", "-initrd only allowed with -kernel option"},
        {"xenner -append a", "-append only allowed with -kernel option"},
        {"xenner -m 8 -kernel k", "-m: 8192 KiB is too little, a guest has at least 16 MiB"},
        {"xenner -m 0 -kernel k", "-m: 0 KiB is too little, a guest has at least 16 MiB"},
        {"xenner -m 5T -kernel k", "-m: 5242880 MiB is too much, a guest has at most 4 TiB"},
        {"xenner -m 9223372036854775807b -kernel k",
         "-m: 8796093022208 MiB is too much, a guest has at most 4 TiB"},
        {"xenner -m lots", "-m lots: 'lots' is not a size (a number with an optional suffix "
                           "k, M, G, T)"},
        {"xenner -m slots=2", "-m slots=2: the size is missing"},
        {"xenner -m 1G,sluts=2", "-m 1G,sluts=2: unknown parameter 'sluts'"},
        {"xenner -smp 0", "-smp 0: cpus must be at least 1"},
        {"xenner -smp -1", "-smp -1: cpus='-1' is not a number"},
        {"xenner -smp 33 -kernel k", "-smp: a guest has 1 to 32 vCPUs"},
        {"xenner -smp 1,maxcpus=33 -kernel k", "-smp: a guest has 1 to 32 vCPUs"},
        {"xenner -smp 4294967297", "-smp 4294967297: cpus='4294967297' is larger than 100000"},
        {"xenner -smp 4,maxcpus=2 -kernel k", "-smp: 4 vCPUs are more than maxcpus=2"},
        {"xenner -smp 4,cores=0", "-smp 4,cores=0: cores must be at least 1"},
        {"xenner -smp 4,cpu=2", "-smp 4,cpu=2: unknown parameter 'cpu'"},
        {"xenner -smp 8,sockets=2,cores=2,threads=1",
         "-smp 8,sockets=2,cores=2,threads=1: sockets*cores*threads is 4, maxcpus is 8"},
        {"xenner -smp 4,cores=3", "-smp 4,cores=3: sockets*cores*threads is 3, maxcpus is 4"},
        {"xenner -smp 3,sockets=2", "-smp 3,sockets=2: sockets*cores*threads is 2, maxcpus is 3"},
        {"xenner -smp sockets=65536,dies=65536,clusters=65536,cores=65536 -kernel k",
         "-smp: a guest has 1 to 32 vCPUs"},
        {"xenner -M q35", "-machine q35: 'q35' is not a machine (-machine help lists them)"},
        {"xenner -machine xenpv,kernel-ring=2",
         "-machine xenpv,kernel-ring=2: kernel-ring=2: 'auto', '1' or '3'"},
        {"xenner -machine user-tables=",
         "-machine user-tables=: user-tables=: 'auto', 'shared' or 'split'"},
        {"xenner -machine firmware=coreboot", "-machine firmware=coreboot: firmware=coreboot: 'bios' or 'uefi'"},
        {"xenner -machine xenfv -boot order=x", "-boot order=x: letters of a, c, d, n"},
        {"xenner -machine xenfv,bootloader=direct",
         "-machine bootloader=: an HVM guest's firmware finds its boot loader"},
        {"xenner -machine xenfv -vnc :1 -vnc :2", "-machine xenfv: the device model has one -vnc at most"},
        {"xenner -machine xenfv -vnc :1,password=on",
         "-vnc :1,password=on: -machine xenfv: the device model has the screen, and is not told a password"},
        {"xenner -machine soft-quit=maybe",
         "-machine soft-quit=maybe: soft-quit=maybe: 'on', 'off' or 1 to 86400 seconds"},
        {"xenner -machine soft-quit=0",
         "-machine soft-quit=0: soft-quit=0: 'on', 'off' or 1 to 86400 seconds"},
        {"xenner -machine xenpv,color=red",
         "-machine xenpv,color=red: unknown parameter 'color'"},
        {"xenner -accel thread=multi", "-accel thread=multi: names no accelerator"},
        {"xenner -accel tcg,fast", "-accel tcg,fast: unknown parameter 'fast'"},
        {"xenner -uuid 1", "-uuid 1: not a UUID"},
        {"xenner -name a,=b", "-name a,=b: '=b' has no key"},
        {"xenner -action reboot=never", "-action reboot=never: reboot=never: no such action"},
        {"xenner -action panic", "-action panic: panic=on: no such action"},
        {"xenner -action oops=reset", "-action oops=reset: unknown parameter 'oops'"},
        {"xenner -display gtk", "-display gtk: 'none' and 'vnc=...' are what there is"},
        {"xenner -monitor vc", "-monitor vc: could not connect to character backend 'vc'"},
        {"xenner -mon mode=control", "-mon mode=control: 'chardev' is missing"},
        {"xenner -mon c,mode=x", "-mon c,mode=x: mode=x: 'readline' or 'control'"},
        {"xenner -kernel k -mon c", "-mon c: there is no chardev 'c'"},
        {"xenner -kernel k -chardev null,id=c -mon c -qmp chardev:c",
         "-qmp chardev:c: chardev 'c' has another user"},
        {"xenner -chardev socket,id=c,fd=1", "-chardev socket,id=c,fd=1: fd=1: not an inherited socket"},
        {"xenner -object secret,id=s", "-object secret,id=s: 'data' or 'file' is missing"},
        {"xenner -object foo,id=s", "-object foo,id=s: invalid object type: foo"},
        {"xenner -object {\"id\":1}", "-object {\"id\":1}: invalid object type: "},
        {"xenner -overcommit mem-lock=maybe",
         "-overcommit mem-lock=maybe: mem-lock='maybe' is not 'on' or 'off'"},
        {"xenner -sandbox on,x=1", "-sandbox on,x=1: unknown parameter 'x'"},
        {"xenner -add-fd set=1", "-add-fd set=1: 'fd' is missing"},
        {"xenner -add-fd fd=2,set=1", "-add-fd fd=2,set=1: fd=2: not an inherited descriptor"},
        {"xenner -chardev null,id=c,logfile=/dev/fdset/1",
         "-chardev null,id=c,logfile=/dev/fdset/1: Could not open '/dev/fdset/1': No such file or directory"},
        {"xenner -audiodev alsa", "-audiodev alsa: only 'none': a PV guest has no sound"},
        {"xenner -vnc here", "-vnc here: neither none, unix:PATH nor HOST:DISPLAY"},
        {"xenner -vnc unix:", "-vnc unix:: the path is missing"},
        {"xenner -vnc :59636", "-vnc :59636: '59636' is larger than 59635"},
        {"xenner -vnc :1,share=no",
         "-vnc :1,share=no: share=no: allow-exclusive, force-shared or ignore"},
        {"xenner -vnc :1,websocket=on", "-vnc :1,websocket=on: 'websocket' is not supported"},
        {"xenner -vnc :1,colour=red", "-vnc :1,colour=red: unknown parameter 'colour'"},
        {"xenner -vga fast", "-vga fast: there is no such card"},
        {"xenner -device VGA,xres=20000", "-device VGA,xres=20000: xres='20000' is larger than 16384"},
        {"xenner -device usb-tablet,mouse=1",
         "-device usb-tablet,mouse=1: unknown parameter 'mouse'"},
        {"xenner -msg timestamp=maybe",
         "-msg timestamp=maybe: timestamp='maybe' is not 'on' or 'off'"},
        {"xenner -nographic -daemonize -kernel k", "-nographic cannot be used with -daemonize"},
        {"xenner -serial vc",
         "-serial vc: could not connect to character backend 'vc'"},
        {"xenner -serial unix:/s,reconnect=1,server=on",
         "-serial unix:/s,reconnect=1,server=on: 'reconnect' is for clients"},
        {"xenner -serial unix:/s,sever",
         "-serial unix:/s,sever: unknown parameter 'sever'"},
        {"xenner -kernel k -serial unix:", "-serial unix:: 'path' is missing"},
        {"xenner -kernel k -serial file:", "-serial file:: 'path' is missing"},
        {"xenner -kernel k -serial chardev:c", "-serial chardev:c: there is no chardev 'c'"},
        {"xenner -kernel k -serial stdio -serial stdio",
         "-serial stdio: only one chardev can be stdio"},
        {"xenner -chardev tty,id=c",
         "-chardev tty,id=c: 'tty' is not a chardev backend (-chardev help lists them)"},
        {"xenner -chardev null", "-chardev null: 'id' is missing"},
        {"xenner -chardev null,id=", "-chardev null,id=: 'id' is missing"},
        {"xenner -chardev socket,id=c,host=h,port=1",
         "-chardev socket,id=c,host=h,port=1: TCP sockets are not supported yet; use path="},
        {"xenner -chardev socket,id=c,path=p,reconnect=soon",
         "-chardev socket,id=c,path=p,reconnect=soon: 'soon' is not a number"},
        {"xenner -chardev null,id=c,speed=9600",
         "-chardev null,id=c,speed=9600: unknown parameter 'speed'"},
        {"xenner -kernel k -chardev file,id=c", "-chardev file,id=c: 'path' is missing"},
        {"xenner -kernel k -chardev null,id=c -chardev null,id=c",
         "-chardev null,id=c: there is a chardev 'c' already"},
        {"xenner -kernel k -chardev null,id=c -serial chardev:c -serial chardev:c",
         "-serial chardev:c: chardev 'c' has another console"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p;

        if (parse(cases[i][0], &p))
            fail_msg("'%s' is accepted", cases[i][0]);
        assert_string_equal(p.error->message, cases[i][1]);
        assert_null(p.cfg);
        drop(&p);
    }
}

/* Whatever the user's bytes are, it stays one line that a terminal can show. */
static void errors_are_one_line(void **state)
{
    static const char *const values[] = {"1\n2", "a\x1b[2J", "\xff\xfe", "\t", ""};
    static const char *const names[] = {"-m", "-smp", "-machine", "-serial", "-chardev", "-uuid",
                                        "-action", "-accel", "-display", "-msg", "-no\nsuch"};

    for (size_t i = 0; i < G_N_ELEMENTS(names) * G_N_ELEMENTS(values); i++) {
        const char *name = names[i / G_N_ELEMENTS(values)];
        char *argv[] = {(char *)"xenner", (char *)name, (char *)values[i % G_N_ELEMENTS(values)],
                        (char *)"-nosuch", NULL}; /* some of the values are right */
        struct parsed p = {0};

        if (qemu_options_parse(4, argv, &p.cfg, &p.req, &p.error))
            fail_msg("%s: what follows is accepted", name);
        for (const char *c = p.error->message; *c; c++) {
            if (g_ascii_iscntrl(*c))
                fail_msg("a control character in '%s'", p.error->message);
        }
        assert_true(g_utf8_validate(p.error->message, -1, NULL));
        drop(&p);
        assert_false(qemu_options_parse(4, argv, &p.cfg, &p.req, NULL));
    }
}

static void defaults(void **state)
{
    struct parsed p = accept("xenner -kernel k");

    assert_string_equal(p.cfg->boot.kernel, "k");
    assert_null(p.cfg->boot.initrd);
    assert_string_equal(p.cfg->boot.cmdline, "");
    assert_int_equal(p.cfg->memory.bytes, 128 * MIB);
    assert_int_equal(p.cfg->vcpus.count, 1);
    assert_int_equal(p.cfg->vcpus.max, 1);
    assert_null(p.cfg->accels);
    assert_null(p.cfg->name);
    assert_int_equal(p.cfg->on.poweroff, ACT_POWEROFF);
    assert_int_equal(p.cfg->on.reboot, ACT_RESET);
    assert_int_equal(p.cfg->on.panic, ACT_POWEROFF);
    assert_int_equal(p.cfg->kernel_ring, KERNEL_RING_AUTO);
    assert_int_equal(p.cfg->user_tables, USER_TABLES_AUTO);
    assert_false(p.cfg->start_paused);
    assert_int_equal(p.cfg->consoles->len, 1);
    assert_int_equal(p.req.help, HELP_NONE);
    assert_false(p.req.daemonize || p.req.timestamps);
    assert_int_equal(p.req.warnings->len, 0);
    drop(&p);
}

/* As libvirt and people write it. */
static void a_long_line(void **state)
{
    struct parsed p = accept(
        "xenner -name guest=web,debug-threads=on -S -machine xenpv,usb=off,kernel-ring=3,"
        "user-tables=split -accel kvm:tcg -accel tcg,thread=multi -cpu qemu64 -m size=1G,slots=2 "
        "-smp 4,sockets=4,cores=1,threads=1 -uuid 4DEA24B3-1D52-D8F3-2516-782E98A23FA0 "
        "-display none -no-user-config -nodefaults -rtc base=utc -no-reboot -no-shutdown "
        "-no-acpi -overcommit mem-lock=off -sandbox on,obsolete=deny -msg timestamp=on "
        "-kernel /k -initrd /i -append root=/dev/xvda --pidfile /p -D /log -d evtchn -daemonize");

    assert_string_equal(p.cfg->name, "web");
    assert_string_equal(p.cfg->uuid, "4dea24b3-1d52-d8f3-2516-782e98a23fa0");
    assert_true(p.cfg->start_paused);
    assert_int_equal(p.cfg->kernel_ring, KERNEL_RING_3);
    assert_int_equal(p.cfg->user_tables, USER_TABLES_SPLIT);
    g_autofree char *accels = g_strjoinv(" ", p.cfg->accels);
    assert_string_equal(accels, "kvm tcg tcg");
    assert_int_equal(p.cfg->memory.bytes, 1024 * MIB);
    assert_int_equal(p.cfg->vcpus.count, 4);
    assert_int_equal(p.cfg->on.reboot, ACT_POWEROFF);
    assert_int_equal(p.cfg->on.poweroff, ACT_PAUSE);
    assert_string_equal(p.cfg->boot.initrd, "/i");
    assert_string_equal(p.cfg->boot.cmdline, "root=/dev/xvda");
    assert_string_equal(p.cfg->pidfile, "/p");
    assert_string_equal(p.cfg->debug, "evtchn");
    assert_string_equal(p.cfg->debug_file, "/log");
    assert_true(p.req.daemonize && p.req.timestamps);
    assert_int_equal(p.cfg->consoles->len, 0); /* there is no terminal any more */
    assert_int_equal(p.req.warnings->len, 1);
    assert_string_equal(g_ptr_array_index(p.req.warnings, 0),
                        "-cpu qemu64: a PV guest sees the accelerator's own CPU");
    drop(&p);
}

/* QEMU's arithmetic: what isn't said follows from the rest. */
static void topology(void **state)
{
    static const struct {
        const char *smp;
        unsigned count, max;
    } cases[] = {
        {"1", 1, 1},
        {"32", 32, 32},
        {"cpus=2", 2, 2},
        {"2,maxcpus=8", 2, 8},
        {"maxcpus=8", 8, 8},
        {"cores=4", 4, 4},
        {"sockets=2", 2, 2},
        {"sockets=2,cores=2,threads=2", 8, 8},
        {"sockets=1,cores=2", 2, 2},
        {"threads=2", 2, 2},
        {"4,sockets=2", 4, 4},
        {"4,threads=2", 4, 4},
        {"4,cores=2", 4, 4},
        {"4,sockets=2,cores=2", 4, 4},
        {"4,sockets=2,cores=4,maxcpus=8", 4, 8},
        {"2,sockets=2,dies=1,clusters=2,cores=2,maxcpus=8", 2, 8},
        {"4,dies=2", 4, 4},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strdup_printf("xenner -kernel k -smp %s", cases[i].smp);
        struct parsed p = accept(line);

        if (p.cfg->vcpus.count != cases[i].count || p.cfg->vcpus.max != cases[i].max)
            fail_msg("-smp %s: %u of %u", cases[i].smp, p.cfg->vcpus.count, p.cfg->vcpus.max);
        drop(&p);
    }
}

static const struct disk_config *disk(const struct parsed *p, unsigned i)
{
    return g_ptr_array_index(p->cfg->disks, i);
}

/* Places that firmware sees, for disks that ask for none. */
static void hvm(void **state)
{
    g_autofree char *path = g_strdup("/tmp/test-options-XXXXXX"), *line = NULL;

    assert_true(close(g_mkstemp(path)) == 0);
    line = g_strdup_printf("xenner -drive file=%s,format=raw -drive file=%s,if=none,id=p,format=raw "
                           "-device xen-disk,drive=p,vdev=xvde -cdrom %s -hdb %s -boot dc -vga cirrus -vnc :1 "
                           "-machine xenfv,firmware=uefi", path, path, path, path);
    struct parsed p = accept(line);
    assert_int_equal(p.cfg->type, GUEST_HVM);
    assert_true(p.cfg->boot.uefi);
    assert_string_equal(p.cfg->boot.order, "dc");
    assert_int_equal(p.cfg->screen.vga, VGA_CIRRUS);
    assert_false(p.cfg->screen.framebuffer || p.cfg->screen.keyboard);
    assert_string_equal(disk(&p, 0)->vdev, "hda");
    assert_string_equal(disk(&p, 1)->vdev, "xvde");
    assert_string_equal(disk(&p, 2)->vdev, "hdc");
    assert_string_equal(disk(&p, 3)->vdev, "hdb");
    assert_true(disk(&p, 0)->emulated && disk(&p, 2)->emulated);
    assert_false(disk(&p, 1)->emulated || disk(&p, 3)->emulated);
    assert_int_equal(p.req.warnings->len, 2);
    g_autofree char *warning = g_strdup_printf("-hdb %s: only the guest's PV drivers will see it: no format is named",
                                               path);
    assert_string_equal(g_ptr_array_index(p.req.warnings, 1), warning);
    drop(&p);
    p = accept("xenner -machine xenpvh -kernel k");
    assert_int_equal(p.cfg->type, GUEST_PVH);
    assert_string_equal(vm_config_first_image(p.cfg, NULL), "k");
    drop(&p);
    unlink(path);
}

static void later_ones_win(void **state)
{
    struct parsed p = accept("xenner -m 64 -kernel a -smp 2 -m 1000001b -m 16777217b -kernel b "
                             "-name x -name y -append 1 -append 2 -smp 1 -no-reboot "
                             "-action reboot=reset,shutdown=pause,panic=none "
                             "-machine user-tables=split "
                             "-machine soft-quit=on -machine user-tables=shared,"
                             "kernel-ring=1,soft-quit=90");

    assert_string_equal(p.cfg->boot.kernel, "b");
    assert_string_equal(p.cfg->boot.cmdline, "2");
    assert_string_equal(p.cfg->name, "y");
    assert_int_equal(p.cfg->memory.bytes, 16 * MIB + 4096); /* whole frames */
    assert_int_equal(p.cfg->vcpus.count, 1);
    assert_int_equal(p.cfg->on.reboot, ACT_RESET);
    assert_int_equal(p.cfg->on.poweroff, ACT_PAUSE);
    assert_int_equal(p.cfg->on.panic, ACT_NONE);
    assert_int_equal(p.cfg->user_tables, USER_TABLES_SHARED);
    assert_int_equal(p.cfg->kernel_ring, KERNEL_RING_1);
    assert_true(p.cfg->soft_quit.on);
    assert_int_equal(p.cfg->soft_quit.seconds, 90);
    drop(&p);
}

static void vnc(void **state)
{
    struct parsed p = accept("xenner -kernel k -vnc unix:/a,,b,password=on,share=ignore "
                             "-vnc [::1]:5,to=9,lossy=on,id=two -vnc :1,share=force-shared "
                             "-display vnc=host:0 -vnc none -k de");
    const struct vnc_config *c = g_ptr_array_index(p.cfg->vncs, 0);

    assert_int_equal(p.cfg->vncs->len, 5);
    assert_string_equal(c->path, "/a,b");
    assert_string_equal(c->id, "default");
    assert_true(c->password && !c->lossy && !c->none);
    assert_int_equal(c->share, VNC_SHARE_IGNORE);
    c = g_ptr_array_index(p.cfg->vncs, 1);
    assert_string_equal(c->host, "::1");
    assert_string_equal(c->id, "two");
    assert_true(c->display == 5 && c->to == 9 && c->lossy && !c->password && !c->path);
    assert_int_equal(c->share, VNC_SHARE_ALLOW_EXCLUSIVE);
    c = g_ptr_array_index(p.cfg->vncs, 2);
    assert_string_equal(c->host, ""); /* the loopback address, says vm_config.h */
    assert_int_equal(c->share, VNC_SHARE_FORCE_SHARED);
    c = g_ptr_array_index(p.cfg->vncs, 3);
    assert_string_equal(c->host, "host");
    c = g_ptr_array_index(p.cfg->vncs, 4);
    assert_true(c->none);
    assert_string_equal(p.cfg->screen.layout, "de");
    drop(&p);
}

/* Which devices follow from which options. */
static void screen(void **state)
{
    static const struct {
        const char *options;
        bool framebuffer, keyboard, relative;
    } cases[] = {
        {"", false, false, false},
        {"-nographic", false, false, false},
        {"-vnc :1", true, true, false},
        {"-vnc :1 -nographic", true, true, false},
        {"-display none", false, false, false},
        {"-vnc :1 -nodefaults", false, false, false},
        {"-vnc :1 -vga none", false, false, false},
        {"-vga none -vnc :1", false, false, false},
        {"-vga std", true, true, false},
        {"-vga std -vga none", false, false, false},
        {"-nodefaults -vnc :1 -device VGA,id=v,vgamem_mb=16", true, true, false},
        {"-nodefaults -device virtio-tablet-pci,id=i", false, true, false},
        {"-device usb-mouse", false, true, true},
        {"-device usb-mouse -device usb-tablet -device xenfb", true, true, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = g_strdup_printf("xenner -kernel k%s%s", *cases[i].options ? " " : "",
                                                cases[i].options);
        struct parsed p = accept(line);
        const struct screen_config *s = &p.cfg->screen;
        if (s->framebuffer != cases[i].framebuffer || s->keyboard != cases[i].keyboard ||
            s->relative != cases[i].relative)
            fail_msg("'%s': %d %d %d", line, s->framebuffer, s->keyboard, s->relative);
        drop(&p);
    }
}

static void help(void **state)
{
    static const struct {
        const char *line;
        enum front_help help;
    } cases[] = {
        {"xenner -help", HELP_OPTIONS},         {"xenner --help", HELP_OPTIONS},
        {"xenner -h -nonsense", HELP_OPTIONS},  {"xenner -version", HELP_VERSION},
        {"xenner -accel help", HELP_ACCEL},     {"xenner -M help", HELP_MACHINE},
        {"xenner -cpu ?", HELP_CPU},            {"xenner -cpu help -h", HELP_CPU},
        {"xenner -chardev help", HELP_CHARDEV}, {"xenner -m 1 -d help", HELP_DEBUG},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p = accept(cases[i].line);

        if (p.req.help != cases[i].help)
            fail_msg("'%s': %d", cases[i].line, p.req.help);
        drop(&p);
    }
}

/* Without effect, and said once each. */
static void harmless(void **state)
{
    struct parsed p = accept("xenner -kernel k -usb -usb -L /x -L /y -global PIIX4_PM.disable_s3=1 "
                             "-global driver=PIIX4_PM,property=disable_s4,value=1 -enable-kvm "
                             "-usbdevice tablet -nographic -echr 0x14");

    assert_int_equal(p.req.warnings->len, 3);
    assert_string_equal(g_ptr_array_index(p.req.warnings, 1), "-L: without effect: there are no files to be found");
    assert_string_equal(p.cfg->accels[0], "kvm");
    assert_int_equal(((struct chardev_config *)g_ptr_array_index(p.cfg->chardevs, 0))->escape_key, 0x14);
    assert_true(p.cfg->screen.keyboard && !p.cfg->screen.relative);
    drop(&p);
}

static void confinement(void **state)
{
    struct parsed p = accept("xenner -kernel k -runas 12:34 -chroot /x "
                             "-sandbox on,obsolete=allow,elevateprivileges=children,spawn=deny");
    const struct sandbox_config *c = &p.cfg->confine.sandbox;

    assert_true(c->on && !c->deny_obsolete && c->deny_elevate && c->allow_children && c->deny_spawn);
    assert_false(c->deny_resources);
    assert_true(p.cfg->confine.runas && !p.cfg->confine.user.name);
    assert_int_equal(p.cfg->confine.user.uid, 12);
    assert_int_equal(p.cfg->confine.user.gid, 34);
    assert_string_equal(p.cfg->confine.root, "/x");
    drop(&p);
    p = accept("xenner -kernel k -runas root -sandbox on");
    assert_string_equal(p.cfg->confine.user.name, "root");
    assert_true(p.cfg->confine.sandbox.deny_obsolete && !p.cfg->confine.sandbox.deny_spawn);
    drop(&p);
}

static void helps(void **state)
{
    static const char *const cases[][2] = {
        {"xenner -device VGA,help", "VGA options:\n  xres=<uint32>\n"},
        {"xenner -vga help", "std "}, {"xenner -display help", "vnc"}, {"xenner -object help", "  secret\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct parsed p = accept(cases[i][0]);
        assert_int_equal(p.req.help, HELP_TEXT);
        assert_non_null(strstr(p.req.help_text, cases[i][1]));
        drop(&p);
    }
}

static bool read_config(const char *text, struct parsed *ret)
{
    g_autofree char *path = NULL, *line = NULL;
    int fd = g_file_open_tmp("config-XXXXXX", &path, NULL);
    bool ok;

    assert_true(fd >= 0 && g_file_set_contents(path, text, -1, NULL));
    close(fd);
    line = g_strdup_printf("xenner -kernel k -readconfig %s", path);
    ok = parse(line, ret);
    unlink(path);
    return ok;
}

static void config_files(void **state)
{
    static const char *const bad[][2] = {
        {"[drive\n", ":1: not a section"},
        {"a = \"b\"\n", ":1: not in a section"},
        {"[memory]\nsize = 5\n", ":2: neither a section nor"},
        {"\n[nonsense]\na = \"b\"\n", ":2: there is no group 'nonsense'"},
        {"[memory]\n  size = \"5x\"\n", ":1: memory: "},
        {"\xff\xfe\n", ":1: neither"},
    };
    struct parsed p;

    assert_true(read_config("# a guest\n[memory]\n  size = \"300\"\n\n[smp-opts]\ncpus = \"3\"\n"
                            "[name]\nguest=\"a,b\"\n[chardev \"c0\"]\n  backend = \"null\"\n"
                            "[mon]\nchardev = \"c0\"\nmode = \"control\"", &p));
    assert_int_equal(p.cfg->memory.bytes, 300 * MIB);
    assert_int_equal(p.cfg->vcpus.count, 3);
    assert_string_equal(p.cfg->name, "a,b");
    assert_int_equal(p.cfg->monitors->len, 1);
    drop(&p);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(read_config(bad[i][0], &p));
        if (!strstr(p.error->message, bad[i][1]))
            fail_msg("'%s' is not in '%s'", bad[i][1], p.error->message);
        drop(&p);
    }
    assert_false(parse("xenner -readconfig /dev/null", &p));
    drop(&p);
    assert_false(parse("xenner -readconfig /nonexistent", &p));
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless), cmocka_unit_test(confinement), cmocka_unit_test(helps),
        cmocka_unit_test(config_files),
        cmocka_unit_test(refused),     cmocka_unit_test(errors_are_one_line),
        cmocka_unit_test(defaults),    cmocka_unit_test(a_long_line),
        cmocka_unit_test(hvm),
        cmocka_unit_test(topology),    cmocka_unit_test(later_ones_win),
        cmocka_unit_test(help),        cmocka_unit_test(vnc),
        cmocka_unit_test(screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
