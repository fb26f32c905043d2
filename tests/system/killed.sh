#!/bin/sh
# Nothing is left when either process is killed, or when xenner gets a signal while it starts.
. "$(dirname "$0")/lib.sh"
[ "$ACCEL" = tcg ] || skip "only the tcg engine has a second process"

start()
{
    "$XENNER" -accel tcg -name "$1" -m 128 -kernel "$KERNEL" -initrd "$INITRD" \
        -append "console=hvc0" -serial "file:$work/out" </dev/null 2>"$work/err" &
    pid=$!
    tries=0
    until grep -q 'guest is up' "$work/out" 2>/dev/null; do
        kill -0 $pid 2>/dev/null || fail "xenner ended"
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { kill -9 $pid; fail "no boot"; }
        sleep 0.1
    done
}

start killed1
kill -9 $pid
wait $pid 2>/dev/null
tries=0
while pgrep -f "name xenner-killed1," >/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 50 ] || fail "QEMU outlived xenner"
    sleep 0.1
done

rm "$work/out"
start killed2
pkill -9 -f "name xenner-killed2," || fail "there is no QEMU process"
wait_guest
expect_status 1
grep -q "QEMU process was killed" "$work/err" || fail "the message does not say what happened"

# Of the points of a start and an end each second one: what is before a change is after the one before it.
set -- "$XENNER" -accel tcg -name early -m 64 -kernel "$TEST_KERNEL" -append run=version -display none -serial null
points=$("$KILLAT" 0 "$@") || { [ $? = 77 ] && skip "tracing is not possible here"; fail "early"; }
[ "$points" -gt 10 ] || fail "xenner makes nothing"
for n in $(seq 2 2 "$points"); do
    "$KILLAT" -t "$n" "$@" >"$work/out" 2>&1 || fail "early: no point $n of $points"
    [ -z "$(ls "$XENNER_RUNTIME_DIR")" ] || fail "early: at point $n something was left behind"
done
expect_no_children early
