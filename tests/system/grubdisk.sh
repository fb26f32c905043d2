#!/bin/sh
# Without -kernel GRUB's width is that of the kernel which is on the disk; bootloader= has the last word.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
for width in i386 x86_64; do
    [ -e "/usr/lib/grub-xen/grub-$width-xen.bin" ] || skip "no GRUB for $width"
done
[ -e "$TEST_KERNEL32" ] || skip "no test kernel of 32 bits"

# make_disk KERNEL [COMMAND]: a disk with one partition, which GRUB starts the kernel from, or does that command; it powers
# off without a kernel
make_disk()
{
    rm -rf "$work/tree" "$work/disk"
    mkdir -p "$work/tree/boot/grub"
    cp "$1" "$work/tree/boot/vmlinuz-test"
    ln -s boot/vmlinuz-test "$work/tree/vmlinuz"
    cat >"$work/tree/boot/grub/grub.cfg" <<END
${2-}
linux /vmlinuz run=version
boot
halt
END
    mke2fs -q -t ext4 -d "$work/tree" "$work/part" 8M 2>/dev/null
    truncate -s 9M "$work/disk"
    printf 'start=2048, type=83, bootable\n' | sfdisk -q "$work/disk"
    dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=notrunc 2>/dev/null
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
run_disk -sandbox on,spawn=deny
expect_line "^1\.\.[0-9]"
run_disk -machine bootloader=x86_64
! grep -q "^1\.\." "$work/out" || fail "GRUB of 64 bits started a kernel of 32"
make_disk "$TEST_KERNEL"
run_disk
expect_line "^1\.\.[0-9]"
run_disk -machine bootloader=i386
! grep -q "^1\.\." "$work/out" || fail "GRUB of 32 bits started a kernel of 64"

# Two disks that could be started: the second one says more, and has the lower bootindex.
mv "$work/disk" "$work/second"
make_disk "$TEST_KERNEL" halt
boots()
{
    run_disk_pair -device "xen-disk,drive=a,bootindex=$1" -device "xen-disk,drive=b,bootindex=$2"
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
