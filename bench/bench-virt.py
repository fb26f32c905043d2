#!/usr/bin/env python3
"""What libvirt, a monitor and a VNC client have of xenner, and of QEMU: the same steps on both.

Each round runs them one after the other; the table has medians over the rounds. As root: libvirtd runs
in namespaces of its own. See bench/README.md.
"""
import argparse
import os
import subprocess
import sys
import tempfile

from bench import make_initrd
from benchlib import BenchError, TREE, catch_signals, markdown, median, number, quotient
import virt_guest
import virt_libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
RAW, ZRLE = virt_guest.rfb.RAW, virt_guest.rfb.ZRLE

# key, what the table says, unit, target: what is compared, sign, limit
ROWS = [
    ("probe", "capabilities: exec to the last answer", "s", ("value", "<", 0.3)),
    ("caps", "virsh domcapabilities, new emulator", "s", None),
    ("caps-cached", "virsh domcapabilities, known emulator", "s", None),
    ("init", "virsh start to guest's init", "s", ("ratio", "<=", 0.7)),
    ("virsh-start", "virsh start", "s", None),
    ("destroy", "virsh destroy", "s", None),
    ("qmp-median", "QMP round trip, median", "ms", ("value", "<", 1)),
    ("qmp-p99", "QMP round trip, 99 %", "ms", ("value", "<", 1)),
    ("slowed", "computation during 1000 query-status", "x", ("value", "<=", 1.05)),
    ("raw-updates", "scrolling, raw: updates a second", "", ("value", ">=", 20)),
    ("raw-screens", "scrolling, raw: screens a second", "", None),
    ("raw-cpu", "scrolling, raw: host CPU, of a core", "%", ("ratio", "<=", 1.2)),
    ("zrle-updates", "scrolling, ZRLE: updates a second", "", ("value", ">=", 20)),
    ("zrle-screens", "scrolling, ZRLE: screens a second", "", None),
    ("zrle-cpu", "scrolling, ZRLE: host CPU, of a core", "%", ("ratio", "<=", 1.2)),
]
STEPS = ("probe", "caps", "init", "qmp", "raw", "zrle")

# libvirt-lib.sh knows how to run a libvirtd of one's own; it takes its directory as the first argument.
INSIDE = """. "$LIBRARY"; shift; own_directories; start_libvirtd
python3 "$@" --inside "$dir"; status=$?
stop_libvirtd; exit $status"""


def step(name, system, args):
    """{key: (value, CPU seconds or None)}"""
    emulator, console = {"xenner": (args.xenner, "hvc0"), "QEMU": (args.qemu, "ttyS0")}[system]
    if name == "probe":
        return {"probe": virt_libvirt.probe(emulator, args.work)}
    if name == "caps":
        fresh, cached = virt_libvirt.capabilities(emulator, args.work)
        return {"caps": (fresh, None), "caps-cached": (cached, None)}
    if name == "init":
        return virt_libvirt.start("bench-" + system, emulator, console, args)
    if name == "qmp":
        return virt_guest.qmp_round_trips(system, args)
    got = virt_guest.scroll(system, RAW if name == "raw" else ZRLE, args)
    if got.pop("late")[0]:
        print("%s could not keep the rate" % system, file=sys.stderr)
    return {"%s-%s" % (name, key): value for key, value in got.items()}


def measure(args, values, cpu):
    for n in range(args.runs):
        for name in args.steps:
            for system in ("xenner", "QEMU"):
                print("round %d of %d: %s: %s" % (n + 1, args.runs, system, name), file=sys.stderr,
                      flush=True)
                args.log.write(b"\n=== %s %s\n" % (system.encode(), name.encode()))
                for key, (value, seconds) in step(name, system, args).items():
                    values[system].setdefault(key, []).append(value)
                    if seconds is not None:
                        cpu[system].setdefault(key, []).append(seconds)


def verdict(target, value, ratio):
    if not target:
        return ""
    kind, sign, limit = target
    got = value if kind == "value" else ratio
    met = got is not None and {"<": got < limit, "<=": got <= limit, ">=": got >= limit}[sign]
    return "%s %g %s" % (sign, limit, "met" if met else "MISSED")


def print_table(values, cpu):
    lines = [["", "xenner", "QEMU", "xenner/QEMU", "of CPU time", "target"]]
    for key, text, unit, target in ROWS:
        ours, theirs = (median(values[s].get(key)) for s in ("xenner", "QEMU"))
        if ours is None:
            continue
        ratio = quotient(ours, theirs)
        cpu_ratio = quotient(*(median(cpu[s].get(key)) for s in ("xenner", "QEMU")))
        lines.append([text + (" (%s)" % unit if unit else ""), number(ours), number(theirs), number(ratio),
                      number(cpu_ratio), verdict(target, ours, cpu_ratio or ratio)])
    markdown(lines)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.join(TREE, "build"))
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--steps", default=",".join(STEPS), help="only these, of " + ",".join(STEPS))
    p.add_argument("--append", default="", help="more words for the kernel's command line")
    p.add_argument("--limit", type=int, default=120, help="seconds for one guest")
    p.add_argument("--inside", metavar="DIR", help=argparse.SUPPRESS)
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    args.steps = args.steps.split(",")
    if set(args.steps) - set(STEPS):
        p.error("steps are " + ",".join(STEPS))
    args.xenner = os.path.join(args.build, "xenner/xenner")
    args.qemu = os.environ.get("XENNER_QEMU", "/usr/bin/qemu-system-x86_64")
    args.kernel = os.path.join(args.build, "assets/vmlinuz")
    return args


def outside(args):
    """Again in namespaces of its own, whose end is the end of all that runs there."""
    if os.geteuid() != 0:
        sys.exit("bench: libvirtd needs root")
    with tempfile.TemporaryDirectory() as work:
        env = {**os.environ, "LIBRARY": os.path.join(TREE, "tests/system/libvirt-lib.sh"),
               "XENNER_RUNTIME_DIR": os.path.join(work, "run")}
        return subprocess.run(
            ["unshare", "-m", "-p", "-f", "--mount-proc", "--propagation", "private", "sh", "-c",
             'sh -c "$0" "$@" & wait $!', INSIDE, "sh", work, *sys.argv], env=env).returncode


def inside(args):
    args.work, values, cpu, why = args.inside, {}, {}, None
    for system in ("xenner", "QEMU"):
        values[system], cpu[system] = {}, {}
    with open(os.path.join(args.build, "bench-virt.log"), "wb", buffering=0) as args.log:
        args.initrd = os.path.join(args.build, "assets/initrd.gz")
        bench_initrd = os.path.join(args.work, "initrd.gz")
        make_initrd(args, bench_initrd)
        args.initrd = bench_initrd
        try:
            measure(args, values, cpu)
        except BenchError as e:
            why = "bench: %s (the consoles are in %s)" % (e, args.log.name)
        except KeyboardInterrupt:
            why = "bench: interrupted"
    print_table(values, cpu)
    sys.exit(why)


def main():
    args = arguments()
    catch_signals()
    if not args.inside:
        sys.exit(outside(args))
    inside(args)


if __name__ == "__main__":
    main()
