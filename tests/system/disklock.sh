#!/bin/sh
# An image is open for writing once: QEMU's programs refuse what xenner has, and the reverse.
. "$(dirname "$0")/lib.sh"
command -v qemu-io >/dev/null || skip "no qemu-io"
truncate -s 1M "$work/img"
mkfifo "$work/fifo"

# expect_refused COMMAND...: fails with QEMU's words for a lock
expect_refused()
{
    if "$@" >"$work/out" 2>"$work/err" </dev/null; then
        fail "not refused: $*"
    fi
    grep -q 'Failed to get .*lock' "$work/err" || fail "no word of a lock: $*"
    grep -q 'Is another process using the image' "$work/err" || fail "no hint: $*"
}

# A stopped xenner that has the image with these options; it tells with its pidfile that it is ready.
start()
{
    rm -f "$work/pid"
    "$XENNER" -accel "$ACCEL" -S -m 64 -kernel "$TEST_KERNEL" -display none -serial null -daemonize \
        -pidfile "$work/pid" -drive "file=$work/img,format=raw,$1" || fail "no start with $1"
    pid=$(cat "$work/pid")
}

stop()
{
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

another()
{
    "$XENNER" -accel "$ACCEL" -m 64 -kernel "$TEST_KERNEL" -serial null -drive "file=$work/img,format=raw,$1"
}

qemu()
{
    qemu-system-x86_64 -accel tcg -S -nodefaults -display none "$@"
}

start readonly=off
expect_refused qemu-io -f raw -c 'write 0 512' "$work/img"
expect_refused qemu -drive "file=$work/img,format=raw,if=virtio"
expect_refused qemu -drive "file=$work/img,format=raw,if=virtio,readonly=on"
expect_refused another readonly=off
[ "$(wc -l <"$work/err")" = 1 ] || fail "more than one line"
expect_refused another readonly=on
stop
qemu-io -f raw -c 'write 0 512' "$work/img" >/dev/null || fail "still locked"

start readonly=on
qemu-io -f raw -r -c 'read 0 512' "$work/img" >/dev/null || fail "two can't read"
expect_refused qemu-io -f raw -c 'write 0 512' "$work/img"
expect_refused another readonly=off
stop

# QEMU has it
qemu-io -f raw "$work/img" <"$work/fifo" >"$work/io" 2>&1 &
exec 8>"$work/fifo"
echo 'length' >&8
tries=0
until grep -q 1 "$work/io"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || fail "qemu-io does not answer"
    sleep 0.1
done
expect_refused another readonly=off
exec 8>&-
wait $!
start readonly=off
stop
