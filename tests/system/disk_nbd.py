#!/usr/bin/env python3
"""Disks that NBD servers have: read, written, flushed; a server that dies and comes back; bad URLs."""
import os
import subprocess
import sys
import tempfile
import threading

from guest import Guest, fail, free_port
from guest_shell import Shell
from qmp import Qmp

MIB = 1 << 20


class Server:
    """A qemu-storage-daemon with one export, "disk"."""

    def __init__(self, directory, name, address):
        self.path, self.address = os.path.join(directory, name), address
        with open(self.path, "wb") as f:
            f.write(f"from {name}\n".encode())
            f.truncate(4 * MIB)
        self.pidfile = f"{self.path}.pid"
        self.start()

    def start(self):
        # it listens when it has gone into the background
        subprocess.run(["qemu-storage-daemon", "--blockdev", f"driver=file,filename={self.path},node-name=n",
                        "--nbd-server", self.address, "--daemonize", "--pidfile", self.pidfile,
                        "--export", "type=nbd,id=e,node-name=n,name=disk,writable=on"], check=True)

    def kill(self):
        with open(self.pidfile) as f:
            os.kill(int(f.read()), 9)

    def data(self, offset, size):
        with open(self.path, "rb") as f:
            f.seek(offset)
            return f.read(size)


def refused(url, text):
    ended = subprocess.run([os.environ["XENNER"], "-kernel", os.environ["KERNEL"], "-drive", f"file={url}"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if ended.returncode != 1 or ended.stderr.count("\n") != 1 or text not in ended.stderr:
        fail(f"{url}: {ended}")


def errors():
    refused("nbd://127.0.0.1:1/disk", "Connection refused")
    refused("nbd+unix:///disk", "it is not a URL of 'nbd+unix'")
    refused("gopher://127.0.0.1/disk", "Unknown protocol 'gopher'")
    refused("rbd:pool", "it is not a URL of 'rbd'")
    for url in ("rbd:pool/image", "ssh://nobody@127.0.0.1:1/disk"):
        refused(url, url.split(":")[0] if os.path.exists("/usr/lib/x86_64-linux-gnu/qemu/block-ssh.so")
                else "(Debian: package qemu-block-extra)")


def use(shell, device, name, server):
    if shell.run(f"head -n 1 {device}") != f"from {name}":
        fail(f"{device} is not the disk of {name}")
    shell.run(f"echo to {name} | dd of={device} bs=4096 seek=3 conv=sync,fsync")
    if not server.data(3 * 4096, 64).startswith(f"to {name}\n".encode()):
        fail(f"the server of {name} does not have it")


def dies(qmp, shell, server):
    """werror=stop: the VM waits for the server, and nothing is lost."""
    server.kill()
    shell.type("seq 100000 | dd of=/dev/xvdb bs=64k seek=1 iflag=fullblock conv=fsync")
    qmp.wait_event("STOP")
    if qmp.run("query-status")["status"] != "io-error":
        fail("query-status is not io-error")
    server.start()
    end = threading.Thread(target=shell.finish)
    end.start()
    while end.is_alive(): # the first tries of a storage daemon come before its connection
        qmp.run("cont")
        while end.is_alive() and qmp.run("query-status")["status"] == "running":
            end.join(0.1)
    want = "".join(f"{i}\n" for i in range(1, 100001)).encode()
    if server.data(65536, len(want)) != want:
        fail("what was written while the server was away is not there")


def main(directory):
    errors()
    port, monitor = free_port(), os.path.join(directory, "qmp")
    first = Server(directory, "tcp", f"addr.type=inet,addr.host=127.0.0.1,addr.port={port}")
    second = Server(directory, "unix", f"addr.type=unix,addr.path={directory}/socket")
    try:
        with Guest("", "-qmp", f"unix:{monitor},server=on,wait=off", "-drive", f"file=nbd://127.0.0.1:{port}/disk",
                   "-drive", f"file=nbd+unix:///disk?socket={directory}/socket,werror=stop,rerror=stop",
                   typing=True) as guest:
            qmp, shell = Qmp(monitor), Shell(guest)
            use(shell, "/dev/xvda", "tcp", first)
            use(shell, "/dev/xvdb", "unix", second)
            first.kill()
            shell.run("! dd if=/dev/zero of=/dev/xvda bs=4096 count=1 conv=fsync")
            if qmp.wait_event("BLOCK_IO_ERROR")["data"]["action"] != "report":
                fail("the guest is not told")
            dies(qmp, shell, second)
            guest.type("exit\n")
            guest.end()
    finally:
        for server in (first, second):
            try:
                server.kill()
            except ProcessLookupError:
                pass


with tempfile.TemporaryDirectory() as directory:
    main(directory)
sys.exit(0)
