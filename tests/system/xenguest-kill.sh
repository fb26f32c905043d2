#!/bin/sh
# kill -9 of the manager at 30 points of create, and at 10 of remove: the guest is there whole, or nothing of
# it stays once the next command has looked.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xenguest-lib.sh"
: "${KILLAT:?}"
: >"$work/ramdisk"
make_root_tar
head -c 100000 /dev/urandom >"$work/tree/data"
tar -C "$work/tree" -c . | xz -0 >"$work/root.tar.xz"
make_image "$work/k.xenguest"
export XENGUEST_DISK_FORMAT=qcow2
disk=$work/root/var/lib/xenguest/k.qcow2

# Whole: its disk is as the image says.
check_whole()
{
    qemu-img convert -O raw "$disk" "$work/raw" || fail "$1: no disk"
    e2fsck -fn "$work/raw?offset=1048576" >"$work/fsck" 2>&1 || fail "$1: fsck: $(cat "$work/fsck")"
    debugfs -R 'cat /data' "$work/raw?offset=1048576" 2>/dev/null | cmp -s - "$work/tree/data" ||
        fail "$1: the guest's data are not those of the image"
    [ -s "$work/root/etc/xenguest/guests/k/guest.cfg" ] || fail "$1: no guest.cfg"
    [ "$(ls -A "$work/root/var/lib/xenguest")" = k.qcow2 ] || fail "$1: $(ls -A "$work/root/var/lib/xenguest")"
}

# points ARGUMENTS: how many the command has
points()
{
    count=$("$KILLAT" 0 "$MANAGER" "$@") || {
        [ $? != 77 ] || skip "no process can be traced here"
        fail "killat"
    }
}

# kill_at POINT ARGUMENTS
kill_at()
{
    at=$1
    shift
    "$KILLAT" "$at" "$MANAGER" "$@" >"$work/out" 2>"$work/err" || fail "$1: ended before point $at"
}

# the first create makes directories that stay
manager create "$work/k.xenguest"
manager remove k
points create "$work/k.xenguest"
creates=$count
check_whole "not killed"
points remove k
removes=$count
expect_nothing_left
[ "$creates" -ge 60 ] || fail "create has only $creates points"

cut=0
for i in $(seq 1 30); do
    # 18 all over it, 12 at its end, where the guest gets its name
    at=$((1 + creates * (i - 1) / 18))
    [ $i -le 18 ] || at=$((creates - 2 * (30 - i)))
    kill_at $at create "$work/k.xenguest"
    manager list
    if [ ! -s "$work/said" ]; then
        cut=$((cut + 1))
        manager create "$work/k.xenguest"
    fi
    check_whole "create killed at $at of $creates"
    manager remove k
    expect_nothing_left
done
[ $cut -ge 18 ] && [ $cut -lt 29 ] || fail "$cut of 30 kills left no guest"

for i in $(seq 1 10); do
    manager create "$work/k.xenguest"
    at=$((1 + (removes - 2) * (i - 1) / 9))
    kill_at $at remove k
    manager list
    if [ -s "$work/said" ]; then
        check_whole "remove killed at $at of $removes"
    else
        manager create "$work/k.xenguest" # sweeps
    fi
    manager remove k
    expect_nothing_left
done
echo "killed at 30 of $creates points of create and 10 of $removes of remove; $cut of 30 creates left nothing"
