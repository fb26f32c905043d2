#!/usr/bin/env python3
"""A guest on a tap, in a network namespace of the test's own: offloads, several queues, inherited taps."""
import fcntl
import json
import os
import struct
import subprocess
import sys
import tempfile

from guest import Guest, Server, fail, transfers

SIZE = 8 << 20
HOST, GUEST = "10.77.0.1", "10.77.0.2"
TUNSETVNETHDRSZ, TUNSETPERSIST = 0x400454d8, 0x400454cb
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x400454ca, 2, 0x1000, 0x4000, 0x100


# What qemu-bridge-helper does: a tap, sent over the socket.
HELPER = f"""#!{sys.executable}
import fcntl, os, socket, struct, subprocess, sys
assert sys.argv[1] == "--use-vnet" and sys.argv[3] == "--br=mybr", sys.argv
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, {TUNSETIFF}, struct.pack("16sH22x", b"mybr-tap", {IFF_TAP | IFF_NO_PI | IFF_VNET_HDR}))
subprocess.run("ip addr add {HOST}/24 dev mybr-tap; ip link set mybr-tap up", shell=True, check=True)
socket.send_fds(socket.socket(fileno=int(sys.argv[2][5:])), [b"x"], [tap])
"""


def own_namespace():
    if os.environ.get("NET_TAP_INSIDE"):
        return
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun") or \
            subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        print("needs root, network namespaces and /dev/net/tun")
        sys.exit(77)
    os.environ["NET_TAP_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def open_tap(name, flags):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd


def leave_tap(name):
    """As another program leaves a persistent tap behind: with virtio's longer header."""
    fd = open_tap(name, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", 12))
    fcntl.ioctl(fd, TUNSETPERSIST, 1)
    os.close(fd)


def frame_sizes(name):
    """Average of frames in both directions, as the tap sees them: from the guest, to the guest."""
    stats = json.loads(ip("-s", "-j", "link", "show", name))[0]["stats64"]
    return [stats[d]["bytes"] / stats[d]["packets"] for d in ("rx", "tx")]


def run(netdev, name, queues=1, pass_fds=(), large=True, script=None):
    with Guest(f"xenner.run=net net.http={HOST}:{server.port} net.ip={GUEST}/24",
               "-netdev", f"tap,id=n,{netdev}", "-device", "xen-net-device,netdev=n",
               pass_fds=pass_fds, vcpus=queues) as guest:
        transfers(guest, server, f"{GUEST}/24 52:54:00:12:34:56 queues {queues}", (GUEST, 80),
                  (GUEST, 7))
        sizes = frame_sizes(name)
        # each direction has data of one transfer or two, and acknowledgements of the others
        print(f"{netdev}: average frames {sizes}")
        if (min(sizes) > 1500) != large:
            fail(f"average frames of {sizes} bytes, large ones expected: {large}")
        guest.end()


own_namespace()
with tempfile.TemporaryDirectory() as work:
    up, down, log, helper = (os.path.join(work, n) for n in ("up", "down", "log", "helper"))
    for path, body in ((up, f"ip addr add {HOST}/24 dev $1; ip link set $1 up"), (down, f"echo $1 >>{log}")):
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)
    ip("link", "set", "lo", "up")
    server = Server(SIZE, ("0.0.0.0", 0))
    leave_tap("one")
    run(f"ifname=one,script={up},downscript={down}", "one")
    with open(log) as f:
        if f.read() != "one\n":
            fail("the down script was not run once")
    ip("link", "del", "one") # it is persistent, and its address is wanted again
    run(f"ifname=plain,vnet_hdr=off,script={up},downscript=no", "plain", large=False)
    with open(helper, "w") as f:
        f.write(HELPER)
    os.chmod(helper, 0o755)
    run(f"helper={helper},br=mybr", "mybr-tap")
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE
    fds = [open_tap("two", flags) for _ in range(2)]
    ip("addr", "add", f"{HOST}/24", "dev", "two")
    ip("link", "set", "two", "up")
    run("fds=" + ":".join(map(str, fds)), "two", queues=2, pass_fds=fds)
