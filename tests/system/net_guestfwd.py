#!/usr/bin/env python3
"""guestfwd= of a user-mode network: a command for each connection, a TCP and a Unix stream; what is wrong."""
import os
import socket
import subprocess
import tempfile
import threading

from guest import Guest, fail
from guest_shell import Shell

BIG = 256 << 10


def refused(text, rule, *options):
    ended = subprocess.run([os.environ["XENNER"], "-kernel", os.environ["KERNEL"], "-nic", f"user,guestfwd={rule}",
                            *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if ended.returncode != 1 or ended.stderr.count("\n") != 1 or text not in ended.stderr:
        fail(f"{rule}: {ended}")


def errors(directory):
    refused("Invalid guest forwarding rule", "tcp:10.0.2.100:80")
    refused("Conflicting/invalid host:port in guest forwarding rule", "tcp:10.0.2.2:80-cmd:true")
    refused("No such file", f"tcp:10.0.2.100:80-unix:{directory}/none")
    refused("spawn=deny", "tcp:10.0.2.100:80-cmd:true", "-sandbox", "on,spawn=deny")


def serve(listener, name):
    """Answers each line with its name and its length."""
    def run():
        with listener, listener.accept()[0].makefile("rwb") as stream:
            for line in stream:
                stream.write(f"{name} {len(line)}\n".encode())
                stream.flush()
    threading.Thread(target=run, daemon=True).start()


def listen(family, address):
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    return listener


def talk(shell, server, name):
    """Lines both ways over a stream that stays open."""
    shell.run(f"mkfifo /tmp/{name}; nc {server} 9 </tmp/{name} >/tmp/{name}.out & exec 3>/tmp/{name};"
              f"echo hello >&3; until grep -q '^{name} 6$' /tmp/{name}.out; do sleep 0.1; done;"
              f"head -c {BIG - 1} /dev/zero | tr '\\0' x >&3; echo >&3;"
              f"until grep -q '^{name} {BIG}$' /tmp/{name}.out; do sleep 0.1; done; kill $!")


with tempfile.TemporaryDirectory() as directory:
    errors(directory)
    tcp = listen(socket.AF_INET, ("127.0.0.1", 0))
    unix = listen(socket.AF_UNIX, f"{directory}/unix")
    port = tcp.getsockname()[1]
    serve(tcp, "tcp")
    serve(unix, "unix")
    with Guest("", "-nic", "user,restrict=on,guestfwd=tcp:10.0.2.100:9-cmd:echo 'from a command',"
               f"guestfwd=:10.0.2.101:9-tcp:127.0.0.1:{port},guestfwd=tcp:10.0.2.102:9-unix:{directory}/unix",
               typing=True) as guest:
        shell = Shell(guest)
        shell.run("ip link set eth0 up; udhcpc -i eth0 -n -q -s /tests/dhcp-action >/dev/null")
        for _ in range(2):
            if (got := shell.run("nc 10.0.2.100 9 </dev/null")) != "from a command":
                fail(f"the command says '{got}'")
        talk(shell, "10.0.2.101", "tcp")
        talk(shell, "10.0.2.102", "unix")
        guest.type("exit\n")
        guest.end()
