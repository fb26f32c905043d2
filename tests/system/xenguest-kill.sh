#!/bin/sh
# kill -9 of the manager at 30 points of create: the guest is there whole, or the next try makes it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xenguest-lib.sh"
POINTS=30
: >"$work/ramdisk"
make_root_tar
head -c 20000000 /dev/urandom >"$work/tree/data"
tar -C "$work/tree" -cf "$work/root.tar.xz.plain" . && xz -0 <"$work/root.tar.xz.plain" >"$work/root.tar.xz"
make_image "$work/k.xenguest"
export XENGUEST_DISK_FORMAT=qcow2
disk=$work/root/var/lib/xenguest/k.qcow2

now_ms()
{
    echo $(($(date +%s%N) / 1000000))
}

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

# how long it takes when nothing is slow for the first time
all=100000
for i in 1 2 3; do
    start=$(now_ms)
    manager create "$work/k.xenguest"
    took=$(($(now_ms) - start))
    [ $took -gt $all ] || all=$took
    check_whole "not killed"
    manager remove k
    expect_nothing_left
done

cut=0 whole=0
for i in $(seq 1 $POINTS); do
    "$MANAGER" create "$work/k.xenguest" 2>/dev/null &
    pid=$!
    sleep "$(echo "$all $i $POINTS" | awk '{ printf "%.3f", $1 * $2 / ($3 * 1000) }')"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    manager list
    if [ -s "$work/said" ]; then
        whole=$((whole + 1))
    else
        cut=$((cut + 1))
        manager create "$work/k.xenguest"
    fi
    check_whole "killed at $((all * i / POINTS)) ms"
    manager remove k
    expect_nothing_left
done
echo "create takes $all ms; of $POINTS kills $cut cut it short"
[ $cut -ge $((POINTS / 2)) ] || fail "too few kills were in the middle: $cut"
