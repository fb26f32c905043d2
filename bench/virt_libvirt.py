"""What libvirt asks of an emulator: its probe of the capabilities, and the start of a domain.

For bench-virt.py, in its namespaces: libvirtd runs, nobody else's.
"""
import os
import re
import shutil
import subprocess
import sys
import time

from benchlib import BenchError, TREE, cpu_seconds

sys.path.insert(0, os.path.join(TREE, "tests/system"))
from qmp import Qmp, QmpError  # noqa: E402

URI = "qemu:///system"
POLL = 0.002  # a log file tells nobody that it has grown

# What libvirt 9.0 asks of -machine none, in its order.
COMMANDS = (
    ("query-version", {}), ("query-target", {}), ("query-qmp-schema", {}), ("query-commands", {}),
    ("query-kvm", {}), ("qom-list-types", {}),
    *(("device-list-properties", {"typename": name}) for name in (
        "virtio-blk-pci", "virtio-net-pci", "virtio-scsi-pci", "vfio-pci", "scsi-hd", "ide-hd",
        "PIIX4_PM", "usb-redir", "usb-storage", "kvm-pit", "VGA", "vmware-svga", "qxl",
        "virtio-gpu-pci", "ICH9-LPC", "virtio-balloon-pci", "intel-iommu", "mch", "nvdimm",
        "pcie-root-port", "usb-host", "virtio-mem-pci", "virtio-iommu-pci")),
    *(("qom-list-properties", {"typename": name}) for name in (
        "memory-backend-file", "memory-backend-memfd", "max-x86_64-cpu")),
    ("query-machines", {}), ("qom-list-properties", {"typename": "none-machine"}),
    ("query-cpu-definitions", {}), ("query-tpm-models", {}), ("query-tpm-types", {}),
    ("query-command-line-options", {}), ("query-migrate-capabilities", {}),
    ("query-sev-capabilities", {}), ("query-sgx-capabilities", {}),
    *(("query-cpu-model-expansion", {"type": kind, "model": {"name": "host"}})
      for kind in ("static", "full")),
)


def virsh(*words):
    done = subprocess.run(["virsh", "-q", "-c", URI, *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise BenchError("virsh %s: %s" % (" ".join(words), done.stderr.strip()))
    return done.stdout


def ask(path):
    qmp = Qmp(path)
    for command, arguments in COMMANDS:
        try:
            qmp.run_exact(command, arguments)
        except QmpError:
            pass  # who has no such device says so, and libvirt takes it for an answer
    return qmp


def probe(emulator, work):
    """Seconds from exec to the last answer, as libvirt runs it; then it is killed, as libvirt does."""
    path, pidfile = os.path.join(work, "qmp.monitor"), os.path.join(work, "qmp.pid")
    start = time.monotonic()
    done = subprocess.run(
        [emulator, "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine",
         "none,accel=kvm:tcg", "-qmp", "unix:%s,server=on,wait=off" % path, "-pidfile", pidfile,
         "-daemonize"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise BenchError("the probe of %s: %s" % (emulator, done.stdout.decode("utf-8", "replace")))
    with open(pidfile, encoding="ascii") as f:
        pid = int(f.read())
    qmp = ask(path)
    seconds, cpu = time.monotonic() - start, cpu_seconds(pid)
    os.kill(pid, 9)
    try:
        while qmp.sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    qmp.close()
    for name in (path, pidfile):
        if os.path.exists(name):
            os.unlink(name)
    return seconds, cpu


def capabilities(emulator, work):
    """Seconds of virsh domcapabilities for an emulator that libvirt has never seen, and then once more."""
    copy = os.path.join(work, "emulator")
    shutil.copy2(emulator, copy)  # libvirt knows a program by its path and its inode's last change
    subprocess.run(["mount", "--bind", copy, emulator], check=True)
    try:
        times = []
        for _ in range(2):
            start = time.monotonic()
            virsh("domcapabilities", "--emulatorbin", emulator, "--machine", "pc", "--virttype", "qemu")
            times.append(time.monotonic() - start)
    finally:
        subprocess.run(["umount", emulator], check=True)
    return times


def domain_xml(name, emulator, console, args):
    return """<domain type='qemu'>
  <name>%s</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>%s</kernel><initrd>%s</initrd><cmdline>console=%s %s</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <devices>
    <emulator>%s</emulator>
    <controller type='usb' model='none'/><memballoon model='none'/>
    <serial type='pty'><log file='%s/%s.console' append='off'/></serial>
    <console type='pty'><target type='serial'/></console>
  </devices>
</domain>
""" % (name, args.kernel, args.initrd, console, args.append, emulator, args.work, name)


def wait_for_guest(log, deadline):
    """The moment when its init spoke."""
    while time.monotonic() < deadline:
        try:
            with open(log, "rb") as f:
                if re.search(rb"guest is up: ", f.read()):
                    return time.monotonic()
        except FileNotFoundError:
            pass
        time.sleep(POLL)
    raise BenchError("the guest of %s does not come up" % log)


def start(name, emulator, console, args):
    """{wall, cpu, destroy}: from virsh start to the guest's init, and of virsh destroy."""
    log = os.path.join(args.work, name + ".console")
    with open(os.path.join(args.work, name + ".xml"), "w", encoding="ascii") as f:
        f.write(domain_xml(name, emulator, console, args))
    if os.path.exists(log):
        os.unlink(log)
    virsh("define", f.name)
    try:
        begin = time.monotonic()
        virsh("start", name)
        started = time.monotonic()
        up = wait_for_guest(log, begin + args.limit)
        with open("/run/libvirt/qemu/%s.pid" % name, encoding="ascii") as f:
            cpu = cpu_seconds(int(f.read()))
        end = time.monotonic()
        virsh("destroy", name)
        return {"init": (up - begin, cpu), "virsh-start": (started - begin, None),
                "destroy": (time.monotonic() - end, None)}
    finally:
        subprocess.run(["virsh", "-q", "-c", URI, "destroy", name], stderr=subprocess.DEVNULL)
        virsh("undefine", name)
