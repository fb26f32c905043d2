"""A client of QMP for the tests: Qmp(path) connects, negotiates; run() gives the answer or raises."""
import array
import json
import socket
import time


class QmpError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.kind, self.desc = error["class"], error["desc"]


class Qmp:
    def __init__(self, path, negotiate=True, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        end = time.monotonic() + timeout
        while True: # the other side may not listen yet
            try:
                self.sock.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.buffer, self.events = b"", []
        self.greeting = self.read()
        if negotiate:
            self.run("qmp_capabilities")

    def read(self):
        while b"\n" not in self.buffer:
            piece = self.sock.recv(65536)
            if not piece:
                raise EOFError("the monitor closed")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def answer(self):
        while True:
            message = self.read()
            if "event" not in message:
                return message
            self.events.append(message)

    def raw(self, data):
        self.sock.sendall(data)
        return self.answer()

    def run(self, command, fds=(), **arguments):
        return self.run_exact(command, {k.replace("_", "-"): v for k, v in arguments.items()}, fds)

    def run_exact(self, command, arguments, fds=()):
        """The same for arguments with a _ in their names."""
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        data = json.dumps(message).encode()
        if fds:
            self.sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
            answer = self.answer()
        else:
            answer = self.raw(data)
        if "error" in answer:
            raise QmpError(answer["error"])
        return answer["return"]

    def wait_event(self, name):
        while True:
            for i, event in enumerate(self.events):
                if event["event"] == name:
                    del self.events[:i + 1]
                    return event
            message = self.read()
            assert "event" in message, message
            self.events.append(message)

    def close(self):
        self.sock.close()
