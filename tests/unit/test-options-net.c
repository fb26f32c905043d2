/* opt_net.c and net_config.c: networks on the command line, MAC addresses, errors in QEMU's words. */
#include "qemu-compat/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static struct vm_config *cfg;
static struct front_request req;

static GError *parse(const char *line)
{
    g_autofree char *whole = g_strconcat("xenner -kernel k ", line, NULL);
    g_auto(GStrv) argv = g_strsplit(whole, " ", -1);
    GError *error = NULL;

    qemu_options_parse((int)g_strv_length(argv), argv, &cfg, &req, &error);
    return error;
}

static void good(const char *line)
{
    g_autoptr(GError) error = parse(line);

    if (error)
        fail_msg("%s: %s", line, error->message);
}

static void drop(void)
{
    vm_config_free(cfg);
    front_request_clear(&req);
}

static const struct netdev_config *netdev(unsigned i)
{
    assert_true(i < cfg->netdevs->len);
    return g_ptr_array_index(cfg->netdevs, i);
}

static const struct nic_config *nic(unsigned i)
{
    assert_true(i < cfg->nics->len);
    return g_ptr_array_index(cfg->nics, i);
}

static void expect_mac(unsigned i, const char *want)
{
    const uint8_t *m = nic(i)->mac;
    g_autofree char *is = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                                          m[4], m[5]);

    assert_string_equal(is, want);
}

