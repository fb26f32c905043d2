#!/bin/sh
# bootloader=direct: the menu is read on the host, and again at a reboot.
. "$(dirname "$0")/bootdisk-lib.sh"

# set_default ENTRY: a menu, whose first entry reboots, on a disk without partitions
set_default()
{
    write_files "$TEST_KERNEL" 0 <<CFG
set default="$1"
menuentry 'first' --id a { linux /vmlinuz run=version ${TEST_WORDS:-} end=reboot; }
submenu 'more' {
    menuentry 'second' { linux /boot/vmlinuz-test run=misc ${TEST_WORDS:-}; }
    menuentry 'none' { linux /boot/missing; }
}
CFG
}

# A guest that is not started before its disk is another one than at its making.
reboot_disk()
{
    set_default a
    mkfifo "$work/commands"
    "$XENNER" -accel "$ACCEL" -m 64 -drive "file=$work/disk,format=raw" -machine bootloader=direct -S \
        -display none -serial "file:$work/console" -monitor stdio -d blk -D "$work/log" "$@" \
        <"$work/commands" >"$work/out" 2>"$work/err" &
    pid=$! guest=$!
    exec 3>"$work/commands"
    until_true "no monitor" "grep -q '(qemu)' '$work/out'"
    set_default 'more>second'
    echo cont >&3
    wait_guest
    exec 3>&-
    mv "$work/console" "$work/out"
    rm "$work/commands"
    expect_status 0
    expect_line "group version"
    expect_line "group misc"
    ! grep "^not ok" "$work/out" || fail "the lines above"
    [ ! -s "$work/err" ] || fail "a warning"
}

reboot_disk
if [ "$ACCEL" = xen ]; then
    [ "$(grep -c "vbd xvda is served by the kernel" "$work/log")" = 2 ] || fail "not the kernel's disk"
    [ -z "$(losetup -a)" ] || fail "a loop device is left behind"
elif [ "$(id -u)" = 0 ]; then
    mkdir "$work/root"
    chmod 755 "$work"
    reboot_disk -runas 65534:65534 -chroot "$work/root"
fi
