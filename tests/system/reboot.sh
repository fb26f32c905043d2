#!/bin/sh
# A guest that reboots starts again from the beginning; the second time it is told to stay down.
. "$(dirname "$0")/lib.sh"
"$XENNER" -accel "$ACCEL" -name reboot -m 128 -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=hvc0 xenner.demo xenner.end=reboot" -serial "file:$work/out" \
    </dev/null 2>"$work/err" &
pid=$!
tries=0
until [ "$(grep -c 'guest is up' "$work/out" 2>/dev/null)" -ge 2 ]; do
    kill -0 $pid 2>/dev/null || fail "xenner ended"
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { kill -9 $pid; fail "no second boot"; }
    sleep 0.1
done
kill -TERM $pid
wait_guest
expect_status 0
expect_no_children reboot
