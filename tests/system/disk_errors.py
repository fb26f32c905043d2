#!/usr/bin/env python3
"""The host's file system is full: the guest waits until there is room again, or is told, as werror= says."""
import os
import subprocess
import sys
import tempfile

from guest import Guest, fail
from guest_shell import Shell
from qmp import Qmp

MIB = 1 << 20
INSIDE = "XENNER_TEST_MOUNTS"


def own_mounts():
    """Runs the test in a mount namespace of its own."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode != 0:
        print("needs root and a mount namespace, for a file system that gets full")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])


def sparse(directory, name):
    path = os.path.join(directory, name)
    with open(path, "wb") as f:
        f.truncate(16 * MIB)
    return path


def qcow2(directory, name):
    path = os.path.join(directory, name)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "16M"], check=True)
    return path


def expect_error(qmp, device, action):
    """The next event of that disk; each failed request has one."""
    while (data := qmp.wait_event("BLOCK_IO_ERROR")["data"])["device"] != device:
        pass
    if (data["operation"], data["action"], data["nospace"]) != ("write", action, True):
        fail(f"{data}, not {action}")


def status_of(qmp, drive):
    return next(b["io-status"] for b in qmp.run("query-block") if b["device"] == drive)


def waits(qmp, shell, room):
    """8 MiB on 4: stopped twice, as the first addition is not enough."""
    shell.type("(dd if=/dev/zero bs=64k count=128 | tr '\\0' x | dd of=/dev/xvda bs=64k iflag=fullblock conv=fsync)")
    expect_error(qmp, "d", "stop")
    qmp.wait_event("STOP")
    if qmp.run("query-status")["status"] != "io-error":
        fail("query-status is not io-error")
    if status_of(qmp, "d") != "nospace":
        fail("io-status is not nospace")
    if "paused (io-error)" not in qmp.run("human-monitor-command", command_line="info status"):
        fail("info status")
    qmp.run("cont")
    qmp.wait_event("STOP") # still no room
    room(32)
    qmp.run("cont")
    shell.finish()
    if shell.run("head -c 8388608 /dev/xvda | tr -d x | wc -c; dd if=/dev/xvda bs=1M skip=8 2>/dev/null |"
                 " tr -d '\\0' | wc -c").split() != ["0", "0"]:
        fail("what was written is not there")
    if status_of(qmp, "d") != "ok" or qmp.run("query-status")["status"] != "running":
        fail("it doesn't go on")


def is_told(qmp, shell, room):
    """werror=report; and ignore, which loses what is written."""
    room(9)
    shell.run("! dd if=/dev/urandom of=/dev/xvdb bs=1M count=8 conv=fsync")
    expect_error(qmp, "r", "report")
    shell.run("dd if=/dev/urandom of=/dev/xvdc bs=1M count=8 conv=fsync")
    expect_error(qmp, "i", "ignore")


def ends_while_held(qmp, shell):
    """A reset, and the end, with requests that wait: neither hangs."""
    shell.type("dd if=/dev/urandom of=/dev/xvda bs=1M seek=9 count=6 conv=fsync")
    qmp.wait_event("STOP")
    qmp.run("system_reset")
    if qmp.run("query-status")["status"] != "paused":
        fail("not paused after the reset")


def main(directory):
    small = os.path.join(directory, "small")
    monitor = os.path.join(directory, "qmp")

    def room(mib):
        subprocess.run(["mount", "-o", f"remount,size={mib}m", small], check=True)

    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", small], check=True)
    try:
        with Guest("", "-nodefaults", "-display", "none", "-qmp", f"unix:{monitor},server=on,wait=off",
                   "-drive", f"file={qcow2(small, 'd')},format=qcow2,id=d",
                   "-drive", f"file={sparse(small, 'r')},format=raw,id=r,werror=report",
                   "-drive", f"file={sparse(small, 'i')},format=raw,id=i,werror=ignore", typing=True) as guest:
            qmp = Qmp(monitor)
            shell = Shell(guest)
            waits(qmp, shell, room)
            is_told(qmp, shell, room)
            ends_while_held(qmp, shell)
            qmp.run("quit")
            guest.end()
    finally:
        subprocess.run(["umount", small], check=True)


own_mounts()
with tempfile.TemporaryDirectory() as directory:
    main(directory)
sys.exit(0)
