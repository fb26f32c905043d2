#!/usr/bin/env python3
"""Benchmarks: the same guest under xenner, under QEMU booting the kernel directly, and under Xen.

Each round runs them one after the other; the table has medians over the rounds and ratios of those
medians: of time, and of the CPU time that the host spent meanwhile, which does not count what else
the machine was busy with. See bench/README.md.
"""
import argparse
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from benchlib import (BenchError, CPU, TREE, catch_signals, cpu_seconds, markdown, median, number,
                      quotient)

HERE = os.path.dirname(os.path.abspath(__file__))
IDLE_SETTLE, IDLE_SECONDS = 2, 10

# key, what the table says, unit, target for xenner: (what is compared, limit)
ROWS = [
    ("wall", "exec to init, wall time", "s", ("ratio", 0.6)),
    ("first", "exec to init, a kernel's first start", "s", ("ratio", 0.6)),
    ("uptime", "guest time to init", "s", None),
    ("fork", "300 fork+exec", "s", ("ratio", 2)),
    ("dd", "400,000 one-byte reads and writes (dd)", "s", ("ratio", 1.5)),
    ("md5sum", "md5sum of 200 MiB in memory", "s", None),
    ("compute", "computation, no system calls", "s", ("ratio", 1.05)),
    ("faults", "49,152 page faults in tmpfs", "s", None),
    ("pipe", "20,000 round trips through pipes", "s", None),
    ("idle", "idle guest, of one host core", "%", ("value", 2)),
    ("build", "building the domain, host CPU", "s", ("value", 0.5)),
    ("build-first", "building it, a kernel's first start", "s", ("value", 0.5)),
]


class Run:
    """One machine from exec to its end; its console's lines become results."""

    def __init__(self, argv, log, with_idle, cache=""):
        self.argv, self.log, self.with_idle = argv, log, with_idle
        self.env = dict(os.environ, XENNER_CACHE_DIR=cache)
        self.results, self.marks = {}, {}
        self.cpu, self.cpu_before = {}, 0

    def line(self, text):
        m = re.search(r"guest is up: .* after ([0-9.]+) s", text)
        if m:
            self.results["wall"] = time.monotonic() - self.start
            self.results["uptime"] = float(m.group(1))
            self.step("uptime")
        m = re.search(r"bench: ([a-z0-9-]+) ([0-9.]+)\s*$", text)
        if m:
            self.step(m.group(1))
        if m and m.group(1).startswith("clock-"):
            self.marks[m.group(1)] = (float(m.group(2)), time.monotonic())
            if m.group(1) == "clock-end" and self.with_idle:
                self.idle_at = time.monotonic() + IDLE_SETTLE
        elif m and m.group(1) != "idle":
            self.results[m.group(1)] = float(m.group(2))
        m = re.search(r"xenhost: up after ([0-9.]+) s", text)
        if m:
            self.results["wall"] = float(m.group(1))

    def step(self, name):
        """The host's CPU time since the line before is what this line's work took."""
        total = cpu_seconds(self.pid)
        self.cpu["wall" if name == "uptime" else name] = total - self.cpu_before
        self.cpu_before = total

    def measure_idle(self, pid):
        """Called when the guest has been idle for a moment; it sleeps longer than we look."""
        begin, cpu = time.monotonic(), cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        self.results["idle"] = 100 * (cpu_seconds(pid) - cpu) / (time.monotonic() - begin)

    def follow(self, process, deadline):
        pending = b""
        self.idle_at = None
        while True:
            now = time.monotonic()
            if now > deadline:
                raise BenchError("no end in time")
            if self.idle_at and now >= self.idle_at:
                self.measure_idle(process.pid)
                self.idle_at = None
            wait = (self.idle_at or deadline) - now
            if not select.select([process.stdout], [], [], max(wait, 0))[0]:
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                return
            self.log.write(data)
            *lines, pending = (pending + data).split(b"\n")
            for l in lines:
                self.line(l.decode("utf-8", "replace"))

    def check_clock(self):
        """A guest whose clock is wrong by more than 5 % would give wrong results."""
        (guest0, host0), (guest1, host1) = self.marks["clock-begin"], self.marks["clock-end"]
        guest, host = guest1 - guest0, host1 - host0
        if abs(guest - host) > 0.05 * host + 0.2:
            raise BenchError("the guest counted %.2f s, the host %.2f s" % (guest, host))

    def run(self, limit):
        self.start = time.monotonic()
        process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=self.log, start_new_session=True, env=self.env)
        self.pid = process.pid
        try:
            self.follow(process, self.start + limit)
        finally:
            try:
                if process.poll() is None and sys.exc_info()[0]:
                    os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
            process.wait()
        if process.returncode:
            raise BenchError("%s ended with status %d" % (self.argv[0], process.returncode))
        if "clock-end" not in self.marks:
            raise BenchError("the guest did not finish")
        self.check_clock()
        return self.results, self.cpu


