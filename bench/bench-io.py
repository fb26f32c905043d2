#!/usr/bin/env python3
"""Disks and networks: the same Debian under xenner and under QEMU with virtio, each with its own GRUB.

Each round boots each with nothing but that disk and a network card, for the time to the login prompt,
and then with more, for fio on a second disk and iperf3 to and from the host. The table has medians over the
rounds and ratios of those. See bench/README.md.
"""
import argparse
import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile

from benchlib import BenchError, CPU, TREE, catch_signals, markdown, median, number, quotient
from console import Machine

PASSWORD = "xenner"
SECONDS = 3
SCRATCH_MIB = 1024
CLONE_NEWNET = 0x40000000
TAP, HOST, GUEST = "bench0", "10.78.0.1", "10.78.0.2"
USER_HOST, USER_GUEST = "10.0.2.2", "10.0.2.15"
TAP_MAC, USER_MAC = "52:54:00:12:34:57", "52:54:00:12:34:56"
STEPS = ("boot", "fio", "net")
FIO = ("randread", "randwrite", "read", "write")

# key, what the table says, unit, target for xenner/QEMU: at most, at least
ROWS = [
    ("login", "exec to login prompt", "s", ("<=", 0.8)),
    ("randread", "4 KiB random read, depth 32", "IOPS", (">=", 1)),
    ("randwrite", "4 KiB random write, depth 32", "IOPS", (">=", 1)),
    ("read", "1 MiB sequential read, depth 32", "MiB/s", (">=", 1)),
    ("write", "1 MiB sequential write, depth 32", "MiB/s", (">=", 1)),
    ("tap-up", "tap, guest to host", "Mbit/s", (">=", 1)),
    ("tap-down", "tap, host to guest", "Mbit/s", None),
    ("user-up", "user mode, guest to host", "Mbit/s", (">=", 1)),
    ("user-down", "user mode, host to guest", "Mbit/s", None),
]
QCOW2_TARGET = (">=", 0.7)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def own_network():
    """A network namespace: addresses and the tap are nobody else's, and go with us. False: no rights."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun") or \
            ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    ip("link", "set", "lo", "up")
    ip("tuntap", "add", "dev", TAP, "mode", "tap", "vnet_hdr")
    ip("addr", "add", HOST + "/24", "dev", TAP)
    ip("link", "set", TAP, "up")
    return True


def make_scratch(args):
    """Data everywhere, so that no file system's holes are measured; and the same as qcow2."""
    block = os.urandom(1 << 20)
    with open(args.raw, "wb") as f:
        for _ in range(SCRATCH_MIB):
            f.write(block)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", args.raw, args.qcow2], check=True)
    os.sync()


def with_system(args, smp):
    """Command lines of xenner and of QEMU: the same disk and network card."""
    common = ["-m", "512", "-smp", str(smp), "-display", "none", "-serial", "stdio"]
    xenner = [args.xenner, "-accel", "tcg", *common, "-drive", "file=%s,format=raw" % args.disk,
              "-nic", "user,mac=" + USER_MAC]
    qemu = [args.qemu, "-accel", "tcg", "-cpu", CPU, "-nodefaults", *common,
            "-drive", "file=%s,format=raw,if=virtio" % args.disk, "-nic", "user,model=virtio,mac=" + USER_MAC]
    return xenner, qemu


def boots(args):
    """name: command line"""
    xenner, qemu = with_system(args, args.boot_smp)
    return {"xenner": xenner, "GRUB": xenner + ["-machine", "bootloader=x86_64"],
            "direct": xenner + ["-machine", "bootloader=direct"], "QEMU": qemu}


def machines(args):
    """name: (command line, disks for fio as (prefix of the results, device))"""
    xenner, qemu = with_system(args, args.smp)
    xenner += ["-drive", "file=%s,format=raw" % args.raw, "-drive", "file=%s,format=qcow2" % args.qcow2]
    qemu += ["-drive", "file=%s,format=raw,if=virtio" % args.raw]
    if args.tap:
        tap = "tap,id=t,ifname=%s,script=no,downscript=no" % TAP
        xenner += ["-netdev", tap, "-device", "xen-net-device,netdev=t,mac=" + TAP_MAC]
        qemu += ["-netdev", tap, "-device", "virtio-net-pci,romfile=,netdev=t,mac=" + TAP_MAC]
    return {"xenner": (xenner, (("", "xvdb"), ("qcow2-", "xvdc"))), "QEMU": (qemu, (("", "vdb"),))}


