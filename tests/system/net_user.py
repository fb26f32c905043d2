#!/usr/bin/env python3
"""A guest on a user-mode network: DHCP, transfers both ways, a server in it behind hostfwd, a reboot."""
import os
import subprocess

from guest import Guest, Server, fail, free_port, transfers

SIZE = 8 << 20


def port_in_use(server):
    ended = subprocess.run(
        [os.environ["XENNER"], "-kernel", os.environ["KERNEL"], "-nic",
         f"user,hostfwd=tcp:127.0.0.1:{server.port}-:80"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if ended.returncode != 1 or ended.stderr.count("\n") != 1 or ended.stdout or \
            "Could not set up host forwarding rule" not in ended.stderr:
        fail(f"a port in use: {ended}")


def main():
    server = Server(SIZE)
    port_in_use(server)
    web, bell = free_port(), free_port()
    with Guest(f"xenner.run=net net.http=10.0.2.2:{server.port} xenner.end=reboot", "-nic",
               f"user,hostfwd=tcp:127.0.0.1:{web}-:80,hostfwd=tcp:127.0.0.1:{bell}-:7") as guest:
        for _ in range(2):
            transfers(guest, server, "10.0.2.15/24 52:54:00:12:34:56 queues 1",
                      ("127.0.0.1", web), ("127.0.0.1", bell))
        guest.process.terminate()
        guest.end()


main()
