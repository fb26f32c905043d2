#!/usr/bin/env python3
"""qmp-client.py TEST DIRECTORY -- COMMAND: starts xenner with -qmp unix:DIRECTORY/qmp, and talks."""
import json
import os
import socket
import stat
import subprocess
import sys
import time

from qmp import Qmp, QmpError


def fails(kind, words, fn, *args, **kwargs):
    try:
        fn(*args, **kwargs)
    except QmpError as why:
        assert why.kind == kind and words in why.desc, why
    else:
        raise AssertionError(f"{args} {kwargs} did not fail")


def error_of(answer):
    return answer["error"]["class"], answer["error"]["desc"]


def session(child, path):
    """What every client relies on; the machine has no guest."""
    q = Qmp(path, negotiate=False)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert q.greeting["QMP"]["capabilities"] == ["oob"]
    assert q.greeting["QMP"]["version"]["qemu"]["major"] == 7
    assert "Expecting capabilities" in error_of(q.raw(b'{"execute":"query-status"}'))[1]
    assert error_of(q.raw(b'{"execute":"qmp_capabilities","arguments":{"enable":["x"]}}'))
    assert q.raw(b'{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":[1]}') == \
        {"return": {}, "id": [1]}
    assert q.raw(b'{"exec-oob":"migrate_cancel","id":"x"}')["id"] == "x"
    assert "does not support OOB" in error_of(q.raw(b'{"exec-oob":"query-status"}'))[1]
    assert error_of(q.raw(b'{"execute":"qmp_capabilities"}'))[0] == "CommandNotFound"
    # several commands in one piece, one in several
    q.sock.sendall(b'{"execute":"query-kvm"}{"execute":"query-name","id":2}')
    assert "enabled" in q.answer()["return"] and q.answer()["id"] == 2
    for byte in b'{"execute": "query-status"':
        q.sock.sendall(bytes([byte]))
    assert q.raw(b"}")["return"]["status"] == "prelaunch"
    q.close()


def bad_input(child, path):
    q = Qmp(path)
    for text, words in [(b"foo\n", "JSON parse error"), (b"{]\n", "JSON parse error"),
                        (b"5\n", "must be a JSON object"), (b"{}", "lacks member 'execute'"),
                        (b'{"execute":5}', "must be a string"), (b'{"execute":"a","x":1}', "'x' is unexp"),
                        (b'{"execute":"nope"}', "nope has not been found"),
                        (b'{"execute":"query-kvm","arguments":[]}', "must be an object"),
                        (b'{"execute":"query-kvm","arguments":{"a":1}}', "'a' is unexpected"),
                        (b'{"execute":"closefd"}', "'fdname' is missing"),
                        (b"[" * 100000 + b"\n", "nesting too deep")]:
        answer = q.raw(text)
        assert words in error_of(answer)[1], (text[:50], answer)
        assert q.run("query-kvm")
    big = b'{"execute":"' + b"x" * (10 << 20) + b'"}'
    assert error_of(q.raw(big))[0] == "CommandNotFound"
    q.sock.sendall(b'{"execute":"' + b"y" * (20 << 20) + b'"}\n')
    assert "too long" in error_of(q.answer())[1]
    assert q.run("query-status")
    # half a command, then gone: the next one starts afresh
    for _ in range(20):
        q.sock.sendall(b'{"execute":"query-st')
        q.close()
        q = Qmp(path)
    # who does not read what he asked for waits, and nobody else
    q.sock.sendall(b'{"execute":"query-qmp-schema"}' * 300)
    q.close()
    assert Qmp(path).run("query-status")


