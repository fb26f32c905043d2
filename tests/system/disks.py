"""For system tests in Python: disks and their images, over QMP."""
import os

from guest import fail
from qmp import QmpError

MIB = 1 << 20


def refused(qmp, text, command, **arguments):
    try:
        qmp.run(command, **arguments)
    except QmpError as e:
        if text in str(e):
            return
        fail(f"{command}: {e}, not '{text}'")
    fail(f"{command} {arguments} is not refused")


def image(directory, name, size, text):
    path = os.path.join(directory, name)
    with open(path, "wb") as f:
        f.write(text.encode())
        f.truncate(size)
    return path


def add_node(qmp, name, path, read_only=False):
    qmp.run("blockdev-add", **{"driver": "file", "filename": path, "node-name": f"{name}-storage",
                               "auto-read-only": True, "discard": "unmap"})
    qmp.run("blockdev-add", **{"node-name": f"{name}-format", "read-only": read_only,
                               "driver": "raw", "file": f"{name}-storage"})


def del_node(qmp, name):
    qmp.run("blockdev-del", node_name=f"{name}-format")
    qmp.run("blockdev-del", node_name=f"{name}-storage")


def stats(qmp, qdev):
    return next(s["stats"] for s in qmp.run("query-blockstats") if s.get("qdev") == qdev)
