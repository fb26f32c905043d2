"""A guest that is asked over QMP while it computes, and one whose screen is looked at over VNC.

For bench-virt.py. The emulators run without libvirt here, so that they can be asked directly.
"""
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

from benchlib import BenchError, CPU, TREE, cpu_seconds

sys.path.insert(0, os.path.join(TREE, "tests/system"))
from qmp import Qmp  # noqa: E402
import rfb  # noqa: E402

QUERIES = 1000
# 1024x768 in 32 bits: what xen-fbfront is told, and the VESA mode of QEMU's VGA
SCREEN = {"xenner": "xen_fbfront.video=8,1024,768", "QEMU": "vga=0x344"}


class Guest:
    """A machine whose console is stdout: next() waits for a line of the benchmark's."""

    def __init__(self, name, options, words, args):
        self.name, self.args = name, args
        console = "hvc0" if name == "xenner" else "ttyS0"
        argv = {"xenner": [args.xenner, "-accel", "tcg", "-nographic"],
                "QEMU": [args.qemu, "-accel", "tcg", "-cpu", CPU, "-nodefaults", "-display", "none",
                         "-no-reboot", "-serial", "stdio"]}[name]
        argv += ["-m", "256", "-smp", "1", "-kernel", args.kernel, "-initrd", args.initrd, *options,
                 "-append", "console=tty0 console=%s panic=-1 xenner.run=virt %s %s" % (
                     console, words, args.append)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=args.log, start_new_session=True)
        self.watchdog = threading.Timer(args.limit, self.kill)
        self.watchdog.start()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass

    def next(self, name):
        """Its words after the name, and when it came."""
        for line in self.process.stdout:
            now = time.monotonic()
            self.args.log.write(line)
            m = re.search(rb"bench: %s ([0-9. ]+)\s*$" % name.encode(), line)
            if m:
                return m.group(1).decode().split(), now
        raise BenchError("%s ended before '%s'" % (self.name, name))

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.watchdog.cancel()
        if what[0]:
            self.kill()
        for line in self.process.stdout:
            self.args.log.write(line)
        self.process.wait()


def query(qmp):
    """QUERIES round trips in a row, in milliseconds."""
    times = []
    for _ in range(QUERIES):
        start = time.monotonic()
        qmp.raw(b'{"execute":"query-status"}')
        times.append(1000 * (time.monotonic() - start))
    return times


def qmp_round_trips(name, args):
    """{qmp-median, qmp-p99: ms; slowed: time of the computation with queries by that without}"""
    path = os.path.join(args.work, "qmp")
    times, seconds = [], []
    with Guest(name, ["-qmp", "unix:%s,server=on,wait=off" % path], "xenner.virt=qmp", args) as guest:
        qmp = Qmp(path)
        for n in range(4):
            words, _ = guest.next("compute")
            seconds.append(float(words[0]))
            if n % 2 == 0:
                times += query(qmp)
        qmp.close()
    times.sort()
    return {"qmp-median": (statistics.median(times), None),
            "qmp-p99": (times[len(times) * 99 // 100], None),
            "slowed": ((seconds[1] + seconds[3]) / (seconds[0] + seconds[2]), None)}


class Viewer(rfb.Client):
    """Takes updates as fast as they come, and only counts: how many, and how much of the screen."""

    def __init__(self, *words, **named):
        self.scratch = bytearray(1 << 20)
        super().__init__(*words, **named)
        self.updates = self.area = self.bytes = 0

    def skip(self, n):
        self.bytes += n
        while n:
            got = self.sock.recv_into(self.scratch, min(n, len(self.scratch)))
            if not got:
                raise EOFError("the server hung up")
            n -= got

    def rectangle(self):
        _, _, w, h, encoding = struct.unpack(">HHHHi", self.read(12))
        if encoding == rfb.DESKTOP_SIZE:
            self.width, self.height = w, h
            return
        self.area += w * h
        if encoding == rfb.RAW:
            self.skip(w * h * 4)
        elif encoding == rfb.ZRLE:
            self.skip(struct.unpack(">I", self.read(4))[0])
        else:
            raise ValueError("encoding %d" % encoding)

    def watch(self):
        """In a thread, until the server goes."""
        try:
            self.request(False)
            while True:
                self.update()
                self.updates += 1
                self.request()
        except (EOFError, ConnectionError, socket.timeout):
            pass


def scroll(name, encoding, args):
    """{updates, screens: a second; cpu: of the emulator, in percent of a core}"""
    path = os.path.join(args.work, "vnc")
    options = ["-vnc", "unix:" + path] + (["-device", "VGA"] if name == "QEMU" else [])
    with Guest(name, options, "xenner.virt=scroll " + SCREEN[name], args) as guest:
        geometry, _ = guest.next("screen")
        if geometry != ["1024", "768", "32"]:
            raise BenchError("%s: the screen is %s" % (name, " ".join(geometry)))
        viewer = Viewer.connect("unix:" + path, encodings=(encoding, rfb.DESKTOP_SIZE))
        thread = threading.Thread(target=viewer.watch, daemon=True)
        thread.start()
        _, begin = guest.next("scroll-begin")
        cpu, updates, area = guest.cpu(), viewer.updates, viewer.area
        (late,), end = guest.next("scroll-late")
        seconds = end - begin
        result = {"updates": ((viewer.updates - updates) / seconds, None),
                  "screens": ((viewer.area - area) / seconds / (1024 * 768), None),
                  "cpu": (100 * (guest.cpu() - cpu) / seconds, None),
                  "late": (float(late), None)}
    thread.join()
    return result
