#!/usr/bin/env python3
"""chat.py SOCKET [EXPECT SEND]... -- COMMAND: talks to a guest's console.

Listens on a Unix socket, starts COMMAND, which connects to it, and then waits for each EXPECT and
sends the line SEND after it ('': none). What it heard goes to stdout. At the end the command gets
SIGTERM, unless the last EXPECT is @end: then it ends by itself. Its status is ours.
"""
import os
import socket
import subprocess
import sys


def talk(sock, pairs):
    heard = b""
    for expect, send in pairs:
        while expect.encode() not in heard:
            piece = sock.recv(4096)
            if not piece:
                raise EOFError(f"the console closed before '{expect}'")
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            heard += piece
        heard = heard.split(expect.encode(), 1)[1]
        if send:
            sock.sendall(send.encode() + b"\n")


def drain(sock):
    piece = b"-"
    while piece:
        piece = sock.recv(4096)
        sys.stdout.buffer.write(piece)


def main():
    split = sys.argv.index("--")
    words, command = sys.argv[2:split], sys.argv[split + 1:]
    timeout = float(os.environ.get("TEST_TIMEOUT", "120"))
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(timeout)
    listener.bind(sys.argv[1])
    listener.listen()
    to_the_end = bool(words) and words[-1] == "@end"
    if to_the_end:
        words.pop()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        sock, _ = listener.accept()
        sock.settimeout(timeout)
        talk(sock, zip(words[0::2], words[1::2]))
    except (OSError, EOFError) as why:
        child.kill()
        sys.exit(f"chat.py: {why}")
    if to_the_end:
        drain(sock)
    else:
        child.terminate()
    sys.exit(child.wait(timeout))


main()
