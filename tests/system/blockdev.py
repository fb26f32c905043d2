#!/usr/bin/env python3
"""Images that a running guest has: limits that several share, descriptors for them, snapshots."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from disks import MIB, add_node, del_node, image, refused
from guest import Guest, fail
from guest_shell import Shell
from qmp import Qmp, QmpError


def throttling(qmp, name):
    """What query-block says of a drive's limits."""
    inserted = next(b["inserted"] for b in qmp.run("query-block") if b["device"] == name)
    return inserted["iops"], inserted["bps"], inserted.get("group")


def set_limits(qmp, name, **limits):
    qmp.run_exact("block_set_io_throttle", {"id": name, "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 0,
                                            "iops_rd": 0, "iops_wr": 0, **limits})


def expect(got, want, what):
    if got != want:
        fail(f"{what}: {got}, not {want}")


def limits(qmp, shell, directory):
    """-drive group=both made it, with 4 MiB a second for both disks; then others."""
    expect(throttling(qmp, "a"), (0, 4 * MIB, "both"), "a")
    expect(throttling(qmp, "b"), (0, 4 * MIB, "both"), "b")
    start = time.monotonic()
    shell.run("for d in a b; do dd if=/dev/zero of=/dev/xvd$d bs=64k count=64 conv=fsync 2>/dev/null & done; wait")
    if time.monotonic() - start < 1.8:
        fail("two disks got more than their group's limit")
    hmp = qmp.run("human-monitor-command", command_line="info block")
    if f"bps={4 * MIB} " not in hmp or "group=both" not in hmp:
        fail(f"info block: {hmp}")
    set_limits(qmp, "b", iops=500, group="fast")
    expect(throttling(qmp, "a"), (0, 4 * MIB, "both"), "a without b")
    expect(throttling(qmp, "b"), (500, 0, "fast"), "b alone")
    set_limits(qmp, "a", iops=600, iops_max=700, iops_max_length=2, group="fast")
    expect(throttling(qmp, "b"), (600, 0, "fast"), "b with a")
    try:
        set_limits(qmp, "a", bps_max=1)
        fail("a burst without a limit")
    except QmpError as e:
        expect(e.desc, "bps_max/iops_max require corresponding bps/iops values", "the error")
    for name in ("a", "b"):
        set_limits(qmp, name)
        expect(throttling(qmp, name), (0, 0, None), "no limits")


def groups(qmp, shell, directory):
    """Groups that are objects, and filters that name them."""
    path = image(directory, "g1", 4 * MIB, "behind a filter\n")
    if qmp.run("qom-get", path="/objects/g0", property="limits")["bps-total"] != MIB:
        fail("-object's limit")
    qmp.run("object-add", qom_type="throttle-group", id="g1", limits={"iops-total": 100, "iops-total-max": 200})
    refused(qmp, "duplicate property", "object-add", qom_type="throttle-group", id="g1")
    got = qmp.run("qom-get", path="/objects/g1", property="limits")
    expect((got["iops-total"], got["iops-total-max"], got["bps-read"]), (100, 200, 0), "limits")
    if "g1" not in [o["name"] for o in qmp.run("qom-list", path="/objects")]:
        fail("qom-list /objects")
    refused(qmp, "cannot be lower", "qom-set", path="/objects/g1", property="limits",
            value={"iops-total": 100, "iops-total-max": 50})
    add_node(qmp, "g", path)
    refused(qmp, "does not exist", "blockdev-add", driver="throttle", node_name="filter", throttle_group="g9", file="g-format")
    qmp.run("blockdev-add", driver="throttle", node_name="filter", throttle_group="g1", file="g-format")
    qmp.run("device_add", driver="virtio-blk-pci", drive="filter", id="fd")
    shell.until("grep -q 'behind a filter' /dev/xvdc")
    refused(qmp, "in use", "object-del", id="g1")
    qmp.run("qom-set", path="/objects/g1", property="limits", value={"bps-total": MIB})
    start = time.monotonic()
    shell.run("dd if=/dev/zero of=/dev/xvdc bs=64k count=32 conv=fsync 2>/dev/null")
    if time.monotonic() - start < 1.7:
        fail("the filter does not hold anything back")
    names = [n["node-name"] for n in qmp.run("query-named-block-nodes")]
    if [n for n in names if n[0] != "#"] != ["filter", "g-format", "g-storage"]:
        fail(f"nodes: {names}")
    qmp.run("device_del", id="fd")
    qmp.wait_event("DEVICE_DELETED")
    qmp.run("blockdev-del", node_name="filter")
    del_node(qmp, "g")
    qmp.run("object-del", id="g1")


