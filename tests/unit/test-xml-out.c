/* xml_out*.c: a command line becomes a domain, and that domain the same command line again. */
#include "libvirt-xml/xml_check.h"
#include "libvirt-xml/xml_in.h"
#include "libvirt-xml/xml_out.h"
#include "qemu-compat/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* Words are separated by single blanks. */
static domain_xml *from_line(const char *line, unsigned *ret_notes, GError **error)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GPtrArray) notes = NULL;
    struct vm_config *cfg;
    struct front_request req;

    if (!qemu_options_parse((int)g_strv_length(argv), argv, &cfg, &req, error))
        fail_msg("'%s': %s", line, (*error)->message);
    domain_xml *doc = domain_from_config(cfg, "/usr/bin/xenner", &notes, error);
    assert_true((doc != NULL) == (*error == NULL));
    *ret_notes = notes ? notes->len : 0;
    vm_config_free(cfg);
    front_request_clear(&req);
    return doc;
}

static char *back(const domain_xml *doc)
{
    g_autoptr(GPtrArray) argv = NULL, notes = NULL;
    g_autoptr(GError) error = NULL;

    if (!domain_to_argv(doc, "f", &argv, &notes, &error))
        fail_msg("%s", error->message);
    g_ptr_array_add(argv, NULL);
    return g_strjoinv(" ", (char **)argv->pdata);
}

/* Through the text, as a file would; nothing in it may be refused. */
static void assert_round(const char *line, unsigned notes, const char *expected)
{
    g_autoptr(GError) error = NULL;
    unsigned n;
    g_autoptr(domain_xml) doc = from_line(line, &n, &error);

    if (!doc)
        fail_msg("%s", error->message);
    g_autofree char *text = domain_xml_text(doc);
    g_autoptr(domain_xml) read = domain_xml_parse(text, strlen(text), "f", &error);
    if (!read)
        fail_msg("%s\n%s", error->message, text);
    g_autoptr(GPtrArray) issues = domain_check(read, false);
    for (guint i = 0; i < issues->len; i++) {
        const struct xml_issue *issue = g_ptr_array_index(issues, i);
        if (issue->level == XML_ISSUE_ERROR && !strstr(issue->text, "<transient/>"))
            fail_msg("line %ld: %s\n%s", issue->line, issue->text, text);
    }
    g_autofree char *again = back(read);
    assert_string_equal(again, expected);
    assert_int_equal(n, notes);
}

#define HEAD(name) "/usr/bin/xenner -name guest=" name " -accel tcg -m 128 -smp 1 -nodefaults "

static void identity(void **state)
{
    assert_round("xenner -m 1.5G -smp 2,maxcpus=4 -name a,,b -uuid "
                 "4dea24b3-1d52-d8f3-2516-782e98a23fa0 -accel kvm -kernel /k -initrd /i -append "
                 "a=<&>\"' -no-reboot -action panic=pause -serial none",
                 0,
                 "/usr/bin/xenner -name guest=a,,b -uuid 4dea24b3-1d52-d8f3-2516-782e98a23fa0 -accel "
                 "kvm -m 1536 -smp 2,maxcpus=4 -nodefaults -kernel /k -initrd /i -append a=<&>\"' "
                 "-no-reboot -action panic=pause -serial none");
    assert_round("xenner -bios /b -M bootloader=/c -serial none", 0,
                 HEAD("xenner") "-bios /c -serial none");
    assert_round("xenner -M bootloader=direct -serial none", 0,
                 HEAD("xenner") "-serial none -machine bootloader=direct");
}

