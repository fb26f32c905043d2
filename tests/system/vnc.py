#!/usr/bin/env python3
"""vnc.py SOCKET COMMAND...: a guest that runs tests/guest-scripts/screen, seen and used over VNC.

COMMAND is xenner with -vnc unix:SOCKET. What the guest prints goes to stdout.
"""
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading

import rfb

TIMEOUT = float(os.environ.get("TEST_TIMEOUT", "120"))


def expect(child, text):
    for line in child.stdout:
        sys.stdout.write(line)
        if text in line:
            return line[line.index(text) + len(text):].split()
    sys.exit(f"vnc.py: the guest ended without '{text}'")


def dial(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(TIMEOUT)
    sock.connect(path)
    return sock


def resident(pid):
    """Bytes that are its own: what it shares with the guest is the guest's."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        pages = f.read().split()
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGESIZE")


def bad_clients(path):
    """Clients that say nothing, half of something, nonsense, and too much; they stay connected."""
    clients = [dial(path) for _ in range(6)]
    clients[1].sendall(b"RFB 003.0")
    clients[2].sendall(b"GET / HTTP/1.0\r\n\r\n")
    clients[3].sendall(os.urandom(4096))
    for c, tail in ((clients[4], b"\xfe" * 100), (clients[5], b"\x02\x00\xff\xff" + bytes(12))):
        c.sendall(b"RFB 003.008\n\x01\x01" + tail)
    stalled = dial(path) # asks for gigabytes and reads nothing
    stalled.sendall(b"RFB 003.008\n\x01\x01\x02\0\0\x01\0\0\0\0" + 500 * b"\x03\0\0\0\0\0\x03\x20\x02\x58")
    clients.append(stalled)
    gone = dial(path)
    gone.sendall(b"RFB 003.008\n\x01\x01\x03\x00")
    gone.close()
    return clients


def screen(child, path):
    width, height, digest = expect(child, "screen: ")[:3]
    client = rfb.Client.connect("unix:" + path, timeout=TIMEOUT)
    client.wait_for(lambda c: hashlib.md5(c.pixels).hexdigest() == digest)
    if (client.width, client.height) != (int(width), int(height)):
        sys.exit(f"vnc.py: {client.width}x{client.height}, the guest has {width}x{height}")
    if len(set(client.pixels)) < 2:
        sys.exit("vnc.py: an empty screen")
    return client


def use(child, path):
    client = screen(child, path)
    before = resident(child.pid)
    bad = bad_clients(path)
    second = rfb.Client.connect("unix:" + path, encodings=(rfb.RAW, rfb.EXT_KEY), timeout=TIMEOUT)
    second.wait_for(lambda c: c.extended_keys)
    second.type("Hello, World ")
    # by its number, whatever the keysym is: the answer's digits; then a key without one
    for number in (5, 3):
        second.extended_key(0x1234, number, True)
        second.extended_key(0x1234, number, False)
    second.type("!\n")
    typed = " ".join(expect(child, "screen: typed "))
    if typed != "'Hello, World 42!'":
        sys.exit(f"vnc.py: the guest read {typed}")
    client.wait_for(lambda c: c.pixels.count(b"\xaa\xaa\xaa\0") > 0)
    expect(child, "screen: pointer")
    client.pointer(100, 100)
    client.pointer(200, 150)
    client.pointer(200, 150, 1)
    expect(child, "screen: button")
    client.pointer(200, 150, 0)
    if resident(child.pid) > before + (64 << 20):
        sys.exit(f"vnc.py: from {before} to {resident(child.pid)} bytes of memory")
    expect(child, "screen ended with status 0")
    child.send_signal(signal.SIGTERM)
    status = child.wait(TIMEOUT)
    for c in bad:
        c.close()
    if os.path.exists(path):
        sys.exit("vnc.py: the socket was left behind")
    return status


def main():
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             errors="replace")
    watchdog = threading.Timer(TIMEOUT, child.kill)
    watchdog.start()
    try:
        sys.exit(use(child, sys.argv[1]))
    finally:
        watchdog.cancel()
        child.kill()
        child.wait()


main()