def write(shell, disk, text):
    shell.run(f"echo {text} | dd of=/dev/{disk} bs=512 seek=8 conv=sync,fsync 2>/dev/null")


def holds(path, text):
    """What a raw image or a chain of others has where write() writes."""
    raw = path + ".raw"
    subprocess.run(["qemu-img", "convert", "-U", "-O", "raw", path, raw], check=True)
    with open(raw, "rb") as f:
        f.seek(8 * 512)
        got = f.read(len(text) + 1)
    if got != text.encode() + b"\n":
        fail(f"{path} has {got}, not {text}")


def file_of(qmp, name):
    return next(b["inserted"]["file"] for b in qmp.run("query-block") if b["device"] == name)


def drive_snapshots(qmp, shell, directory):
    """Of -drive's: while the guest writes; all or none; one over the other."""
    first, second = os.path.join(directory, "a.1"), os.path.join(directory, "a.2")
    write(shell, "xvda", "before")
    shell.run("touch /tmp/on; (while [ -e /tmp/on ]; do seq 300000 | head -c 1048576 |"
              " dd of=/dev/xvda bs=64k seek=16 iflag=fullblock conv=fsync 2>/dev/null || echo bad >/tmp/bad; done;"
              " touch /tmp/over) &")
    qmp.run("blockdev-snapshot-sync", device="a", snapshot_file=first, format="qcow2")
    write(shell, "xvda", "between")
    qmp.run("transaction", actions=[
        {"type": "blockdev-snapshot-sync", "data": {"device": "a", "snapshot-file": second}},
        {"type": "blockdev-snapshot-sync", "data": {"device": "b", "snapshot-file": os.path.join(directory, "b.1")}}])
    write(shell, "xvda", "after")
    shell.run("rm /tmp/on; until test -e /tmp/over; do sleep 0.1; done; test ! -e /tmp/bad")
    write(shell, "xvdb", "over")
    if file_of(qmp, "a") != second:
        fail(f"query-block: {file_of(qmp, 'a')}")
    for failing in ({"device": "none", "snapshot-file": os.path.join(directory, "x")},
                    {"device": "b", "snapshot-file": "/no/such/directory/x"},
                    {"device": "b", "mode": "existing", "snapshot-file": image(directory, "bad", MIB, "no qcow2")}):
        refused(qmp, "", "transaction", actions=[
            {"type": "blockdev-snapshot-sync", "data": {"device": "a", "snapshot-file": os.path.join(directory, "a.3")}},
            {"type": "blockdev-snapshot-sync", "data": failing}])
        if os.path.exists(os.path.join(directory, "a.3")) or file_of(qmp, "a") != second:
            fail("what failed was done in part")
    refused(qmp, "Abort action", "transaction", actions=[
        {"type": "blockdev-snapshot-sync", "data": {"device": "a", "snapshot-file": os.path.join(directory, "a.3")}},
        {"type": "abort", "data": {}}])
    write(shell, "xvda", "later")
    for path, text in ((os.path.join(directory, "a"), "before"), (first, "between"), (second, "later"),
                       (os.path.join(directory, "b.1"), "over")):
        holds(path, text)