def make_initrd(args, path):
    """The test guest's ramdisk with the benchmarks behind it: Linux unpacks both archives."""
    root = os.path.join(args.work, "root")
    for directory in ("bin", "tests"):
        os.makedirs(os.path.join(root, directory))
    subprocess.run(["cp", os.path.join(args.build, "bench/xbench"), root + "/bin/"], check=True)
    for script in ("bench", "boot", "virt"):
        subprocess.run(["cp", os.path.join(HERE, "guest", script), root + "/tests/"], check=True)
    extra = subprocess.run("find . | cpio --quiet -o -H newc -R 0:0 | gzip -n", shell=True, cwd=root,
                           check=True, stdout=subprocess.PIPE).stdout
    with open(path, "wb") as out, open(args.initrd, "rb") as base:
        out.write(base.read() + extra)


def command_lines(args, initrd):
    words = "xenner.run=bench panic=-1 " + args.append
    commands = {
        "xenner": [args.xenner, "-accel", "tcg", "-m", "256", "-smp", "1", "-kernel", args.kernel,
                   "-initrd", initrd, "-append", "console=hvc0 " + words, "-nographic"],
        "QEMU": [args.qemu, "-accel", "tcg", "-m", "256", "-smp", "1", "-cpu", CPU, "-nodefaults",
                 "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", args.kernel,
                 "-initrd", initrd, "-append", "console=ttyS0 " + words],
    }
    if args.xen:
        commands["Xen"] = [
            "sh", os.path.join(TREE, "tests/rigs/xenhost.sh"), "--timeout", str(args.limit),
            "--file", args.kernel + ":/g/vmlinuz", "--file", initrd + ":/g/initrd", "--run",
            "xenhost-guest g /g/vmlinuz /g/initrd 1 256 'console=hvc0 xenner.noidle %s'" % words]
    return commands


def build_cost(args, initrd, cache):
    out = subprocess.run([os.path.join(args.build, "bench/bench-build"), args.kernel, initrd],
                         check=True, stdout=subprocess.PIPE, text=True,
                         env=dict(os.environ, XENNER_CACHE_DIR=cache)).stdout
    return float(out)


def first_start(args, initrd, argv, results, cpu):
    """As for a kernel that no guest had before: the cache of unpacked ones is empty, and is filled."""
    argv = [word.replace("xenner.run=bench", "xenner.run=boot") for word in argv]
    with tempfile.TemporaryDirectory(dir=args.work) as empty:
        results["build-first"] = build_cost(args, initrd, empty)
    with tempfile.TemporaryDirectory(dir=args.work) as empty:
        times, cpu_times = Run(argv, args.log, False, empty).run(args.limit)
    results["first"], cpu["first"] = times["wall"], cpu_times["wall"]


