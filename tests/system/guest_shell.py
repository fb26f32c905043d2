"""For system tests in Python: the shell of a guest (guest.py, typing)."""
import re
import uuid

from guest import fail


class Shell:
    """Commands in the guest's shell, and what they print."""

    def __init__(self, guest):
        self.guest = guest
        guest.wait_for("shell in the guest")
        self.run("stty -echo")

    def type(self, command):
        """Begins it; finish() waits for its end."""
        self.mark, self.command = uuid.uuid4().hex[:12], command
        self.guest.type(f"({command}); echo status-$?-{self.mark}\n")
        self.start = len(self.guest.heard)

    def finish(self):
        """Its output; fails the test when the command fails."""
        while not (end := re.search(rf"status-(\d+)-{self.mark}", self.guest.wait_for(self.mark))):
            pass # the echo of what was typed
        lines = [l.removeprefix("/ # ") for l in self.guest.heard[self.start:-1]]
        if end[1] != "0":
            fail(f"in the guest: {self.command}: {lines}")
        return "\n".join(lines)

    def run(self, command):
        self.type(command)
        return self.finish()

    def until(self, command):
        """Until it succeeds: for what the guest's kernel does by itself."""
        self.run(f"until {command}; do sleep 0.1; done")
