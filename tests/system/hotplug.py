#!/usr/bin/env python3
"""Disks, CD media and network cards that come and go in a running guest, over QMP; the guest uses them."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from disks import MIB, add_node, del_node, image, refused, stats
from guest import Guest, fail
from guest_shell import Shell
from qmp import Qmp, QmpError

ON_XEN = os.environ.get("ACCEL") == "xen"


def disk(qmp, shell, directory):
    path = image(directory, "d1", 8 * MIB, "first disk\n")
    qdev = "/machine/peripheral/virtio-disk1/virtio-backend"
    refused(qmp, "Could not open", "blockdev-add", driver="file", filename="/no/such", node_name="x")
    add_node(qmp, "one", path)
    refused(qmp, "Duplicate nodes", "blockdev-add", driver="file", filename=path, node_name="one-format")
    refused(qmp, "is busy", "blockdev-del", node_name="one-storage")
    refused(qmp, "can't find value", "device_add", driver="virtio-blk-pci", drive="none", id="x")
    qmp.run("device_add", driver="virtio-blk-pci", bus="pci.0", addr="0x6", drive="one-format",
            id="virtio-disk1", write_cache="on")
    refused(qmp, "Duplicate device ID", "device_add", driver="virtio-blk-pci", drive="one-format",
            id="virtio-disk1")
    shell.until("test -b /dev/xvda")
    if shell.run("head -n 1 /dev/xvda") != "first disk":
        fail("the guest reads something else")
    shell.run("echo from the guest | dd of=/dev/xvda bs=512 seek=2 conv=sync,fsync")
    with open(path, "rb") as f:
        f.seek(1024)
        if not f.read(20).startswith(b"from the guest\n"):
            fail("what the guest wrote is not in the image")
    s = stats(qmp, qdev)
    if s["rd_operations"] == 0 or s["wr_bytes"] < 512 or s["flush_operations"] == 0:
        fail(f"blockstats: {s}")
    info = qmp.run("query-block")
    if [b["qdev"] for b in info] != [qdev] or \
            info[0]["inserted"]["image"]["virtual-size"] != 8 * MIB:
        fail(f"query-block: {info}")
    qmp.run("block_resize", node_name="one-format", size=12 * MIB)
    shell.until("test $(cat /sys/block/xvda/size) = 24576")
    limit = {"id": qdev, "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 50, "iops_rd": 0, "iops_wr": 0}
    if ON_XEN:
        try:
            qmp.run_exact("block_set_io_throttle", limit)
            fail("the kernel has no limits")
        except QmpError as e:
            if "served by the kernel" not in str(e):
                fail(str(e))
    else:
        qmp.run_exact("block_set_io_throttle", limit)
        if qmp.run("query-block")[0]["inserted"]["iops"] != 50:
            fail("no limit")
    refused(qmp, "is busy", "blockdev-del", node_name="one-format")
    qmp.run("device_del", id="virtio-disk1")
    if qmp.wait_event("DEVICE_DELETED")["data"]["device"] != "virtio-disk1":
        fail("another device left")
    shell.until("test ! -e /sys/block/xvda")
    refused(qmp, "DeviceNotFound", "device_del", id="virtio-disk1")
    del_node(qmp, "one")
    if qmp.run("query-block") or qmp.run("query-named-block-nodes"):
        fail("something is left of the disk")


def medium(qmp, shell, directory):
    first = image(directory, "c1", MIB, "first medium\n")
    second = image(directory, "c2", MIB, "second medium\n")
    qmp.run("device_add", driver="ide-cd", id="cd")
    if "inserted" in qmp.run("query-block")[0]:
        fail("the drive is not empty")
    refused(qmp, "is not open", "blockdev-remove-medium", id="cd")
    qmp.run("blockdev-open-tray", id="cd")
    add_node(qmp, "c1", first, read_only=True)
    qmp.run("blockdev-insert-medium", id="cd", node_name="c1-format")
    qmp.run("blockdev-close-tray", id="cd")
    shell.until("test -b /dev/xvda")
    if shell.run("head -n 1 /dev/xvda") != "first medium":
        fail("another medium")
    qmp.run("blockdev-change-medium", id="cd", filename=second, format="raw")
    shell.until("grep -q second /dev/xvda")
    del_node(qmp, "c1")
    qmp.events.clear()
    qmp.run("eject", id="cd")
    if not qmp.wait_event("DEVICE_TRAY_MOVED")["data"]["tray-open"]:
        fail("the tray closes")
    shell.until("test ! -e /sys/block/xvda")
    if "inserted" in qmp.run("query-block")[0]:
        fail("the medium is still there")
    qmp.run("device_del", id="cd")
    qmp.wait_event("DEVICE_DELETED")


def server(qmp, shell, directory):
    """A disk that an NBD server has, which is not a file here."""
    path, socket = image(directory, "n1", MIB, "from the server\n"), f"{directory}/nbd"
    daemon = subprocess.Popen(
        ["qemu-storage-daemon", "--blockdev", f"driver=file,filename={path},node-name=n",
         "--nbd-server", f"addr.type=unix,addr.path={socket}",
         "--export", "type=nbd,id=e,node-name=n,name=disk,writable=on", "--daemonize",
         "--pidfile", f"{directory}/pid"])
    if daemon.wait():
        fail("no NBD server")
    try:
        qmp.run("blockdev-add", driver="raw", node_name="remote",
                file={"driver": "nbd", "export": "disk", "server": {"type": "unix", "path": socket}})
        qmp.run("device_add", driver="scsi-hd", drive="remote", id="remote-disk")
        shell.until("grep -q 'from the server' /dev/xvda")
        shell.run("echo to the server | dd of=/dev/xvda bs=512 seek=4 conv=sync,fsync")
        with open(path, "rb") as f:
            if b"to the server" not in f.read():
                fail("the server does not have it")
        refused(qmp, "does not support resize", "block_resize", node_name="remote", size=2 * MIB)
        qmp.run("device_del", id="remote-disk")
        qmp.wait_event("DEVICE_DELETED")
        qmp.run("blockdev-del", node_name="remote")
    finally:
        with open(f"{directory}/pid") as f:
            os.kill(int(f.read()), signal.SIGTERM)


def formats(qmp, shell, directory):
    """A qcow2 image gets other sizes while the guest writes; one of a format that can't is as it was."""
    path, fixed = f"{directory}/q.qcow2", f"{directory}/v.vdi"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "8M"], check=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "vdi", fixed, "1M"], check=True)
    for name, driver, file in (("q", "qcow2", path), ("v", "vdi", fixed)):
        qmp.run("blockdev-add", node_name=name, driver=driver, file={"driver": "file", "filename": file})
        qmp.run("device_add", driver="virtio-blk-pci", drive=name, id=f"disk-{name}")
        shell.until("test -b /dev/xvda" if name == "q" else "test -b /dev/xvdb")
    shell.run("touch /tmp/on; (while [ -e /tmp/on ]; do seq 300000 | head -c 1048576 |"
              " dd of=/dev/xvda bs=64k iflag=fullblock conv=fsync 2>/dev/null || echo bad >/tmp/bad; done; touch /tmp/over) &")
    for mib in (32, 12, 24):
        qmp.run("block_resize", node_name="q", size=mib * MIB)
        shell.until(f"test $(cat /sys/block/xvda/size) = {mib * 2048}")
    shell.run("rm /tmp/on; until test -e /tmp/over; do sleep 0.1; done; test ! -e /tmp/bad")
    shell.run("echo at the end | dd of=/dev/xvda bs=512 seek=49151 conv=sync,fsync")
    refused(qmp, "does not support resize", "block_resize", node_name="v", size=2 * MIB)
    if qmp.run("query-named-block-nodes") and shell.run("cat /sys/block/xvdb/size") != "2048":
        fail("what was refused was done")
    shell.run("echo still there | dd of=/dev/xvdb bs=512 conv=sync,fsync; head -n 1 /dev/xvdb | grep 'still there'")
    for name in ("q", "v"):
        qmp.run("device_del", id=f"disk-{name}")
        qmp.wait_event("DEVICE_DELETED")
        qmp.run("blockdev-del", node_name=name)
    subprocess.run(["qemu-img", "check", "-q", path], check=True)
    subprocess.run(["qemu-img", "convert", "-O", "raw", path, f"{directory}/q.raw"], check=True)
    with open(f"{directory}/q.raw", "rb") as f:
        data = f.read()
    want = "".join(f"{i}\n" for i in range(1, 300001)).encode()[:MIB]
    if len(data) != 24 * MIB or data[:MIB] != want or not data[-512:].startswith(b"at the end\n"):
        fail("the resized image is not as the guest wrote it")


