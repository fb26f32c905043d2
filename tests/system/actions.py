#!/usr/bin/env python3
"""What -action makes of a guest's end: it stays to be looked at, starts again, or is over."""
import os
import subprocess
import sys
import tempfile

from guest import TIMEOUT, fail
from qmp import Qmp


def run(directory, end, action):
    """The test kernel that ends so, held before its start: its process and its monitor."""
    path = os.path.join(directory, action.replace("=", "-"))
    process = subprocess.Popen(
        [os.environ["XENNER"], "-accel", os.environ.get("ACCEL", "tcg"), "-name", f"end-{end}", "-S", "-m", "32",
         "-kernel", os.environ["TEST_KERNEL"], "-append", f"run=version end={end}", "-serial", "null",
         "-display", "none", "-action", action, "-qmp", f"unix:{path},server=on,wait=off"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    qmp = Qmp(path, timeout=TIMEOUT)
    qmp.run("cont")
    return process, qmp


def expect(process, status, said=""):
    errors = process.communicate(timeout=TIMEOUT)[1]
    if process.returncode != status or said not in errors:
        fail(f"status {process.returncode}, not {status}: {errors}")


def stays(directory, end, action, event, state):
    process, qmp = run(directory, end, action)
    data = qmp.wait_event(event)["data"]
    qmp.wait_event("STOP")
    got = qmp.run("query-status")
    if got["status"] != state or got["running"]:
        fail(f"{action}: {got} after {data}")
    qmp.run("quit")
    return process


with tempfile.TemporaryDirectory() as work:
    expect(stays(work, "crash", "panic=pause", "GUEST_PANICKED", "guest-panicked"), 0, "the guest crashed")
    expect(stays(work, "poweroff", "shutdown=pause", "SHUTDOWN", "shutdown"), 0)
    for end, action, said in (("crash", "panic=reset", "the guest crashed"), ("reboot", "reboot=reset", "")):
        again, monitor = run(work, end, action)
        for _ in range(2):
            if monitor.wait_event("RESET")["data"] != {"guest": True, "reason": "guest-reset"}:
                fail(f"{action}: somebody else's reset")
        monitor.run("quit")
        expect(again, 0, said)
    over, monitor = run(work, "reboot", "reboot=shutdown")
    expect(over, 3)
sys.exit(0)
