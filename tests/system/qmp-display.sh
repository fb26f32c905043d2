#!/bin/sh
# The screen, keys, the pointer and VNC, as programs use them over QMP.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip "no python3"

"$timeout" -k 5 "$TEST_TIMEOUT" python3 "$(dirname "$0")/qmp-display.py" "$work" -- \
    "$XENNER" -accel "$ACCEL" -name display -m 192 -smp 2 -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=tty0 console=hvc0 quiet xenner.run=screen xenner.end=halt" -no-shutdown -nographic \
    -device VGA,id=video0 -vnc "unix:$work/vnc,password=on" -qmp "unix:$work/qmp,server=on,wait=off" \
    >"$work/out" 2>"$work/err" || fail "qmp-display.py"
expect_no_children display
exit 0