def people(qmp, shell, directory):
    """The same in the monitor for people."""
    def hmp(line, want=""):
        said = qmp.run("human-monitor-command", command_line=line)
        if want not in said or ("Error" in said and not want):
            fail(f"{line}: {said}")

    path = image(directory, "p1", MIB, "for people\n")
    hmp(f"drive_add 0 if=none,id=p,format=raw,file={path}", "OK")
    hmp("drive_add 0 if=none,id=q,file=/no/such", "Could not open")
    hmp("device_add xen-disk,drive=p,id=pd,vdev=xvdf")
    shell.until("grep -q people /dev/xvdf")
    hmp("info block", "Attached to:      xvdf")
    hmp("info blockstats", "p: rd_bytes=")
    hmp("block_resize pd 2")
    shell.until("test $(cat /sys/block/xvdf/size) = 4096")
    hmp("drive_del p", "in use")
    hmp("device_del pd")
    qmp.wait_event("DEVICE_DELETED")
    hmp("drive_del p", "not found") # it went with the device
    hmp("device_add ide-cd,id=cd2")
    hmp(f"change cd2 {path} raw")
    shell.until("grep -q people /dev/xvda")
    hmp("eject cd2")
    shell.until("test ! -e /sys/block/xvda")
    hmp("netdev_add user,id=pn")
    hmp("device_add xen-net-device,netdev=pn,id=pnic")
    hmp("info network", "pnic: type=nic")
    hmp("set_link pn off")
    hmp("device_del pnic")
    qmp.wait_event("DEVICE_DELETED")
    hmp("netdev_del pn")


