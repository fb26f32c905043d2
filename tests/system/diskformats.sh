#!/bin/sh
# Disks that are not raw: qcow2 on a backing file, vmdk, vhdx, and a snapshot of a raw one.
. "$(dirname "$0")/lib.sh"
command -v qemu-storage-daemon >/dev/null || skip "no qemu-storage-daemon"

sum()
{
    md5sum <"$1" | cut -d' ' -f1
}

head -c 16M /dev/urandom >"$work/a"
qemu-img convert -f raw -O qcow2 "$work/a" "$work/base"
qemu-img create -q -f qcow2 -F qcow2 -b "$work/base" "$work/a.qcow2"
truncate -s 16M "$work/b.want"
qemu-img create -q -f qcow2 "$work/b.qcow2" 16M
head -c 3M /dev/urandom >"$work/c"
qemu-img convert -f raw -O vmdk "$work/c" "$work/c.vmdk"
head -c 4194400 /dev/urandom >"$work/d"
sum_d=$(sum "$work/d")

boot 256 2 "xenner.run=disk" -drive "file=$work/a.qcow2,format=qcow2" -hdb "$work/b.qcow2" \
    -cdrom "$work/c.vmdk" -drive "file=$work/d,format=raw,discard=unmap,snapshot=on,index=3" -d blk -D "$work/log"
expect_status 0
expect_line "disk: good"
[ "$(grep -c "goes by vhost-user" "$work/log")" = 4 ] || fail "not the short way: $(cat "$work/log")"
grep -q "b.qcow2' and probing guessed qcow2" "$work/log" || fail "it does not say what it guessed"
[ "$(grep -c "warning" "$work/log")" = 2 ] && [ ! -s "$work/err" ] || fail "more was said"

seq 600000 | head -c 4000000 | dd of="$work/b.want" conv=notrunc 2>/dev/null
for i in 7 3 31 0; do
    echo "sector $i" | dd of="$work/b.want" bs=512 seek=$i conv=sync,notrunc 2>/dev/null
done
qemu-img compare -q -f raw -F qcow2 "$work/b.want" "$work/b.qcow2" || fail "b is not as written"
qemu-img check -q "$work/b.qcow2" || fail "b is damaged"
expect_line "^xvda: $(sum "$work/a")"
expect_line "^xvdb: $(sum "$work/b.want")"
expect_line "^xvdc: $(sum "$work/c")"
[ "$(sum "$work/d")" = "$sum_d" ] || fail "the snapshot's image was written to"
dd if=/dev/zero of="$work/d" bs=1M seek=1 count=2 conv=notrunc 2>/dev/null
truncate -s 4194816 "$work/d"
expect_line "^xvdd: $(sum "$work/d")"
! ls /var/tmp/xenner-snapshot-* 2>/dev/null || fail "a snapshot's file was left behind"
! pgrep -f "qemu-storage-daemon.*$work" >/dev/null || fail "a qemu-storage-daemon was left behind"

# A disk that nobody uses takes no CPU time: with the guest stopped, nothing does.
ticks()
{
    cut -d' ' -f14,15 "/proc/$pid/stat" | tr ' ' +
}

start_guest unused 128 "" -S -drive "file=$work/b.qcow2,format=qcow2"
before=$(($(ticks)))
sleep 1
used=$(($(ticks) - before))
[ "$used" -lt $(($(getconf CLK_TCK) / 4)) ] || fail "a stopped guest's program used $used ticks in a second"
kill -TERM $pid
wait $pid
guest=