def queries(child, path):
    q = Qmp(path)
    names = {c["name"] for c in q.run("query-commands")}
    schema = q.run("query-qmp-schema")
    types = {s["name"]: s for s in schema if s["meta-type"] not in ("command", "event")}
    commands = {s["name"]: s for s in schema if s["meta-type"] == "command"}
    assert names == set(commands)
    for entry in schema: # every type that is named is there
        for key in ("arg-type", "ret-type", "element-type"):
            assert key not in entry or entry[key] in types, entry
        for member in entry.get("members", []) + entry.get("variants", []):
            assert "type" not in member or member["type"] in types, entry
    skip = {"query-sev-capabilities", "query-sgx-capabilities", "query-hotpluggable-cpus"}
    for name in sorted(names - skip):
        members = types[commands[name]["arg-type"]]["members"]
        if name.startswith("query-") and all("default" in m for m in members):
            answer = q.run(name)
            kind = types[commands[name]["ret-type"]]["meta-type"]
            assert isinstance(answer, list) == (kind == "array"), name
            for m in types[commands[name]["ret-type"]].get("members", []):
                assert "default" in m or m["name"] in answer, (name, m)
    for t in q.run("qom-list-types"):
        assert isinstance(q.run("device-list-properties", typename=t["name"]), list)
    fails("DeviceNotFound", "'none' not found", q.run, "device-list-properties", typename="none")
    assert {"none", "pc-i440fx-7.2"} <= {m["name"] for m in q.run("query-machines")}
    fails("GenericError", "not supported yet", q.run, "migrate", uri="tcp:localhost:1")
    assert q.run("human-monitor-command", command_line="info status").startswith("VM status: paused")
    assert "unknown command" in q.run("human-monitor-command", command_line="nonsense")
    started = time.monotonic()
    for _ in range(1000):
        q.run("query-status")
    assert time.monotonic() - started < 10 # 1 ms each is the aim; other work may run beside the test


def wrong_values(kind, types):
    """Values that are not of that type of the schema."""
    t = types[kind]
    if t["meta-type"] == "builtin":
        return {"string": [5, None, {}], "int": ["5", 1.5, True, []], "boolean": [1, "on", None],
                "number": ["1", {}], "null": [0], "value": []}[t["json-type"]]
    if t["meta-type"] == "enum":
        return [7, "no such word", ["x"]]
    if t["meta-type"] == "array":
        return [{}, "text", 1] + [[v] for v in wrong_values(t["element-type"], types)[:1]]
    if t["meta-type"] == "object":
        return [[], 1, "text", {"no such member": 1}]
    return [[], 1.5]


def arguments(child, path):
    """No command takes what the schema does not promise, and each says so in QEMU's class."""
    q, other = Qmp(path), Qmp(path + "1")
    schema = q.run("query-qmp-schema")
    types = {s["name"]: s for s in schema if s["meta-type"] not in ("command", "event")}
    asked = 0
    for c in (s for s in schema if s["meta-type"] == "command" and s["name"] != "qmp_capabilities"):
        t = types[c["arg-type"]]
        members = t["members"]
        bad = [[], "text", 1]
        if any("default" not in m for m in members):
            bad.append({})
        if c["name"] != "device_add": # whose properties the schema does not know
            bad.append({"no such member": 1})
        bad += [{m["name"]: v} for m in members for v in wrong_values(m["type"], types)]
        for arguments in bad:
            answer = q.raw(json.dumps({"execute": c["name"], "arguments": arguments, "id": asked}).encode())
            assert answer["id"] == asked and answer["error"]["class"] == "GenericError", \
                (c["name"], arguments, answer)
            asked += 1
        oob = q.raw(json.dumps({"exec-oob": c["name"]}).encode())
        assert "error" in oob, c["name"] # nobody has asked for it
    assert asked > 500
    assert not other.events and other.run("query-status")["status"] == "prelaunch"
    assert child.poll() is None


def creation(child, path):
    """blockdev-create, as libvirt makes a snapshot's file."""
    q = Qmp(path)
    image = os.path.dirname(path) + "/new.qcow2"

    def ended(job):
        seen = []
        while "concluded" not in seen:
            event = q.wait_event("JOB_STATUS_CHANGE")["data"]
            if event["id"] == job: # another's may still be told as dismissed
                seen.append(event["status"])
        return seen

    q.run("blockdev-create", job_id="f", options={"driver": "file", "filename": image, "size": 0})
    assert ended("f") == ["created", "running", "waiting", "pending", "concluded"]
    fails("GenericError", "already in use", q.run, "blockdev-create", job_id="f",
          options={"driver": "file", "filename": image, "size": 0})
    q.run("job-dismiss", id="f")
    fails("GenericError", "Job not found", q.run, "job-dismiss", id="f")
    q.run("blockdev-add", driver="file", node_name="storage", filename=image)
    q.run("blockdev-create", job_id="q", options={"driver": "qcow2", "file": "storage", "size": 1 << 24})
    assert ended("q")[-2:] == ["pending", "concluded"]
    assert [(j["id"], j["type"], j["status"]) for j in q.run("query-jobs")] == [("q", "create", "concluded")]
    q.run("job-dismiss", id="q")
    q.run("blockdev-add", driver="qcow2", node_name="format", file="storage", backing=None)
    assert q.run("query-named-block-nodes")[0]["image"]["virtual-size"] == 1 << 24
    # one that fails says why, and is there until it is dismissed
    q.run("blockdev-create", job_id="bad", options={"driver": "file", "filename": "/no/such/file", "size": 0})
    assert ended("bad")[-2:] == ["aborting", "concluded"]
    assert "/no/such/file" in q.run("query-jobs")[0]["error"]
    q.run("job-dismiss", id="bad")
    assert q.run("query-jobs") == []
    fails("GenericError", "nobody", q.run, "blockdev-create", job_id="x",
          options={"driver": "qcow2", "file": "nobody", "size": 1})
    fails("GenericError", "does not accept value 'luks'", q.run, "blockdev-create", job_id="x",
          options={"driver": "luks", "size": 1})