def measure(args, times, cpu_times):
    """Fills {system: {key: [value of each round]}}, and the same of CPU time."""
    initrd = os.path.join(args.work, "initrd.gz")
    make_initrd(args, initrd)
    commands = command_lines(args, initrd)
    for name in commands:
        times[name], cpu_times[name] = {}, {}
    cache = os.path.join(args.work, "cache")
    build_cost(args, initrd, cache)  # fills it
    os.environ["ASSETS"] = os.path.dirname(os.path.abspath(args.kernel))
    for n in range(args.runs):
        for name, argv in commands.items():
            if name == "Xen" and n >= args.xen_runs:
                continue
            print("round %d of %d: %s" % (n + 1, args.runs, name), file=sys.stderr, flush=True)
            args.log.write(b"\n=== %s\n" % name.encode())
            results, cpu = Run(argv, args.log, name != "Xen", cache).run(args.limit)
            if name == "xenner":
                results["build"] = build_cost(args, initrd, cache)
                first_start(args, initrd, argv, results, cpu)
            else:
                results["first"], cpu["first"] = results["wall"], cpu.get("wall")
            for total, values in ((times[name], results), (cpu_times[name], cpu)):
                for key, value in values.items():
                    total.setdefault(key, []).append(value)


def verdict(target, value, ratio):
    if not target:
        return ""
    kind, limit = target
    got = ratio if kind == "ratio" else value
    return "%s %g %s" % ("<=" if kind == "ratio" else "<", limit,
                         "met" if got is not None and got <= limit else "MISSED")


def print_table(times, cpu_times):
    with_xen = "Xen" in times
    heads = ["", "xenner", "QEMU", "xenner/QEMU", "of CPU time", "target"]
    heads += ["Xen in TCG", "Xen/QEMU", "xenner/Xen"] if with_xen else []
    lines = [heads]
    for key, text, unit, target in ROWS:
        m = {name: median(times.get(name, {}).get(key)) for name in ("xenner", "QEMU", "Xen")}
        ratio = quotient(m["xenner"], m["QEMU"])
        cpu_ratio = quotient(*(median(cpu_times.get(n, {}).get(key)) for n in ("xenner", "QEMU")))
        row = ["%s (%s)" % (text, unit), number(m["xenner"]), number(m["QEMU"]), number(ratio),
               number(cpu_ratio), verdict(target, m["xenner"], cpu_ratio or ratio)]
        if with_xen:
            row += [number(m["Xen"]), number(quotient(m["Xen"], m["QEMU"])),
                    number(quotient(m["xenner"], m["Xen"]))]
        lines.append(row)
    markdown(lines)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.join(TREE, "build"))
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--xen", choices=("0", "1", "auto"), default="auto")
    p.add_argument("--xen-runs", type=int, help="Xen only in so many rounds (it is the slowest)")
    p.add_argument("--append", default="", help="more words for the kernel's command line")
    p.add_argument("--limit", type=int, default=600, help="seconds for one run")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    args.xen_runs = args.runs if args.xen_runs is None else args.xen_runs
    args.xenner = os.path.join(args.build, "xenner/xenner")
    args.qemu = os.environ.get("XENNER_QEMU", "qemu-system-x86_64")
    args.kernel = os.path.join(args.build, "assets/vmlinuz")
    args.initrd = os.path.join(args.build, "assets/initrd.gz")
    image = os.path.join(args.build, "assets/xenhost")
    args.xen = args.xen == "1" or (args.xen == "auto" and os.path.exists(image))
    return args


def main():
    args = arguments()
    catch_signals()
    with tempfile.TemporaryDirectory() as args.work, \
            open(os.path.join(args.build, "bench.log"), "wb", buffering=0) as args.log:
        times, cpu_times, why = {}, {}, None
        try:
            measure(args, times, cpu_times)
        except BenchError as e:
            why = "bench: %s (the consoles are in %s)" % (e, args.log.name)
        except KeyboardInterrupt:
            why = "bench: interrupted"
    if times:
        print_table(times, cpu_times)
        print("Rounds: " + ", ".join("%s %d" % (name, len(values.get("wall", [])))
                                     for name, values in times.items()))
    sys.exit(why)


if __name__ == "__main__":
    main()
