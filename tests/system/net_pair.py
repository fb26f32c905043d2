#!/usr/bin/env python3
"""Two guests with sockets between them: a Unix stream, TCP, and datagrams. One of them starts anew."""
import os
import tempfile

from guest import Guest, fail, free_port


def nics(role, *netdevs):
    words = []
    for i, n in enumerate(netdevs):
        words += ["-netdev", f"{n},id=n{i}", "-device", f"xen-net-device,netdev=n{i},mac=02:00:00:00:0{role}:0{i}"]
    return words


def main():
    tcp = free_port()
    with tempfile.TemporaryDirectory() as work:
        stream, one, two = (os.path.join(work, n) for n in ("stream", "one", "two"))
        path = "addr.type=unix,addr.path=" + stream
        serve = nics(1, f"stream,server=on,{path}", f"socket,listen=127.0.0.1:{tcp}",
                     f"dgram,local.type=unix,local.path={one},remote.type=unix,remote.path={two}")
        ask = nics(2, f"stream,server=off,{path}", f"socket,connect=127.0.0.1:{tcp}",
                   f"dgram,local.type=unix,local.path={two},remote.type=unix,remote.path={one}")
        with Guest("xenner.run=pair pair=server", *serve) as server:
            server.wait_for("pair: serving")
            # the first client only connects; the second finds the sockets free again
            with Guest("xenner.demo", *ask) as client:
                client.end()
            with Guest("xenner.run=pair pair=client", *ask) as client:
                for n in range(3):
                    client.wait_for(f"pair: network {n}")
                client.wait_for("pair: good")
                client.end()
            server.wait_for("pair: good")
            server.end()
        left = os.listdir(work)
        if left:
            fail(f"left behind: {left}")


main()
