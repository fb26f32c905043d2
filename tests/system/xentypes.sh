#!/bin/sh
# What only a Xen host runs: a PVH guest with a console and a disk, and an HVM guest whose firmware starts what is
# on a disk's first sector.
. "$(dirname "$0")/lib.sh"
[ "$ACCEL" = xen ] || skip "for Xen hosts"

# the kernel says what it was started as
truncate -s 16M "$work/disk"
boot 128 1 xenner.demo -machine xenpvh -drive "file=$work/disk,format=raw"
expect_status 0
expect_line "Booting kernel on Xen PVH"
expect_line "blkfront: xvda:"
expect_line "xenner: guest is up"

# 16-bit code: "HVM" to the first serial port, and ACPI's power-off
{
    printf '\061\300\216\330\374\276\035\174\254\204\300\164\006\272\370\003\356\353\365'
    printf '\272\004\260\270\000\040\357\364\353\375an HVM guest\r\n\000'
} >"$work/boot"
truncate -s 510 "$work/boot"
printf '\125\252' >>"$work/boot"
truncate -s 1M "$work/boot"
run_xenner -machine xenfv -m 32 -vga none -vnc "unix:$work/vnc" -drive "file=$work/boot,format=raw" -nographic
expect_status 0
expect_line "an HVM guest"
[ ! -e "$work/vnc" ] || fail "VNC's socket is left behind"
