#!/bin/sh
# -sandbox, -runas and -chroot: in force while the guest runs, and a reboot works under all of them.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
deny=on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
user=$(id -u nobody):$(id -g nobody)

# of the process $1, or of all of its threads: the line of status
line()
{
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# Every process of the guest but the test's own: xenner, its helper, QEMU.
family()
{
    echo "$pid"
    for p in $(pgrep -P "$pid"); do
        echo "$p"
        pgrep -P "$p"
    done
}

rebooted()
{
    [ "$(grep -c 'This is a shell' "$work/console")" = "$1" ]
}

# with OPTIONS...: a guest that boots twice; between, what $check looks at
with()
{
    rm -f "$work/console" "$work/qmp"
    serial=file:$work/console
    start_guest confined 128 "" -qmp "unix:$work/qmp,server=on,wait=off" -display none "$@"
    until_true "no shell" "rebooted 1"
    $check
    "$timeout" 60 python3 - "$(dirname "$0")" "$work/qmp" <<END || fail "reset: $*"
import sys
sys.path.insert(0, sys.argv[1])
from qmp import Qmp
q = Qmp(sys.argv[2])
q.run("system_reset")
q.wait_event("RESET")
END
    until_true "no second boot: $*" "rebooted 2"
    $check
    kill $pid
    wait_guest
    expect_status 0
    expect_no_children confined
    [ ! -s "$work/err" ] || fail "messages"
}

filtered()
{
    for t in /proc/"$pid"/task/*; do
        [ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$t/status")" = 2 ] || fail "$t has no filter"
    done
    if [ "$ACCEL" = tcg ]; then
        qemu=$(pgrep -f "name xenner-confined,")
        [ "$(line "$qemu" Seccomp)" = 2 ] || fail "QEMU has no filter"
    fi
}

no_root()
{
    for p in $(family); do
        [ "$(line "$p" Uid | tr -s '\t ' ' ')" = "${user%:*} ${user%:*} ${user%:*} ${user%:*}" ] ||
            fail "$(cat "/proc/$p/comm") runs as $(line "$p" Uid)"
        [ "$(line "$p" CapEff)" = 0000000000000000 ] || fail "$(cat "/proc/$p/comm") has capabilities"
    done
}

jailed()
{
    filtered
    no_root
    [ "$(readlink "/proc/$pid/root")" = "$work/jail" ] || fail "not in its root"
}

mkdir "$work/jail"
chmod 755 "$work"
check=filtered
with -sandbox $deny
check=true
with -sandbox on,elevateprivileges=children
[ ! -e "$guest_dir" ] || fail "$guest_dir was left behind"
check=no_root
qemu-img create -q -f qcow2 "$work/own.qcow2" 16M
cp "$work/own.qcow2" "$work/root.qcow2"
chown nobody "$work/own.qcow2"
chmod 600 "$work"/*.qcow2
with -runas "$user" -drive "file=$work/own.qcow2,format=qcow2"
check=jailed
with -runas nobody -chroot "$work/jail" -sandbox $deny

# Nothing keeps root's rights for an image that is not the user's.
run_xenner -S -m 64 -kernel "$TEST_KERNEL" -runas "$user" -drive "file=$work/root.qcow2,format=qcow2"
expect_status 1
grep -q "rights of -runas's user: Could not open .*: Permission denied" "$work/err" ||
    fail "no complaint of an image of root's"

run_xenner -runas nosuchuser
expect_status 1
grep -q "neither the name of a user nor UID:GID" "$work/err" || fail "no complaint of -runas"
run_xenner -machine none -chroot "$work/none" -display none -serial none -monitor none
expect_status 1
grep -q "chroot $work/none: No such file" "$work/err" || fail "no complaint of -chroot"
run_xenner -sandbox on,spawn=perhaps
expect_status 1
grep -q "spawn=perhaps: 'allow' or 'deny'" "$work/err" || fail "no complaint of -sandbox"
exit 0
