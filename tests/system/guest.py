"""For system tests in Python: a guest whose console is read line by line, and an HTTP server for it."""
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

TIMEOUT = float(os.environ.get("TEST_TIMEOUT", "120"))


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fail(text):
    sys.exit(f"FAIL: {text}")


class Guest:
    """xenner with the test's kernel; ends with the context."""

    def __init__(self, words, *options, pass_fds=(), memory="128", vcpus=1,
                 typing=False):
        self.heard = []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.environ["XENNER"], "-accel", os.environ.get("ACCEL", "tcg"), "-m", memory,
             "-smp", str(vcpus),
             "-kernel", os.environ["KERNEL"], "-initrd", os.environ["INITRD"],
             "-append", f"console=hvc0 quiet {words}", "-serial", "stdio", *options],
            stdin=subprocess.PIPE if typing else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors,
            pass_fds=pass_fds)
        self.timer = threading.Timer(TIMEOUT, self.process.kill)
        self.timer.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()
        if exc[0]:
            print("--- the guest's console, last lines:", *self.heard[-40:], sep="\n")
            print("--- stderr:", self.stderr(), sep="\n")

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read()

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait_for(self, text):
        """The next line of the console that has text in it."""
        for line in self.process.stdout:
            line = line.decode(errors="replace").strip()
            self.heard.append(line)
            if text in line:
                return line
            if "ended with status" in line and "status 0" not in line:
                break
        fail(f"no '{text}' on the console")

    def end(self, status=0):
        """Until it powers off."""
        self.heard += [l.decode(errors="replace").strip() for l in self.process.stdout]
        got = self.process.wait()
        if got != status:
            fail(f"exit status {got}, not {status}")


def transfers(guest, server, address, web, bell):
    """The host's half of the guest's script `net`."""
    line = guest.wait_for("net: ")
    if line != f"net: {address}":
        fail(f"'{line}', not '{address}'")
    guest.wait_for(f"net: received {len(server.data)}")
    guest.wait_for("net: sent")
    guest.wait_for("net: serving")
    with urllib.request.urlopen("http://%s:%d/data" % web) as answer:
        if answer.read() != server.data:
            fail("what the guest serves is not what it got")
    socket.create_connection(bell).close()
    guest.wait_for("net: errors 0 0")
    guest.wait_for("net: good")


class Server(http.server.ThreadingHTTPServer):
    """GET /data, GET /md5: its sum; POST: the sum of what came."""

    def __init__(self, size, address=("127.0.0.1", 0)):
        super().__init__(address, Handler)
        text = (hashlib.sha512(b"%d" % i).hexdigest() for i in range(size // 128))
        self.data = "".join(text).encode()  # no NUL: busybox posts strings
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        data = self.server.data
        self.reply(data if self.path == "/data" else hashlib.md5(data).hexdigest().encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(hashlib.md5(body).hexdigest().encode())
