#!/usr/bin/env python3
"""Disks and networks: one Debian image under xenner and under QEMU with virtio, its own GRUB in both.

Each round boots both, one after the other: time to the login prompt, fio on a second disk, iperf3 to the
host. The table has medians over the rounds. Needs root, for a tap. See bench/README.md.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from bench import CPU, TREE

SECONDS = 5
TAP, HOST_ADDRESS, GUEST_ADDRESS = "xbench0", "192.0.2.1", "192.0.2.2"
USER_MAC, TAP_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"
# key, what the table says, unit, what xenner's ratio should at least (or at most) be
ROWS = [
    ("login", "exec to login prompt", "s", ("<=", 0.8)),
    ("randread", "4 KiB random reads, depth 32", "IOPS", (">=", 1.0)),
    ("randwrite", "4 KiB random writes, depth 32", "IOPS", (">=", 1.0)),
    ("read", "1 MiB reads", "MiB/s", (">=", 1.0)),
    ("write", "1 MiB writes", "MiB/s", (">=", 1.0)),
    ("user_up", "user network, guest to host", "Mbit/s", (">=", 1.0)),
    ("user_down", "user network, host to guest", "Mbit/s", (">=", 1.0)),
    ("tap_up", "tap, guest to host", "Mbit/s", (">=", 1.0)),
    ("tap_down", "tap, host to guest", "Mbit/s", (">=", 1.0)),
]
QCOW2_ROWS = [("qcow2_randread", "randread"), ("qcow2_randwrite", "randwrite"),
              ("qcow2_read", "read"), ("qcow2_write", "write")]
QCOW2_TARGET = 0.7


class Machine:
    """A console on pipes; run() gives what a command prints."""

    def __init__(self, argv, log):
        self.log, self.text, self.at, self.serial = log, "", 0, 0
        self.began = time.monotonic()
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.timer = threading.Timer(600, self.process.kill)
        self.timer.start()

    def wait_for(self, pattern):
        while not (found := re.compile(pattern, re.S).search(self.text, self.at)):
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                sys.exit(f"bench: the machine ended; it was waited for '{pattern}'. See the log.")
            self.log.write(piece)
            self.text += piece.decode(errors="replace").replace("\r", "")
        self.at = found.end()
        return found

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def login(self):
        """Seconds from exec to the prompt."""
        self.wait_for("login: ")
        took = time.monotonic() - self.began
        self.type("root")
        self.wait_for("Password: ")
        self.type("xenner")
        self.wait_for("# ")
        self.run("stty -echo; systemctl is-system-running --wait >/dev/null; PS1=")
        return took

    def run(self, command):
        self.serial += 1
        self.type(f"{{ {command}; }} 2>&1; echo; echo end-''{self.serial}")
        return self.wait_for(f"(.*)end-{self.serial}\n")[1]

    def end(self):
        self.type("poweroff")
        while os.read(self.process.stdout.fileno(), 65536):
            pass
        self.process.wait()
        self.timer.cancel()


def fio(machine, device, kind):
    size = "4k" if kind.startswith("rand") else "1M"
    out = machine.run(f"fio --name=x --filename={device} --rw={kind} --bs={size} --iodepth=32 --ioengine=libaio "
                      f"--direct=1 --time_based --runtime={SECONDS} --size=512M --output-format=json")
    job = json.loads(out[out.index("{"):out.rindex("}") + 1])["jobs"][0]
    part = job["write" if kind.endswith("write") else "read"]
    return part["iops"] if kind.startswith("rand") else part["bw"] / 1024


def iperf(machine, address, *options):
    out = machine.run(f"iperf3 -J -t {SECONDS} -c {address} {' '.join(options)}")
    end = json.loads(out[out.index("{"):out.rindex("}") + 1])["end"]
    return end["sum_received"]["bits_per_second"] / 1e6


def set_address(machine):
    machine.run(f"dev=$(ip -br link | grep -i {TAP_MAC} | cut -d' ' -f1); networkctl down $dev; "
                f"ip addr add {GUEST_ADDRESS}/24 dev $dev; ip link set $dev up; "
                f"until ping -c 1 -W 1 {HOST_ADDRESS}; do :; done")
    machine.run("until ping -c 1 -W 1 10.0.2.2; do sleep 0.2; done")


def measure(argv, log, disks):
    machine = Machine(argv, log)
    result = {"login": machine.login()}
    for prefix, device in disks:
        for kind in ("randread", "randwrite", "read", "write"):
            result[prefix + kind] = fio(machine, device, kind)
    set_address(machine)
    for name, address in (("user", "10.0.2.2"), ("tap", HOST_ADDRESS)):
        result[name + "_up"] = iperf(machine, address)
        result[name + "_down"] = iperf(machine, address, "-R")
    machine.end()
    return result


def machines(build, directory):
    """name: (command line, disks)"""
    disk, raw, qcow2 = (os.path.join(directory, n) for n in ("disk", "raw", "qcow2"))
    tap = f"tap,id=t,ifname={TAP},script=no,downscript=no"
    xenner = [f"{build}/xenner/xenner", "-accel", "tcg", "-m", "512", "-smp", "2", "-display", "none", "-serial", "stdio",
              "-drive", f"file={disk},format=raw",
              "-drive", f"file={raw},format=raw,cache=none", "-drive", f"file={qcow2},format=qcow2,cache=none",
              "-nic", f"user,mac={USER_MAC}", "-netdev", tap, "-device", f"xen-net-device,netdev=t,mac={TAP_MAC}"]
    qemu = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-nodefaults", "-m", "512",
            "-smp", "2", "-display", "none", "-serial", "stdio",
            "-drive", f"file={disk},format=raw,if=virtio",
            "-drive", f"file={raw},format=raw,if=virtio,cache=none,aio=io_uring",
            "-nic", f"user,model=virtio-net-pci,mac={USER_MAC}", "-netdev", tap,
            "-device", f"virtio-net-pci,netdev=t,mac={TAP_MAC}"]
    return {"xenner": (xenner, (("", "/dev/xvdb"), ("qcow2_", "/dev/xvdc"))), "QEMU": (qemu, (("", "/dev/vdb"),))}


def copy_system(build, directory):
    subprocess.run(["cp", "--sparse=always", f"{build}/assets/debian.img", f"{directory}/disk"], check=True)


def make_disks(directory):
    with open(f"{directory}/raw", "wb") as f:
        for _ in range(512):
            f.write(os.urandom(1 << 20))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", f"{directory}/raw", f"{directory}/qcow2"], check=True)


def make_tap():
    for command in (["tuntap", "add", "dev", TAP, "mode", "tap"], ["addr", "add", f"{HOST_ADDRESS}/24", "dev", TAP],
                    ["link", "set", TAP, "up"]):
        subprocess.run(["ip", *command], check=True)


def line(name, unit, ours, theirs, sign, target):
    ratio = ours / theirs
    good = ratio <= target if sign == "<=" else ratio >= target
    return "| %-36s | %8.5g | %8.5g | %5.2f | %s %.1f %s |" % (
        f"{name} ({unit})", ours, theirs, ratio, sign, target, "met" if good else "MISSED")


def table(results):
    middle = {m: {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
              for m, rounds in results.items()}
    x, q = middle["xenner"], middle["QEMU"]
    print("| | xenner | QEMU | xenner/QEMU | target |\n|---|---:|---:|---:|---:|")
    for key, name, unit, (sign, target) in ROWS:
        print(line(name, unit, x[key], q[key], sign, target))
    print("\n| | qcow2 | raw | qcow2/raw | target |\n|---|---:|---:|---:|---:|")
    for key, raw in QCOW2_ROWS:
        name, unit = next((r[1], r[2]) for r in ROWS if r[0] == raw)
        print(line(name, unit, x[key], x[raw], ">=", QCOW2_TARGET))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(TREE, "build"))
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("iperf3"):
        sys.exit("bench: needs root, for a tap, and iperf3")
    results = {"xenner": [], "QEMU": []}
    with tempfile.TemporaryDirectory(dir=args.build) as directory, open(f"{args.build}/bench-io.log", "wb") as log:
        make_disks(directory)
        make_tap()
        server = subprocess.Popen(["iperf3", "-s"], stdout=subprocess.DEVNULL)
        try:
            for n in range(args.runs):
                for name, (argv, disks) in machines(args.build, directory).items():
                    print(f"round {n + 1} of {args.runs}: {name}", file=sys.stderr)
                    copy_system(args.build, directory)
                    results[name].append(measure(argv, log, disks))
        finally:
            server.kill()
            subprocess.run(["ip", "link", "del", TAP], check=True)
    table(results)


if __name__ == "__main__":
    main()
