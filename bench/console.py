"""A machine with Debian on its first serial line: login, commands and what they print, within a time."""
import os
import re
import select
import subprocess
import time

from benchlib import BenchError, cpu_seconds

LOGIN_LIMIT, COMMAND_LIMIT, END_LIMIT = 180, 60, 60


class Machine:
    """Runs until end() or kill()."""

    def __init__(self, argv, log):
        self.log, self.heard, self.commands = log, "", 0
        self.began = time.monotonic()
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def read(self, deadline):
        """Some of the console's output; b"" at its end, None when the time is over."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            return None
        piece = os.read(self.process.stdout.fileno(), 65536)
        self.log.write(piece)
        return piece

    def wait_for(self, pattern, limit):
        """What the console says up to the end of pattern, within limit seconds."""
        deadline = time.monotonic() + limit
        while not (found := re.search(pattern, self.heard, re.S)):
            piece = self.read(deadline)
            if not piece:
                why = "not within %d s" % limit if piece is None else "the machine ended before"
                raise BenchError("waited for '%s': %s" % (pattern, why))
            self.heard += piece.decode("utf-8", "replace").replace("\r", "")
        self.heard = self.heard[found.end():]
        return found

    def type(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as e:
            raise BenchError("the machine ended") from e

    def login(self, password):
        """Seconds from exec to the prompt, and the CPU time until then; then there is a shell."""
        self.wait_for("login: ", LOGIN_LIMIT)
        took = time.monotonic() - self.began, cpu_seconds(self.process.pid)
        self.type("root")
        self.wait_for("Password: ", COMMAND_LIMIT)
        self.type(password)
        self.wait_for("# ", COMMAND_LIMIT)
        self.type("exec sh")  # no line editing, which would draw
        self.type("stty -echo; PS1= PS2=")
        self.run("dmesg -n 1; systemctl is-system-running --wait || :")
        return took

    def run(self, command, limit=COMMAND_LIMIT):
        """What it prints. It may not fail, nor take longer than limit seconds."""
        self.commands += 1
        mark = "end-%d" % self.commands
        self.type("(%s) </dev/null 2>&1; s=$?; echo; echo end-''%d $s" % (command, self.commands))
        found = self.wait_for(r"(.*?)\n" + mark + r" (\d+)\n", limit)
        if found[2] != "0":
            raise BenchError("in the guest: '%s' failed: %s" % (command, found[1].strip()[-500:]))
        return found[1]

    def timed(self, command, limit=COMMAND_LIMIT):
        """The same, and the host's CPU time meanwhile."""
        before = cpu_seconds(self.process.pid)
        out = self.run(command, limit)
        return out, cpu_seconds(self.process.pid) - before

    def end(self):
        self.type("poweroff")
        deadline = time.monotonic() + END_LIMIT
        while piece := self.read(deadline):
            pass
        if piece is None:
            raise BenchError("no power-off within %d s" % END_LIMIT)
        if self.process.wait():
            raise BenchError("the machine ended with status %d" % self.process.returncode)

    def kill(self):
        """Also after its end."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
