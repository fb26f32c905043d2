#!/bin/sh
# check.sh BUILD [ARGUMENTS of meson test]: the tests; then what was skipped and why, and one line with the counts.
set -eu
build=$1
shift
status=0
meson test -C "$build" --print-errorlogs --no-rebuild "$@" </dev/null || status=$?
/usr/bin/python3 - "$build/meson-logs/testlog.json" <<'PY'
import json, sys

passed = failed = skipped = 0
for line in open(sys.argv[1]):
    test = json.loads(line)
    if test["result"] == "SKIP":
        skipped += 1
        reason = [l for l in (test.get("stdout") or "").splitlines() if l.strip()]
        print("skipped: %s: %s" % (test["name"], reason[-1] if reason else "no reason given"))
    elif test["result"] in ("OK", "EXPECTEDFAIL"):
        passed += 1
    else:
        failed += 1
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
PY
exit $status
