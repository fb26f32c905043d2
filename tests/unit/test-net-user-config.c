/* net_user_config.c: networks and forwarding rules as users write them. */
#include "xenner/backend/net_user_config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void expect_addr(struct in_addr a, const char *want)
{
    char text[INET_ADDRSTRLEN];

    assert_string_equal(inet_ntop(AF_INET, &a, text, sizeof(text)), want);
}

static void addresses(void **state)
{
    static const struct {
        const char *net, *host, *network, *mask, *dhcp, *dns;
    } row[] = {
        {NULL, NULL, "10.0.2.0", "255.255.255.0", "10.0.2.15", "10.0.2.3"},
        {"192.168.7.0/24", NULL, "192.168.7.0", "255.255.255.0", "192.168.7.15", "192.168.7.3"},
        {"192.168.7.99", "192.168.7.1", "192.168.7.0", "255.255.255.0", "192.168.7.15",
         "192.168.7.3"},
        {"10.0.0.0", NULL, "10.0.0.0", "255.0.0.0", "10.0.0.15", "10.0.0.3"},
        {"172.16.9.0", NULL, "172.16.0.0", "255.255.0.0", "172.16.0.15", "172.16.0.3"},
        {"10.5.0.0/255.255.0.0", NULL, "10.5.0.0", "255.255.0.0", "10.5.0.15", "10.5.0.3"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        struct netdev_user u = {.ipv4 = true, .net = (char *)row[i].net,
                                .host = (char *)row[i].host};
        SlirpConfig c;
        assert_true(net_user_config(&u, &c, NULL));
        expect_addr(c.vnetwork, row[i].network);
        expect_addr(c.vnetmask, row[i].mask);
        expect_addr(c.vdhcp_start, row[i].dhcp);
        expect_addr(c.vnameserver, row[i].dns);
    }
}

static void refused(void **state)
{
    static const struct {
        struct netdev_user u;
        const char *why;
    } row[] = {
        {{.net = (char *)"zz"}, "Failed to parse netmask"},
        {{.net = (char *)"10.0.0.0/33"}, "4-32"},
        {{.net = (char *)"10.0.0.0/3"}, "4-32"},
        {{.net = (char *)"10.0.0.0/30"}, "too small"},
        {{.host = (char *)"zz"}, "Failed to parse host"},
        {{.host = (char *)"11.0.0.1"}, "Host doesn't belong to network"},
        {{.dhcpstart = (char *)"1.1.1.1"}, "DHCP doesn't belong to network"},
        {{.dns = (char *)"10.0.2.2"}, "DNS must be different from host"},
        {{.dhcpstart = (char *)"10.0.2.3"}, "DHCP must be different from host and DNS"},
        {{.ipv6_net = (char *)"x"}, "Failed to parse IPv6 prefix"},
        {{.ipv6_net = (char *)"fd00::/127"}, "between 0 and 126"},
        {{.ipv6_host = (char *)"x"}, "Failed to parse IPv6 host"},
        {{.ipv6_dns = (char *)"x"}, "Failed to parse IPv6 DNS"},
        {{.hostname = (char *)"0123456789012345678901234567890123"}, "hostname is too long"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        struct netdev_user u = row[i].u;
        g_autoptr(GError) error = NULL;
        SlirpConfig c;
        u.ipv4 = true;
        if (net_user_config(&u, &c, &error))
            fail_msg("taken: %s", row[i].why);
        if (!strstr(error->message, row[i].why))
            fail_msg("'%s', not '%s'", error->message, row[i].why);
    }
}

static void forwarding(void **state)
{
    static const char *const bad[][2] = {
        {"zz", "Invalid host forwarding rule 'zz' (No : separators)"},
        {"sctp::1-:2", "Bad protocol name"},
        {"tcp:1", "Missing : separator"},
        {"tcp:x:1-:2", "Bad host address"},
        {"tcp::99999-:22", "Invalid host forwarding rule 'tcp::99999-:22' (Bad host port)"},
        {"tcp::x-:22", "Bad host port"},
        {"tcp::22", "Bad host port"},
        {"tcp::1-2", "Missing guest address"},
        {"tcp::1-x:2", "Bad guest address"},
        {"tcp::1-:0", "Bad guest port"},
        {"tcp::1-:", "Bad guest port"},
    };
    struct net_hostfwd f;

    assert_true(net_hostfwd_parse("tcp:127.0.0.1:2222-:22", &f, NULL));
    assert_false(f.udp);
    expect_addr(f.host, "127.0.0.1");
    assert_int_equal(f.host_port, 2222);
    assert_int_equal(f.guest.s_addr, 0);
    assert_int_equal(f.guest_port, 22);
    assert_true(net_hostfwd_parse("udp::0-10.0.2.9:65535", &f, NULL));
    assert_true(f.udp);
    expect_addr(f.guest, "10.0.2.9");
    assert_int_equal(f.guest_port, 65535);
    assert_true(net_hostfwd_parse("::1-:2", &f, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        if (net_hostfwd_parse(bad[i][0], &f, &error))
            fail_msg("taken: %s", bad[i][0]);
        if (!strstr(error->message, bad[i][1]))
            fail_msg("'%s', not '%s'", error->message, bad[i][1]);
    }
}

static void guest_forwarding(void **state)
{
    static const char *const bad[][2] = {
        {"zz", "Invalid guest forwarding rule 'zz' (Bad protocol name)"},
        {"udp:10.0.2.100:1-cmd:x", "Bad protocol name"},
        {"tcp::1-cmd:x", "Bad server address"},
        {"tcp:10.0.2.100:0-cmd:x", "Bad server port"},
        {"tcp:10.0.2.100:65536-cmd:x", "Bad server port"},
        {"tcp:10.0.2.100:80", "Bad server port"},
        {"tcp:10.0.2.100:80-", "is missing"},
        {"tcp:10.0.2.100:80-cmd:", "is missing"},
        {"tcp:10.0.2.100:80-stdio", "is missing"},
    };
    struct net_guestfwd f;

    assert_true(net_guestfwd_parse("tcp:10.0.2.100:80-cmd:netcat -l 1-2", &f, NULL));
    expect_addr(f.server, "10.0.2.100");
    assert_int_equal(f.port, 80);
    assert_int_equal(f.kind, GUESTFWD_COMMAND);
    assert_string_equal(f.target, "netcat -l 1-2");
    assert_true(net_guestfwd_parse(":10.0.2.9:65535-tcp:[::1]:7", &f, NULL));
    assert_int_equal(f.kind, GUESTFWD_TCP);
    assert_string_equal(f.target, "[::1]:7");
    assert_true(net_guestfwd_parse("tcp:10.0.2.9:1-unix:/a:b-c", &f, NULL));
    assert_int_equal(f.kind, GUESTFWD_UNIX);
    assert_string_equal(f.target, "/a:b-c");
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        if (net_guestfwd_parse(bad[i][0], &f, &error))
            fail_msg("taken: %s", bad[i][0]);
        if (!strstr(error->message, bad[i][1]))
            fail_msg("'%s', not '%s'", error->message, bad[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(refused), cmocka_unit_test(forwarding),
        cmocka_unit_test(guest_forwarding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