static void disks(void **state)
{
    assert_round("xenner -drive file=/a,,b,format=qcow2,cache=none,aio=threads -cdrom /c.iso "
                 "-drive file=nbd://h:10810/e,format=raw,bps=9,bps_max=99 -serial none",
                 0,
                 HEAD("xenner") "-drive file=/a,,b,format=qcow2,cache=none,aio=threads "
                 "-drive file=/c.iso,format=raw,media=cdrom,if=none,id=disk1 -device "
                 "xen-disk,drive=disk1,vdev=xvdc -drive file=nbd://h:10810/e,format=raw,"
                 "throttling.bps-total=9,throttling.bps-total-max=99 -serial none");
    assert_round("xenner -drive file=/a,format=raw,if=none,id=x,iops=9,iops_max=18,iops_max_length=2,group=g "
                 "-device xen-disk,drive=x,bootindex=0 -serial none",
                 0,
                 HEAD("xenner") "-drive file=/a,format=raw,throttling.iops-total=9,"
                 "throttling.iops-total-max=18,throttling.group=g,throttling.iops-total-max-length=2,if=none,"
                 "id=disk0 -device xen-disk,drive=disk0,vdev=xvda,bootindex=0 -serial none");
    assert_round("xenner -drive file=/a.qcow2,if=none,id=x -device xen-disk,drive=x,vdev=xvdq -drive "
                 "file=/n,if=none -snapshot -serial none",
                 2, /* no device has it; snapshot */
                 HEAD("xenner") "-drive file=/a.qcow2,format=qcow2,snapshot=on,if=none,id=disk0 "
                 "-device xen-disk,drive=disk0,vdev=xvdq -serial none");
}

/* What libvirt's XML can't say comes through as it was. */
static void networks(void **state)
{
    assert_round("xenner -nic user -nic bridge,br=b1,mac=00:16:3e:00:00:01 -nic "
                 "socket,mcast=230.0.0.1:9 -serial none",
                 0,
                 HEAD("xenner") "-nic user -nic bridge,br=b1,mac=00:16:3e:00:00:01 -nic "
                 "socket,mcast=230.0.0.1:9 -serial none");
    assert_round("xenner -nic user,hostfwd=tcp::1-:2 -netdev user,id=n,hostname=a,,b -device "
                 "xen-net-device,netdev=n -serial none",
                 0,
                 HEAD("xenner") "-serial none -nic user,hostfwd=tcp::1-:2 -netdev "
                 "user,id=n,hostname=a,,b -device xen-net-device,netdev=n");
}

static void streams(void **state)
{
    assert_round("xenner -kernel /k -nographic -chardev file,id=f,path=/f,logfile=/l -device "
                 "xen-console,chardev=f -monitor none -qmp unix:/q,server=on,wait=off",
                 1, /* the monitor */
                 HEAD("xenner") "-kernel /k -chardev file,id=console0,path=/f,logfile=/l -serial "
                 "chardev:console0");
    assert_round("xenner -serial mon:stdio -serial unix:/s,server=on,wait=off", 1,
                 HEAD("xenner") "-chardev pty,id=console0 -serial chardev:console0 -chardev "
                 "socket,id=console1,path=/s,server=on,wait=off -serial chardev:console1");
    assert_round("xenner -vnc :3,share=ignore -k de -serial none", 0,
                 HEAD("xenner") "-serial none -vnc 127.0.0.1:3,share=ignore -k de -vga std -device "
                 "usb-tablet");
    assert_round("xenner -vnc unix:/v -vga none -serial none", 0,
                 HEAD("xenner") "-serial none -vnc unix:/v -vga none");
}

static void own_options(void **state)
{
    assert_round("xenner -machine xenpv,kernel-ring=3,user-tables=split,disk-backend=xenner,net-backend=kernel -d all -D /l -S -pidfile /p "
                 "-serial none",
                 2,
                 HEAD("xenner") "-serial none -machine kernel-ring=3,user-tables=split -machine disk-backend=xenner "
                 "-machine net-backend=kernel -d all -D /l");
}

static void refused(void **state)
{
    static const char *const cases[][2] = {
        {"xenner -name \001", "'?': not a text that XML can hold"},
        {"xenner -append \xff -kernel k", "'\357\277\275': not a text that XML can hold"},
        {"xenner -nic tap,fd=9", "-nic tap,fd=9: an inherited descriptor has no form in XML"},
        {"xenner -drive file=ssh://h/x", "-drive file=ssh://h/x: such a URL has no form in "
                                         "libvirt's XML"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        unsigned notes;
        assert_null(from_line(cases[i][0], &notes, &error));
        assert_string_equal(error->message, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity), cmocka_unit_test(disks),       cmocka_unit_test(networks),
        cmocka_unit_test(streams),  cmocka_unit_test(own_options), cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