class Results:
    """{key: [value of each round]} of one machine: what it did, and the CPU time for one of that."""

    def __init__(self):
        self.values, self.cpu = {}, {}

    def add(self, key, value, cpu):
        self.values.setdefault(key, []).append(value)
        self.cpu.setdefault(key, []).append(cpu)


def fio(machine, kind, device):
    """I/Os or MiB a second, and CPU seconds for one of them. fio's terse format, version 3."""
    bs = "4k" if kind.startswith("rand") else "1M"
    out, cpu = machine.timed(
        "fio --name=x --filename=/dev/%s --rw=%s --bs=%s --iodepth=32 --ioengine=libaio --direct=1"
        " --time_based --runtime=%d --output-format=terse" % (device, kind, bs, SECONDS))
    m = re.search(r"^3;fio-.*$", out, re.M)
    fields = m[0].split(";") if m else []
    at = 46 if kind.endswith("write") else 5
    if len(fields) < 60 or fields[4] != "0":
        raise BenchError("fio says: " + out.strip()[-500:])
    kib, bandwidth, iops = (float(f) for f in fields[at:at + 3])
    if kind.startswith("rand"):
        return iops, cpu / (kib / 4)
    return bandwidth / 1024, cpu / (kib / 1024)


def iperf(machine, address, *options):
    """Mbit a second, as the receiver has it, and CPU seconds for one Mbit."""
    out, cpu = machine.timed("iperf3 -c %s -t %d -O 1 -f m %s" % (address, SECONDS, " ".join(options)))
    m = re.search(r"([0-9.]+) Mbits/sec\s+receiver", out)
    if not m:
        raise BenchError("iperf3 says: " + out.strip()[-500:])
    rate = float(m[1])
    return rate, cpu / (rate * (SECONDS + 1))


def set_addresses(machine, args):
    """By hand: networkd would take away again what it did not give."""
    machine.run("systemctl stop systemd-networkd.socket systemd-networkd")
    cards = [(USER_MAC, USER_GUEST, USER_HOST)] + ([(TAP_MAC, GUEST, HOST)] if args.tap else [])
    for mac, address, host in cards:
        machine.run("dev=$(grep -l %s /sys/class/net/*/address | cut -d/ -f5); ip addr flush dev $dev;"
                    " ip addr add %s/24 dev $dev; ip link set $dev up;"
                    " for i in 1 2 3 4 5; do ping -q -c 1 -W 2 %s && exit; done; exit 1"
                    % (mac, address, host))


def copy_system(args):
    """On the disk before anything is measured: its writing would take its time from that."""
    subprocess.run(["cp", "--sparse=always", args.image, args.disk], check=True)
    fd = os.open(args.disk, os.O_RDWR)
    os.fsync(fd)
    os.close(fd)


def measure_io(machine, results, disks, args):
    machine.login(PASSWORD)
    if "fio" in args.steps:
        for prefix, device in disks:
            for kind in FIO:
                results.add(prefix + kind, *fio(machine, kind, device))
    if "net" in args.steps:
        set_addresses(machine, args)
        for name, host in (("tap", HOST), ("user", USER_HOST)):
            if name == "user" or args.tap:
                results.add(name + "-up", *iperf(machine, host))
                results.add(name + "-down", *iperf(machine, host, "-R"))


@contextlib.contextmanager
def fresh_machine(name, argv, args):
    """With a new copy of the system; powered off at the end."""
    print("%s: %s" % (args.round, name), file=sys.stderr, flush=True)
    args.log.write(b"\n=== %s\n" % name.encode())
    copy_system(args)
    machine = Machine(argv, args.log)
    try:
        yield machine
        machine.end()
    finally:
        machine.kill()


def measure_round(args, results):
    if "boot" in args.steps:
        order = list(boots(args).items())
        at = args.rounds % len(order)  # who comes next has the memory and the caches that the last one leaves
        for name, argv in order[at:] + order[:at]:
            with fresh_machine(name + ", boot", argv, args) as machine:
                results[name].add("login", *machine.login(PASSWORD))
    if "fio" in args.steps or "net" in args.steps:
        for name, (argv, disks) in machines(args).items():
            with fresh_machine(name, argv, args) as machine:
                measure_io(machine, results[name], disks, args)


