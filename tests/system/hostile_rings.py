#!/usr/bin/env python3
"""
Guests that break every rule of the rings that they share with the host: the host's program refuses, lives,
answers its monitor, stays small and ends as if nothing had been; what was not attacked still works (the guest
itself checks that).
"""
import os
import re
import subprocess
import sys
import tempfile
import threading

from guest import TIMEOUT, fail
from qmp import Qmp

MAX_GROWTH = 96 << 10  # KiB of the program's own memory


class Run:
    """xenner with the test kernel and one of its hostile groups; heard: the guest's lines."""

    def __init__(self, directory, words, *options):
        self.words, self.socket, self.heard = words, os.path.join(directory, "qmp"), []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.environ["XENNER"], "-accel", os.environ.get("ACCEL", "tcg"), "-m", "32", "-name", "rings",
             "-kernel", os.environ["TEST_KERNEL"], "-append", f"{words} end=halt", "-no-shutdown",
             "-serial", "stdio", "-display", "none", "-qmp", f"unix:{self.socket},server=on,wait=off",
             *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.timer = threading.Timer(TIMEOUT, self.process.kill)
        self.timer.start()
        self.qmp = Qmp(self.socket)
        self.before = self.memory()

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"RssAnon:\s*(\d+)", f.read()).group(1))

    def complain(self, text):
        self.timer.cancel()
        self.process.kill()
        self.errors.seek(0)
        print(*self.heard[-30:], "--- stderr:", self.errors.read(), sep="\n")
        fail(f"{self.words}: {text}")

    def check(self):
        status = self.qmp.run("query-status")
        if status["status"] not in ("running", "shutdown", "guest-panicked"):
            self.complain(f"status {status}")
        if self.memory() - self.before > MAX_GROWTH:
            self.complain(f"{self.memory()} KiB, {self.before} at the start")

    def until_plan(self, on_note):
        """on_note(text) for each note; ends when all checks were made."""
        for line in self.process.stdout:
            line = line.decode(errors="replace").strip()
            self.heard.append(line)
            if line.startswith(("not ok", "Bail out")):
                self.complain(line)
            if line.startswith("# "):
                on_note(line[2:])
                self.check()
            if line.startswith("1.."):
                return
        self.complain("the guest ended early")

    def end(self, expected):
        """Quits; expected: what may be on stderr, a pattern with the most lines that may be of it."""
        self.check()
        self.qmp.run("quit")
        self.process.stdin.close()
        self.process.stdout.read()
        status = self.process.wait()
        self.timer.cancel()
        self.errors.seek(0)
        lines = self.errors.read().splitlines()
        if status != 0:
            self.complain(f"exit status {status}")
        for line in lines:
            if not any(re.search(pattern, line) for pattern, _ in expected):
                self.complain(f"unexpected: {line}")
        for pattern, most in expected:
            n = sum(bool(re.search(pattern, line)) for line in lines)
            if not 1 <= n <= most:
                self.complain(f"{n} lines like '{pattern}', not 1 to {most}")


def image(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "wb") as f:
        f.write(text.encode())
        f.truncate(1 << 20)
    return f"file={path},format=raw"


def attack(group, *options, words="", notes=lambda run, text: None, expected=()):
    with tempfile.TemporaryDirectory() as directory:
        if "{disks}" in options:
            options = ("-drive", image(directory, "d1", "first disk"),
                       "-drive", image(directory, "d2", "second disk"))
        run = Run(directory, f"run={group} {words}", *options)
        run.until_plan(lambda text: notes(run, text))
        run.end(expected)


def type_keys(run, text):
    if text == "type":
        run.qmp.run("send-key", keys=[{"type": "qcode", "data": "a"}])


def type_bytes(run, text):
    if text == "type":
        run.process.stdin.write(b"x" * 3000)
        run.process.stdin.flush()


attack("hostile_blk", "{disks}",
       expected=[("vbd xvda: the frontend's ring is broken", 1), ("vbd/51712: ", 1)])
attack("hostile_net", "-nic", "user", "-nic", "user", expected=[("vif/0: the guest's rings make no sense", 1)])
attack("hostile_fb", "-vnc", "none", notes=type_keys,
       expected=[("vfb/0: ", 1), ("vkbd/0: the guest's rings make no sense", 1)])
attack("hostile_console", notes=type_bytes, expected=[("console: the guest broke its output ring", 1)])
attack("hostile_store")
for end, line in (("length", "the guest's request is too long"),
                  ("request-index", "the guest broke its ring"),
                  ("answer-index", "the guest broke its ring")):
    attack("hostile_store", words=f"store={end}", expected=[(f"xenstore: {line}", 1)])
left = subprocess.run(["pgrep", "-f", "name xenner-rings,"], stdout=subprocess.DEVNULL, check=False)
if left.returncode == 0:
    fail("a QEMU process was left behind")
