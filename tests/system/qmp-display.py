#!/usr/bin/env python3
"""qmp-display.py DIRECTORY -- COMMAND: a guest with tests/guest-scripts/screen, seen and used over QMP.

COMMAND is xenner with -qmp unix:DIRECTORY/qmp and -vnc unix:DIRECTORY/vnc,password=on; the guest's console
is its stdout.
"""
import os
import socket
import subprocess
import sys
import threading

import picture
import rfb
from qmp import Qmp, QmpError

TIMEOUT = float(os.environ.get("TEST_TIMEOUT", "120"))


def expect(child, text):
    for line in child.stdout:
        sys.stdout.write(line)
        if text in line:
            return line[line.index(text) + len(text):].strip()
    sys.exit(f"the guest ended without '{text}'")


def fails(kind, words, fn, *args, **kwargs):
    try:
        fn(*args, **kwargs)
    except QmpError as why:
        assert why.kind == kind and words in why.desc, why
    else:
        raise AssertionError(f"{args} {kwargs} did not fail")


def shots(child, q, directory):
    width, height, digest = expect(child, "screen: ").split()[:3]
    ppm, png = f"{directory}/a.ppm", f"{directory}/a.png"
    while True: # the guest's driver tells of what it drew with a delay
        q.run("screendump", filename=ppm)
        seen = picture.read(ppm)
        if picture.digest(seen) == digest:
            break
    assert seen[:2] == (int(width), int(height))
    q.run("screendump", filename=png, device="video0", head=0, format="png")
    assert picture.read(png) == seen
    fails("DeviceNotFound", "'x' not found", q.run, "screendump", filename=ppm, device="x")
    fails("GenericError", "No such file", q.run, "screendump", filename=f"{directory}/no/where")
    assert q.run("human-monitor-command", command_line=f"screendump {directory}/b.ppm") == ""
    assert picture.read(f"{directory}/b.ppm") == seen


def qcodes(*names):
    return [{"type": "qcode", "data": n} for n in names]


def typing(child, q):
    for key in "h", "e", "l", "l", "o", "spc":
        q.run("send-key", keys=qcodes(key), hold_time=10)
    q.run("send-key", keys=qcodes("shift", "w"), hold_time=10)
    q.run("send-key", keys=[{"type": "number", "data": 0x18}], hold_time=10) # o
    q.run("send-key", keys=qcodes("ret"), hold_time=10)
    typed = expect(child, "screen: typed ")
    assert typed == "'hello Wo'", typed


def event(kind, **data):
    return {"type": kind, "data": data}


def pointing(child, q):
    expect(child, "screen: pointer")
    assert q.run("query-mice") == [{"name": "vkbd", "index": 0, "current": True, "absolute": True}]
    for place in (1000, 20000):
        q.run("input-send-event", events=[event("abs", axis="x", value=place),
                                          event("abs", axis="y", value=place)])
    q.run("human-monitor-command", command_line="mouse_move 3 4")
    q.run("input-send-event", device="video0", events=[event("btn", button="left", down=True)])
    expect(child, "screen: button")
    q.run("human-monitor-command", command_line="mouse_button 0")


def dial(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(TIMEOUT)
    sock.connect(path)
    return sock


def ways_in(sock):
    """The security types that the server offers."""
    def read(n):
        data = b""
        while len(data) < n:
            data += sock.recv(n - len(data))
        return data
    sock.sendall(read(12))
    return list(read(read(1)[0]))


def vnc(q, path):
    server = q.run("query-vnc")
    assert (server["enabled"], server["auth"], server["family"]) == (True, "vnc", "unix"), server
    assert server["service"] == path and server["clients"] == []
    stranger = dial(path)
    assert ways_in(stranger) == [2]
    told = q.wait_event("VNC_CONNECTED")["data"]
    assert told["client"]["family"] == "unix" and told["server"]["service"] == path, told
    assert len(q.run("query-vnc-servers")[0]["clients"]) == 1
    assert "Client: :" in q.run("human-monitor-command", command_line="info vnc")
    stranger.close()
    q.wait_event("VNC_DISCONNECTED")
    q.run("set_password", protocol="vnc", password="secret")
    q.run("expire_password", protocol="vnc", time="+1000")
    q.run("change-vnc-password", password="other")
    fails("GenericError", "no VNC server 'x'", q.run, "set_password", protocol="vnc", password="x",
          display="x")
    # libvirt's way in: a socket pair, no password
    ours, theirs = socket.socketpair()
    ours.settimeout(TIMEOUT)
    q.run("getfd", fds=[theirs.fileno()], fdname="vnc0")
    theirs.close()
    fails("GenericError", "protocol 'spice'", q.run, "add_client", protocol="spice", fdname="vnc0")
    ours2, theirs = socket.socketpair()
    ours2.settimeout(TIMEOUT)
    q.run("getfd", fds=[theirs.fileno()], fdname="vnc1")
    theirs.close()
    q.run("add_client", protocol="vnc", fdname="vnc1", skipauth=True)
    client = rfb.Client(ours2)
    client.request(False)
    client.update()
    q.wait_event("VNC_INITIALIZED")
    assert len(set(client.pixels)) > 1
    ours2.close()
    q.wait_event("VNC_DISCONNECTED")


def vcpus(child, q):
    registers = q.run("human-monitor-command", command_line="info registers -a")
    assert "CPU#1" in registers and "RIP=" in registers, registers
    assert q.run("query-status")["running"]
    threads = {c["thread-id"] for c in q.run("query-cpus-fast")}
    assert len(threads) == 2 and child.pid not in threads, threads


def use(child, directory):
    q = Qmp(f"{directory}/qmp")
    shots(child, q, directory)
    typing(child, q)
    vcpus(child, q)
    pointing(child, q)
    vnc(q, f"{directory}/vnc")
    q.run("quit")
    assert child.wait(30) == 0


def main():
    split = sys.argv.index("--")
    child = subprocess.Popen(sys.argv[split + 1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             text=True, errors="replace")
    watchdog = threading.Timer(TIMEOUT, child.kill)
    watchdog.start()
    try:
        use(child, sys.argv[1])
    finally:
        watchdog.cancel()
        child.kill()
        child.wait()


main()