def measure(args, results):
    make_scratch(args)
    server = subprocess.Popen(["iperf3", "-s"], stdin=subprocess.DEVNULL, stdout=args.log,
                              stderr=args.log)
    try:
        for n in range(args.runs):
            args.round = "round %d of %d" % (n + 1, args.runs)
            measure_round(args, results)
            args.rounds = n + 1
    finally:
        server.kill()
        server.wait()


def verdict(target, ratio):
    if not target or ratio is None:
        return ""
    sign, limit = target
    met = ratio <= limit if sign == "<=" else ratio >= limit
    return "%s %g %s" % (sign, limit, "met" if met else "MISSED")


def row(what, target, ours, our_key, theirs, their_key):
    a, b = median(ours.values.get(our_key)), median(theirs.values.get(their_key))
    cpu_ratio = quotient(median(ours.cpu.get(our_key)), median(theirs.cpu.get(their_key)))
    ratio = quotient(a, b)
    return [what, number(a), number(b), number(ratio), number(cpu_ratio), verdict(target, ratio)]


def table(head, rows):
    """Without the rows that nothing was measured for."""
    if rows:
        markdown([head] + rows)
        print()


def print_tables(results):
    ours, theirs = results["xenner"], results["QEMU"]
    rows = [row("exec to login prompt, %s (s)" % text, None, results[name], "login", theirs, "login")
            for name, text in (("GRUB", "GRUB alone"), ("direct", "bootloader=direct"))
            if "login" in results[name].values]
    rows += [row("%s (%s)" % (text, unit), target, ours, key, theirs, key)
             for key, text, unit, target in ROWS if key in ours.values]
    table(["", "xenner", "QEMU", "xenner/QEMU", "CPU time", "target"], rows)
    rows = [row("%s (%s)" % (text, unit), QCOW2_TARGET, ours, "qcow2-" + key, ours, key)
            for key, text, unit, _ in ROWS if "qcow2-" + key in ours.values]
    table(["xenner", "qcow2", "raw", "qcow2/raw", "CPU time", "target"], rows)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.join(TREE, "build"))
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--xenner", help="another one than the build's")
    p.add_argument("--smp", type=int, default=1, help="vCPUs, but for boots")
    p.add_argument("--boot-smp", type=int, default=2, help="vCPUs of a machine that is only booted")
    p.add_argument("--steps", default=",".join(STEPS), help="only these, of " + ",".join(STEPS))
    args = p.parse_args()
    args.steps, args.rounds = args.steps.split(","), 0
    if set(args.steps) - set(STEPS):
        p.error("steps are " + ",".join(STEPS))
    args.build = os.path.abspath(args.build)
    args.xenner = args.xenner or os.path.join(args.build, "xenner/xenner")
    args.qemu = os.environ.get("XENNER_QEMU", "qemu-system-x86_64")
    args.image = os.path.join(args.build, "assets/debian.img")
    if not os.path.exists(args.image):
        sys.exit("bench: no %s: `make bench-io` as root makes it" % args.image)
    if not shutil.which("iperf3"):
        sys.exit("bench: no 'iperf3' in PATH (Debian: package iperf3)")
    return args


def main():
    args = arguments()
    args.tap = own_network()
    if not args.tap:
        print("bench: without root and /dev/net/tun there is no tap to be measured", file=sys.stderr)
    catch_signals()
    results = {name: Results() for name in ("xenner", "GRUB", "direct", "QEMU")}
    with tempfile.TemporaryDirectory(dir=args.build) as work, \
            open(os.path.join(args.build, "bench-io.log"), "wb", buffering=0) as args.log:
        args.disk, args.raw, args.qcow2 = (os.path.join(work, n) for n in ("disk", "raw", "qcow2"))
        why = None
        try:
            measure(args, results)
        except BenchError as e:
            why = "bench: %s (the consoles are in %s)" % (e, args.log.name)
        except KeyboardInterrupt:
            why = "bench: interrupted"
    print_tables(results)
    print("Rounds: %d" % args.rounds)
    sys.exit(why)


if __name__ == "__main__":
    main()
