#!/bin/sh
# Without -kernel GRUB's width is that of the kernel which is on the disk; bootloader= has the last word, and direct
# needs no GRUB.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
for width in i386 x86_64; do
    [ -e "/usr/lib/grub-xen/grub-$width-xen.bin" ] || skip "no GRUB for $width"
done
[ -e "$TEST_KERNEL32" ] || skip "no test kernel of 32 bits"

# write_part KERNEL: the first partition, with that kernel and, from stdin, grub.cfg; the rest of the disk stays
write_part()
{
    rm -rf "$work/tree" "$work/part"
    mkdir -p "$work/tree/boot/grub"
    cp "$1" "$work/tree/boot/vmlinuz-test"
    ln -s boot/vmlinuz-test "$work/tree/vmlinuz"
    cat >"$work/tree/boot/grub/grub.cfg"
    mke2fs -q -t ext4 -d "$work/tree" "$work/part" 8M 2>/dev/null
    dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=notrunc 2>/dev/null
}

# make_disk KERNEL [COMMAND]: a disk with one partition, which GRUB starts the kernel from, or does that command; it powers
# off without a kernel
make_disk()
{
    rm -f "$work/disk"
    truncate -s 9M "$work/disk"
    printf 'start=2048, type=83, bootable\n' | sfdisk -q "$work/disk"
    write_part "$1" <<CFG
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

# set_default N: a menu, whose first entry reboots
set_default()
{
    write_part "$TEST_KERNEL" <<CFG
set default="$1"
menuentry 'first' --id a { linux /vmlinuz run=version end=reboot; }
submenu 'more' {
    menuentry 'second' { linux /boot/vmlinuz-test run=misc; }
    menuentry 'none' { linux /boot/missing; }
}
CFG
}

# A guest that is not started before its disk is another one than at its making.
reboot_disk()
{
    mkfifo "$work/commands"
    "$XENNER" -accel "$ACCEL" -m 64 -drive "file=$work/disk,format=raw" -machine bootloader=direct -S \
        -display none -serial "file:$work/console" -monitor stdio "$@" \
        <"$work/commands" >"$work/out" 2>"$work/err" &
    pid=$! guest=$!
    exec 3>"$work/commands"
    until_true "no monitor" "grep -q '(qemu)' '$work/out'"
    set_default 'more>second'
    echo cont >&3
    status=0
    wait $pid || status=$?
    guest=
    exec 3>&-
    mv "$work/console" "$work/out"
    rm "$work/commands"
    expect_status 0
    expect_line "group version"
    expect_line "group misc"
    [ ! -s "$work/err" ] || fail "a warning"
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

# Without GRUB: the menu is read on the host, and again at a reboot.
make_disk "$TEST_KERNEL"
set_default a
reboot_disk
if [ "$(id -u)" = 0 ]; then
    set_default a
    mkdir "$work/root"
    chmod 755 "$work"
    reboot_disk -runas 65534:65534 -chroot "$work/root"
fi
