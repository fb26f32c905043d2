#!/bin/sh
# Without -kernel GRUB's width is that of the kernel which is on the disk; bootloader= has the last word, and direct
# needs no GRUB (direct.sh). Without a menu's entry GRUB starts the kernel itself (handover.sh).
. "$(dirname "$0")/bootdisk-lib.sh"
for width in i386 x86_64; do
    [ -e "/usr/lib/grub-xen/grub-$width-xen.bin" ] || skip "no GRUB for $width"
done
[ -e "$TEST_KERNEL32" ] || skip "no test kernel of 32 bits"

# make_disk KERNEL [COMMAND]: a disk with one partition, which GRUB starts the kernel from, or does that command; it powers
# off without a kernel
make_disk()
{
    rm -f "$work/disk"
    truncate -s 9M "$work/disk"
    printf 'start=2048, type=83, bootable\n' | sfdisk -q "$work/disk"
    write_files "$1" 1 <<CFG
${2-}
linux /vmlinuz run=version
boot
halt
CFG
}

run_disk()
{
    run_xenner -m 64 -drive "file=$work/disk,format=raw" -nographic "$@"
    expect_status 0
}

make_disk "$TEST_KERNEL32"
run_disk
expect_line "^1\.\.[0-9]"
! grep -q "^not ok" "$work/out" || fail "the kernel of 32 bits is not well"
run_disk -sandbox on,spawn=deny -machine bootloader=direct
expect_line "^1\.\.[0-9]"
[ ! -s "$work/err" ] || fail "a warning"
run_disk -machine bootloader=x86_64
! grep -q "^1\.\." "$work/out" || fail "GRUB of 64 bits started a kernel of 32"
make_disk "$TEST_KERNEL"
run_disk -snapshot -machine bootloader=direct
expect_line "^1\.\.[0-9]"
grep -q "bootloader=direct: .*raw disk; the boot loader is started instead" "$work/err" || fail "no warning"
run_disk -machine bootloader=i386
! grep -q "^1\.\." "$work/out" || fail "GRUB of 32 bits started a kernel of 64"

# Two disks that could be started: the second one says more, and has the lower bootindex.
mv "$work/disk" "$work/second"
make_disk "$TEST_KERNEL" halt
boots()
{
    first=$1 second=$2
    shift 2
    run_disk_pair -device "xen-disk,drive=a,bootindex=$first" -device "xen-disk,drive=b,bootindex=$second" "$@"
}
run_disk_pair()
{
    run_xenner -m 64 -drive "file=$work/disk,format=raw,if=none,id=a" \
        -drive "file=$work/second,format=raw,if=none,id=b" -nographic "$@"
    expect_status 0
}
boots 2 1
expect_line "^1\.\.[0-9]"
boots 1 2
! grep -q "^1\.\." "$work/out" || fail "GRUB does not begin with the lowest bootindex"
boots 2 1 -machine bootloader=direct
expect_line "^1\.\.[0-9]"
[ ! -s "$work/err" ] || fail "bootloader=direct does not begin with the lowest bootindex"
