#!/bin/sh
# The guest's framebuffer and keyboard over VNC, with clients that do not behave.
. "$(dirname "$0")/lib.sh"

status=0
"$timeout" -k 5 "$TEST_TIMEOUT" python3 "$(dirname "$0")/vnc.py" "$work/vnc" \
    "$XENNER" -accel "$ACCEL" -name vnc -m 192 -smp 2 -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=tty0 console=hvc0 quiet xenner.run=screen xenner.end=halt" -no-shutdown -nographic \
    -vnc "unix:$work/vnc" >"$work/out" 2>"$work/err" || status=$?
expect_status 0
[ ! -s "$work/err" ] || fail "messages"
expect_no_children vnc
