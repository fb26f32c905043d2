"""What the benchmarks share: a process tree's CPU time, medians, and tables in Markdown."""
import os
import signal
import statistics

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CPU = "max,smap=off,smep=off,pku=off,la57=off,erms=off"  # as xenner's tcg engine has it
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    pass


def process_tree(root):
    """root and what it started, directly or not."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def stat_fields(pid):
    """/proc/PID/stat behind the name, which may hold anything: state, ppid, ..."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def cpu_seconds(root):
    total = 0
    for pid in process_tree(root):
        fields = stat_fields(pid)
        if fields:
            total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def number(value):
    return "-" if value is None else "%.*f" % (1 if value >= 100 else 2, value)


def quotient(a, b):
    return a / b if a is not None and b else None


def median(values):
    return statistics.median(values) if values else None


def markdown(lines):
    """lines[0] has the heads. docs/performance.md can hold it as printed."""
    widths = [max(len(l[i]) for l in lines) for i in range(len(lines[0]))]
    for i, l in enumerate(lines):
        print("| " + " | ".join(c.ljust(w) if not j else c.rjust(w)
                                for j, (c, w) in enumerate(zip(l, widths))) + " |")
        if i == 0:
            print("|" + "|".join("-" * (w + 1) + (":" if j else "-")
                                 for j, w in enumerate(widths)) + "|")


def interrupted(signum, frame):
    raise KeyboardInterrupt


def catch_signals():
    for signum in (signal.SIGINT, signal.SIGTERM):  # also where the shell ignores the first
        signal.signal(signum, interrupted)