def descriptors(child, path):
    q = Qmp(path)
    r, w = os.pipe()
    fails("GenericError", "No file descriptor", q.run, "getfd", fdname="x")
    q.run("getfd", fds=[w], fdname="x")
    added = q.run("add-fd", fds=[w], opaque="it")
    assert q.run("query-fdsets")[0]["fds"][0]["opaque"] == "it"
    q.run("query-status", fds=[w]) # nobody wants it: it is closed
    os.close(w)
    os.set_blocking(r, False)
    q.run("closefd", fdname="x")
    fails("GenericError", "not found", q.run, "closefd", fdname="x")
    q.run("remove-fd", fdset_id=added["fdset-id"], fd=added["fd"])
    q.run("query-status")
    assert os.read(r, 1) == b"" # the last copy is closed


def life(child, path):
    q = Qmp(path)
    assert q.run("query-status")["status"] == "prelaunch"
    assert len(q.run("query-cpus-fast")) == 2
    q.run("cont")
    q.wait_event("RESUME")
    assert q.run("query-status") == {"running": True, "singlestep": False, "status": "running"}
    q.run("stop")
    event = q.wait_event("STOP")
    assert abs(event["timestamp"]["seconds"] - time.time()) < 60
    assert q.run("query-status")["status"] == "paused"
    q.run("cont")
    q.wait_event("RESUME")
    q.run("system_reset")
    event = q.wait_event("RESET")
    assert event["data"] == {"guest": False, "reason": "host-qmp-system-reset"}
    assert q.run("query-status")["running"]
    q.run("quit")
    assert q.wait_event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"}
    assert child.wait(30) == 0


def powerdown(child, path):
    """The guest's init powers off when it is asked to; -no-shutdown keeps the process."""
    q = Qmp(path)
    q.run("cont")
    end = time.monotonic() + 60
    while "POWERDOWN" not in [e["event"] for e in q.events]: # until its driver listens
        assert time.monotonic() < end
        q.run("system_powerdown")
        time.sleep(0.1)
    assert q.wait_event("SHUTDOWN")["data"] == {"guest": True, "reason": "guest-shutdown"}
    q.wait_event("STOP")
    assert q.run("query-status") == {"running": False, "singlestep": False, "status": "shutdown"}
    q.run("quit")
    assert child.wait(30) == 0


def many(child, path):
    """DIRECTORY/qmp, qmp1 to qmp49: each has its own session, and all hear what happens."""
    all_of_them = [Qmp(path)] + [Qmp(f"{path}{i}") for i in range(1, 50)]
    all_of_them[17].sock.sendall(b'{"execute":"qu') # half a command disturbs nobody
    all_of_them[3].run("cont")
    for q in all_of_them:
        q.wait_event("RESUME")
    all_of_them[49].run("quit")
    assert child.wait(30) == 0


def ended_by_signal(child, path):
    """libvirt wants to hear of it before the monitor closes."""
    q = Qmp(path)
    child.terminate()
    assert q.wait_event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-signal"}


def main():
    split = sys.argv.index("--")
    test, directory = sys.argv[1:split]
    child = subprocess.Popen(sys.argv[split + 1:], stdin=subprocess.DEVNULL)
    try:
        globals()[test](child, f"{directory}/qmp")
        if child.poll() is None:
            ended_by_signal(child, f"{directory}/qmp")
        assert child.wait(30) == 0
    finally:
        if child.poll() is None:
            child.kill()


main()
