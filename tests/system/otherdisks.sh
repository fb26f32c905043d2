#!/bin/sh
# Disks that were unplugged, or have a snapshot over them: what is read without the boot loader would be something else.
. "$(dirname "$0")/bootdisk-lib.sh"
. "$(dirname "$0")/ask-lib.sh"
[ -e /usr/lib/grub-xen/grub-x86_64-xen.bin ] || skip "no GRUB"
mkfifo "$work/in"

# begin OPTIONS...: two disks, a menu on the first; until the guest has ended for the first time
begin()
{
    write_files "$TEST_KERNEL" 0 <<'CFG'
set timeout=0
menuentry 'one' { linux /vmlinuz run=version; }
CFG
    truncate -s 1M "$work/two"
    "$XENNER" -accel "$ACCEL" -m 64 -drive "file=$work/disk,format=raw,id=one" \
        -drive "file=$work/two,format=raw,if=none,id=two" -device virtio-blk-pci,drive=two,id=second \
        -d domain -serial "file:$work/console" -no-shutdown -display none -qmp stdio "$@" \
        <"$work/in" >"$work/out" 2>"$work/err" &
    pid=$! guest=$!
    exec 3>"$work/in"
    asked=0
    ask qmp_capabilities return
    until_true "no end of the guest" "grep -q SHUTDOWN $work/out"
}

# again: once more
again()
{
    ask system_reset return
    ask cont return
    until_true "no second end of the guest" "[ \$(grep -c '\"SHUTDOWN\"' $work/out) = 2 ]"
    [ "$(grep -c "group version" "$work/console")" = 2 ] || fail "not two starts"
}

end()
{
    ask quit return
    exec 3>&-
    wait_guest
    expect_status 0
}

# opened FILE: any process has it open
opened()
{
    find /proc/[0-9]*/fd -lname "$1" 2>/dev/null | grep -q .
}

# taken TIMES: the hand-over from GRUB
taken()
{
    n=$(grep -c "entry 'one' is started without the boot loader" "$work/err") || :
    [ "$n" = "$1" ] || fail "GRUB handed over $n times, not $1"
}

begin
again
taken 2
end

begin
opened "$work/two" || fail "nobody has the second disk open"
ask device_del '{"id": "second"}' return
again
taken 1
! opened "$work/two" || fail "the disk that was unplugged is open"
end

if command -v qemu-storage-daemon >/dev/null; then
    begin
    ask blockdev-snapshot-sync "{\"device\": \"one\", \"snapshot-file\": \"$work/over\"}" return
    again
    taken 1
    end
fi

begin -machine bootloader=direct
ask device_del '{"id": "second"}' return
again
grep -q "warning: .*the guest's disks are others than at the start" "$work/err" || fail "no warning"
grep -q GRUB "$work/console" || fail "the boot loader was not started"
end