def link(qmp, shell, name, address):
    qmp.run("set_link", name=name, up=False)
    shell.run(f"! ping -c 1 -W 1 {address}")
    qmp.run("set_link", name=name, up=True)
    shell.run(f"until ping -c 1 -W 1 {address}; do :; done")


def network(qmp, shell):
    refused(qmp, "can't find value", "device_add", driver="virtio-net-pci", netdev="n", id="net1")
    qmp.run("netdev_add", type="user", id="n")
    refused(qmp, "Duplicate ID", "netdev_add", type="user", id="n")
    qmp.run("device_add", driver="virtio-net-pci", netdev="n", id="net1", mac="52:54:00:00:00:07",
            bus="pci.0", addr="0x7")
    shell.until("test -e /sys/class/net/eth0")
    if shell.run("cat /sys/class/net/eth0/address") != "52:54:00:00:00:07":
        fail("another address")
    shell.run("ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up")
    shell.run("until ping -c 1 -W 1 10.0.2.2; do :; done")
    if not ON_XEN: # bridge() has it
        link(qmp, shell, "net1", "10.0.2.2")
    if qmp.run("query-rx-filter", name="net1")[0]["main-mac"] != "52:54:00:00:00:07":
        fail("query-rx-filter")
    refused(qmp, "in use", "netdev_del", id="n")
    qmp.run("device_del", id="net1")
    qmp.wait_event("DEVICE_DELETED")
    shell.until("test ! -e /sys/class/net/eth0")
    qmp.run("netdev_del", id="n")


def bridge(qmp, shell):
    """A card that dom0's kernel serves, on a bridge of dom0's."""
    for words in ("link add testbr type bridge", "addr add 10.9.8.1/24 dev testbr", "link set testbr up"):
        subprocess.run(["ip", *words.split()], check=True)
    qmp.run("netdev_add", type="bridge", id="b", br="testbr")
    qmp.run("device_add", driver="virtio-net-pci", netdev="b", id="net2", mac="52:54:00:00:00:08")
    if not any(name.startswith("vif") for name in os.listdir("/sys/class/net/testbr/brif")):
        fail("no vif on the bridge")
    shell.until("test -e /sys/class/net/eth0")
    shell.run("ip addr add 10.9.8.2/24 dev eth0; ip link set eth0 up")
    shell.run("until ping -c 1 -W 1 10.9.8.1; do :; done")
    link(qmp, shell, "net2", "10.9.8.1")
    qmp.run("device_del", id="net2")
    qmp.wait_event("DEVICE_DELETED")
    shell.until("test ! -e /sys/class/net/eth0")
    qmp.run("netdev_del", id="b")


with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "qmp")
    with Guest("", "-nodefaults", "-display", "none", "-qmp", f"unix:{path},server=on,wait=off",
               typing=True) as guest:
        qmp = Qmp(path)
        shell = Shell(guest)
        disk(qmp, shell, directory)
        medium(qmp, shell, directory)
        if shutil.which("qemu-storage-daemon"):
            server(qmp, shell, directory)
            formats(qmp, shell, directory)
        network(qmp, shell)
        if ON_XEN:
            bridge(qmp, shell)
        else: # it is the same way there, and takes half a minute
            people(qmp, shell, directory)
        guest.type("exit\n")
        guest.end()
sys.exit(0)
