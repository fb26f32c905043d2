#!/usr/bin/env python3
"""ptychat.py [EXPECT SEND]... -- COMMAND: talks to COMMAND on a terminal of its own.

Waits for each EXPECT in its output and sends SEND after it; \\r, \\x1d and the like are escapes. Its
output goes to stdout, its status is ours; 99 when an EXPECT did not come.
"""
import os
import pty
import select
import sys
import time


def talk(fd, pairs, deadline):
    heard = b""
    for expect, send in pairs:
        while expect not in heard:
            ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
            piece = b""
            try:
                piece = os.read(fd, 4096) if ready else b""
            except OSError:
                pass
            if not piece:
                print(f"\nptychat.py: no {expect!r}", file=sys.stderr)
                return False
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            heard += piece
        heard = heard[heard.index(expect) + len(expect):]
        os.write(fd, send)
    return True


def main():
    split = sys.argv.index("--")
    words = [w.encode().decode("unicode_escape").encode() for w in sys.argv[1:split]]
    deadline = time.monotonic() + float(os.environ.get("TEST_TIMEOUT", "120"))
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
    good = talk(fd, zip(words[0::2], words[1::2]), deadline)
    if not good:
        os.kill(pid, 9)
    try:
        while os.read(fd, 4096):  # until it ends
            pass
    except OSError:
        pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(status if good else 99)


main()