def node_snapshots(qmp, shell, directory):
    """As libvirt makes one: blockdev-create, blockdev-add, transaction."""
    base, over = image(directory, "n", 4 * MIB, "base\n"), os.path.join(directory, "n.qcow2")
    add_node(qmp, "n1", base)
    qmp.run("device_add", driver="virtio-blk-pci", drive="n1-format", id="nd", vdev="xvdn")
    shell.until("test -b /dev/xvdn")
    write(shell, "xvdn", "first")
    for job, options in (("make", {"driver": "file", "filename": over, "size": 0}),
                         ("format", {"driver": "qcow2", "file": "n2-storage", "size": 4 * MIB,
                                     "backing-file": base, "backing-fmt": "raw"})):
        qmp.run("blockdev-create", job_id=job, options=options)
        while qmp.wait_event("JOB_STATUS_CHANGE")["data"] != {"id": job, "status": "concluded"}:
            pass
        qmp.run("job-dismiss", id=job)
        if job == "make":
            qmp.run("blockdev-add", driver="file", filename=over, node_name="n2-storage")
    qmp.run("blockdev-add", node_name="n2-format", driver="qcow2", file="n2-storage", backing=None)
    action = {"type": "blockdev-snapshot", "data": {"node": "n1-format", "overlay": "n2-format"}}
    refused(qmp, "Cannot find", "blockdev-snapshot", node="n1-format", overlay="n9")
    qmp.run("transaction", actions=[action])
    write(shell, "xvdn", "second")
    refused(qmp, "", "transaction", actions=[action])
    names = [n["node-name"] for n in qmp.run("query-named-block-nodes") if n["node-name"][0] == "n"]
    expect(names, ["n2-format", "n2-storage", "n1-format", "n1-storage"], "nodes")
    qmp.run("system_reset") # a snapshot outlives the guest
    shell = Shell(shell.guest)
    shell.until("test -b /dev/xvdn")
    expect(shell.run("dd if=/dev/xvdn bs=512 skip=8 count=1 2>/dev/null | head -n 1"), "second", "after the reset")
    qmp.run("device_del", id="nd")
    qmp.wait_event("DEVICE_DELETED")
    qmp.run("blockdev-del", node_name="n2-format")
    qmp.run("blockdev-del", node_name="n2-storage")
    del_node(qmp, "n1")
    holds(base, "first")
    holds(over, "second")
    return shell


def fdsets(qmp, shell, directory, inherited):
    """Descriptors instead of files, whose permissions are of no importance: set 5 is -add-fd's, the drive f."""
    write(shell, "xvdf", "inherited")
    holds(inherited, "inherited")
    path = image(directory, "fd", MIB, "by descriptor\n")
    with open(path, "rb") as reader, open(path, "r+b") as writer:
        reading = qmp.run("add-fd", fds=[reader.fileno()], fdset_id=7)["fdset-id"]
        os.rename(path, path + ".away") # nobody finds it by its name
        node = {"driver": "raw", "node_name": "fdn", "file": {"driver": "file", "filename": f"/dev/fdset/{reading}"}}
        refused(qmp, "Permission denied", "blockdev-add", **node)
        refused(qmp, "No such file", "blockdev-add", driver="file", node_name="x", filename="/dev/fdset/8")
        node["file"]["auto-read-only"] = True
        refused(qmp, "Permission denied", "blockdev-add", **node)
        qmp.run("blockdev-add", **node, read_only=True)
        qmp.run("blockdev-del", node_name="fdn")
        qmp.run("add-fd", fds=[writer.fileno()], fdset_id=7)
    qmp.run("blockdev-add", **node)
    qmp.run("device_add", driver="virtio-blk-pci", drive="fdn", id="fdd")
    qmp.run("remove-fd", fdset_id=7)
    if 7 in [s["fdset-id"] for s in qmp.run("query-fdsets")]:
        fail("remove-fd")
    shell.until("grep -q 'by descriptor' /dev/xvdc")
    write(shell, "xvdc", "written")
    holds(path + ".away", "written")
    qmp.run("device_del", id="fdd")
    qmp.wait_event("DEVICE_DELETED")
    qmp.run("blockdev-del", node_name="fdn")


with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "qmp")
    drives = []
    for name in ("a", "b"):
        file = image(directory, name, 8 * MIB, f"disk {name}\n")
        drives += ["-drive", f"file={file},format=raw,id={name},throttling.group=both,throttling.bps-total=4M"]
    inherited = image(directory, "f", MIB, "by number\n")
    fd = os.open(inherited, os.O_RDWR)
    drives += ["-add-fd", f"fd={fd},set=5,opaque=f", "-drive", "file=/dev/fdset/5,format=raw,id=f,index=5"]
    with Guest("", "-nodefaults", "-display", "none", "-qmp", f"unix:{path},server=on,wait=off", *drives,
               "-object", "throttle-group,id=g0,x-bps-total=1M", pass_fds=[fd],
               typing=True) as guest:
        qmp = Qmp(path)
        shell = Shell(guest)
        limits(qmp, shell, directory)
        groups(qmp, shell, directory)
        fdsets(qmp, shell, directory, inherited)
        if shutil.which("qemu-storage-daemon"):
            drive_snapshots(qmp, shell, directory)
            node_snapshots(qmp, shell, directory)
        guest.type("exit\n")
        guest.end()
sys.exit(0)
