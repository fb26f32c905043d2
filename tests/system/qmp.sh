#!/bin/sh
# QMP over sockets: a session, bad input, the schema, descriptors, a guest's life, 50 monitors.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip "no python3"

# talk TEST OPTIONS...
talk()
{
    test=$1
    shift
    rm -f "$work"/qmp*
    "$timeout" "$TEST_TIMEOUT" python3 "$(dirname "$0")/qmp-client.py" "$test" "$work" -- \
        "$XENNER" -accel "$ACCEL" -S -nodefaults -display none \
        -qmp "unix:$work/qmp,server=on,wait=off" "$@" >"$work/out" 2>"$work/err" || fail "$test"
}

tests="session bad_input queries descriptors"
[ "$ACCEL" != xen ] || tests=session # the others know nothing of a domain
for test in $tests; do
    talk $test -machine none
done
many= others=49
[ "$ACCEL" != xen ] || others=0
[ $others = 0 ] || ! command -v qemu-storage-daemon >/dev/null || talk creation -machine none
[ $others = 0 ] || talk arguments -machine none -qmp "unix:$work/qmp1,server=on,wait=off"
for i in $(seq $others); do
    many="$many -qmp unix:$work/qmp$i,server=on,wait=off"
done
# shellcheck disable=SC2086
[ $others = 0 ] || talk many -machine none $many
set -- -m 128 -smp 2 -kernel "$KERNEL" -initrd "$INITRD" -append console=hvc0 -serial null
talk life "$@"
talk powerdown "$@" -no-shutdown
exit 0
