#!/usr/bin/env python3
"""Several NICs on user-mode networks of different shapes; addresses, DHCP's words, TFTP, UDP, IPv6."""
import os
import socket
import tempfile

from guest import Guest, Server, fail, free_port


def main():
    server = Server(1 << 20)
    bell, udp = free_port(), free_port(socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as tftp:
        with open(os.path.join(tftp, "boot.txt"), "w") as f:
            f.write("from tftp\n")
        with Guest(f"xenner.run=nics net.http=10.0.2.2:{server.port}",
                   "-netdev", f"user,id=a,hostfwd=tcp:127.0.0.1:{bell}-:7,"
                   f"hostfwd=udp:127.0.0.1:{udp}-:9",
                   "-device", "xen-net-device,netdev=a",
                   "-netdev", "user,id=b,ipv6=off,net=192.168.7.0/24,dhcpstart=192.168.7.40,"
                   f"dns=192.168.7.9,hostname=box,domainname=example.org,tftp={tftp},"
                   "bootfile=/boot.txt,dnssearch=one.example,dnssearch=two.example",
                   "-device", "xen-net-device,netdev=b,mac=02:00:00:00:00:07",
                   "-nic", "user,restrict=on,net=10.9.0.0/16,ipv6-net=fc09::/64,mac=52:54:00:12:34:57",
                   "-device", "xen-net-device") as guest:
            for want in ("eth0 52:54:00:12:34:56 10.0.2.15/24 nameserver 10.0.2.3",
                         "eth1 02:00:00:00:00:07 192.168.7.40/24 nameserver 192.168.7.9 hostname box "
                         "domain example.org boot /boot.txt search one.example two.example",
                         "eth2 52:54:00:12:34:57 10.9.0.15/16 nameserver  hostname",
                         "eth3 52:54:00:12:34:58 carrier", "from tftp", "over eth0",
                         "restricted router", "restricted", "ipv6", "serving"):
                line = guest.wait_for("nics: ")
                if not line.startswith("nics: " + want):
                    fail(f"'{line}', not '{want}'")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(b"hello", ("127.0.0.1", udp))
            guest.wait_for("nics: datagram")
            socket.create_connection(("127.0.0.1", bell)).close()
            guest.wait_for("nics: good")
            guest.end()


main()