static void refused(void **state)
{
    static const char *const cases[][2] = {
        {"-netdev foo,id=x", "-netdev foo,id=x: Parameter 'type' does not accept value 'foo'"},
        {"-netdev user", "-netdev user: Parameter 'id' is missing"},
        {"-netdev user,id=1n", "Parameter 'id' expects an identifier"},
        {"-netdev user,id=a -netdev user,id=a", "-netdev user,id=a: Duplicate ID 'a' for netdev"},
        {"-netdev user,id=a,foo=1", "'foo'"},
        {"-netdev user,id=a,restrict=zz", "restrict"},
        {"-nic foo", "-nic foo: Parameter 'type' does not accept value 'foo'"},
        {"-nic user,mac=zz", "-nic user,mac=zz: invalid syntax for ethernet address"},
        {"-nic user,mac=52:54:00:12:34", "invalid syntax for ethernet address"},
        {"-nic user,mac=52:54:00:12:34:56:78", "invalid syntax for ethernet address"},
        {"-nic user,mac=52:54:00:12:34:156", "invalid syntax for ethernet address"},
        {"-nic user,mac=01:02:03:04:05:06", "NIC cannot have multicast MAC address"},
        {"-nic user,model=e1000", "Unsupported NIC model: e1000"},
        {"-net nic,macaddr=01:00:00:00:00:00",
         "NIC cannot have multicast MAC address (odd 1st byte)"},
        {"-net nic -net nic -net user", "-nic"},
        {"-net nic -net user -net user", "-nic"},
        {"-device xen-net-device,netdev=zz",
         "-device xen-net-device,netdev=zz: Property 'xen-net-device.netdev' can't find value 'zz'"},
        {"-netdev user,id=n -device xen-net-device,netdev=n -device xen-net-device,netdev=n",
         "Property 'xen-net-device.netdev' can't take value 'n', it's in use"},
        {"-device xen-net-device,mac=zz",
         "Property 'xen-net-device.mac' doesn't take value 'zz'"},
        {"-device xen-net-device,mac=03:00:00:00:00:00", "doesn't take value"},
        {"-device xen-net-device,id=a -device xen-net-device,id=a", "Duplicate device ID 'a'"},
        {"-netdev tap,id=n,fd=x", "Invalid file descriptor number 'x'"},
        {"-netdev tap,id=n,fd=3,ifname=t", "are invalid with fd="},
        {"-netdev tap,id=n,fds=3:4,queues=2", "are invalid with fds="},
        {"-netdev tap,id=n,fd=3,fds=4", "fds="},
        {"-netdev tap,id=n,queues=0", "1 to 8 queues"},
        {"-netdev tap,id=n,fds=3:4:5:6:7:8:9:10:11", "1 to 8 queues"},
        {"-netdev tap,id=n,vhost=on", "vhost"},
        {"-netdev socket,id=n",
         "exactly one of fd=, listen=, connect=, mcast= or udp= is required"},
        {"-netdev socket,id=n,connect=:1,listen=:2", "exactly one of"},
        {"-netdev socket,id=n,udp=:1", "localaddr= is mandatory with udp="},
        {"-netdev socket,id=n,connect=:1,localaddr=:2",
         "localaddr= is only valid with mcast= or udp="},
        {"-netdev socket,id=n,connect=1", "separating host from port"},
        {"-netdev stream,id=n", "Parameter 'addr' is missing"},
        {"-netdev stream,id=n,addr.type=foo", "Parameter 'type' does not accept value 'foo'"},
        {"-netdev stream,id=n,addr.type=inet,addr.host=h", "Parameter 'addr.port' is missing"},
        {"-netdev stream,id=n,addr.type=unix", "Parameter 'addr.path' is missing"},
        {"-netdev stream,id=n,addr.type=fd,addr.str=x", "Invalid file descriptor number 'x'"},
        {"-netdev stream,id=n,server=on,reconnect=1,addr.type=unix,addr.path=p", "reconnect"},
        {"-netdev dgram,id=n", "dgram requires local= parameter"},
        {"-netdev dgram,id=n,local.type=unix,local.path=p",
         "type=inet or type=unix requires remote parameter"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = parse(cases[i][0]);
        if (!error)
            fail_msg("taken: %s", cases[i][0]);
        if (!strstr(error->message, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], error->message);
        assert_null(strchr(error->message, '\n'));
    }
}

/* Counting up from 52:54:00:12:34:56, over those that users took. */
static void macs(void **state)
{
    good("-nic user -nic user,mac=52:54:00:12:34:57 -nic none -device xen-net-device "
         "-nic user,mac=2-0-0-A-b-c -nic user");
    assert_int_equal(cfg->nics->len, 5);
    expect_mac(0, "52:54:00:12:34:56");
    expect_mac(1, "52:54:00:12:34:57");
    expect_mac(2, "52:54:00:12:34:58");
    expect_mac(3, "02:00:00:0a:0b:0c");
    expect_mac(4, "52:54:00:12:34:59");
    drop();
    good("-device xen-net-device -device xen-net-device,mac=52:54:00:12:34:56");
    expect_mac(0, "52:54:00:12:34:57");
    drop();
    g_autoptr(GString) many = g_string_new("-nic user");
    for (unsigned i = 1; i < 169; i++) /* 0x56 to 0xfe */
        g_string_append(many, " -nic user");
    good(many->str);
    expect_mac(168, "52:54:00:12:34:fe");
    drop();
    g_string_append(many, " -nic user");
    g_autoptr(GError) error = parse(many->str);
    assert_non_null(error);
}

static void user(void **state)
{
    good("-netdev user,id=a,restrict=on,ipv6=off,net=10.0.0.0/8,host=10.0.0.1,dns=10.0.0.2,"
         "dhcpstart=10.0.0.9,hostname=h,tftp=/t,,u,bootfile=b,hostfwd=tcp::1-:2,hostfwd=udp::3-:4,"
         "dnssearch=x,dnssearch=y -device xen-net-device,netdev=a,queues=2,id=dev");
    const struct netdev_user *u = &netdev(0)->user;
    assert_true(u->restricted);
    assert_true(u->ipv4);
    assert_false(u->ipv6);
    assert_string_equal(u->net, "10.0.0.0/8");
    assert_string_equal(u->tftp, "/t,u");
    assert_int_equal(u->hostfwd->len, 2);
    assert_string_equal(g_ptr_array_index(u->hostfwd, 1), "udp::3-:4");
    assert_int_equal(u->dnssearch->len, 2);
    assert_string_equal(nic(0)->netdev, "a");
    assert_string_equal(nic(0)->id, "dev");
    assert_int_equal(nic(0)->queues, 2);
    drop();
    good("-netdev user,id=a,ipv6-prefix=fd00::,ipv6-prefixlen=48");
    assert_string_equal(netdev(0)->user.ipv6_net, "fd00::/48");
    drop();
}

static void halves(void **state)
{
    good("-net user,hostfwd=tcp::1-:2 -net nic,macaddr=52:54:00:00:00:01,model=xen");
    assert_string_equal(nic(0)->netdev, netdev(0)->id);
    drop();
    good("-net nic");
    assert_null(nic(0)->netdev);
    drop();
    good("-net none -nic none");
    assert_int_equal(cfg->nics->len + cfg->netdevs->len, 0);
    drop();
    good("-nic tap,id=mine,ifname=t,script=no,downscript=no");
    assert_string_equal(netdev(0)->id, "mine");
    assert_string_equal(nic(0)->netdev, "mine");
    drop();
}

static void taps(void **state)
{
    good("-netdev tap,id=n,ifname=t,queues=3,script=/s -netdev tap,id=m,fds=7:8,vnet_hdr=off "
         "-netdev bridge,id=b,br=virbr0 -netdev tap,id=h,helper=/h");
    assert_int_equal(netdev(0)->tap.queues, 3);
    assert_string_equal(netdev(0)->tap.script, "/s");
    assert_string_equal(netdev(0)->tap.downscript, "/etc/qemu-ifdown");
    assert_true(netdev(0)->tap.vnet_hdr);
    assert_int_equal(netdev(1)->tap.queues, 2);
    assert_string_equal(g_ptr_array_index(netdev(1)->tap.fds, 1), "8");
    assert_null(netdev(1)->tap.script);
    assert_false(netdev(1)->tap.vnet_hdr);
    assert_int_equal(netdev(2)->kind, NETDEV_BRIDGE);
    assert_string_equal(netdev(2)->tap.bridge, "virbr0");
    assert_non_null(netdev(2)->tap.helper);
    assert_string_equal(netdev(3)->tap.helper, "/h");
    assert_null(netdev(3)->tap.script);
    drop();
}

static void sockets(void **state)
{
    good("-netdev socket,id=a,listen=:1234 -netdev socket,id=b,connect=h:1 -netdev socket,id=c,fd=5 "
         "-netdev socket,id=d,mcast=230.0.0.1:1234 "
         "-netdev socket,id=e,udp=h:1,localaddr=127.0.0.1:2 "
         "-netdev stream,id=f,server=on,addr.type=unix,addr.path=/p "
         "-netdev stream,id=g,reconnect=5,addr.type=inet,addr.host=::1,addr.port=9 "
         "-netdev dgram,id=h,local.type=fd,local.str=4");
    assert_true(netdev(0)->socket.server);
    assert_string_equal(netdev(0)->socket.local.port, "1234");
    assert_string_equal(netdev(0)->socket.local.host, "0.0.0.0");
    assert_false(netdev(1)->socket.server);
    assert_string_equal(netdev(1)->socket.remote.host, "h");
    assert_int_equal(netdev(2)->socket.remote.fd, 5);
    assert_int_equal(netdev(3)->kind, NETDEV_DGRAM);
    assert_true(netdev(3)->socket.udp_multicast);
    assert_string_equal(netdev(4)->socket.local.port, "2");
    assert_string_equal(netdev(5)->socket.local.path, "/p");
    assert_int_equal(netdev(6)->socket.reconnect, 5);
    assert_string_equal(netdev(6)->socket.remote.host, "::1");
    assert_int_equal(netdev(7)->socket.local.fd, 4);
    drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused), cmocka_unit_test(macs), cmocka_unit_test(user),
        cmocka_unit_test(halves), cmocka_unit_test(taps), cmocka_unit_test(sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
