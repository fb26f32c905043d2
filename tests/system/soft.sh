#!/bin/sh
# Asking the guest: signals with and without soft-quit, control/shutdown, control/sysrq.
. "$(dirname "$0")/lib.sh"
serial=file:$work/out
said="was asked to power off; the next signal"
grub=/usr/lib/grub-xen/grub-x86_64-xen.bin # knows nothing of control/shutdown

console_says()
{
    grep -q -- "$1" "$work/out"
}

# the default is QEMU's: a signal ends the guest at once
start_guest plain 128 ""
until_true "no boot" "console_says 'guest is up'"
kill -TERM $pid
end_guest
expect_status 0
! console_says "reboot: " || fail "the guest was asked"

# a signal before the guest's drivers are up waits for them; -no-shutdown does not keep us
signals="TERM INT HUP"
[ "$ACCEL" != xen ] || signals=TERM # one way to the guest; boots are slow there
for sig in $signals; do
    start_guest soft 128 "" -machine soft-quit=on -no-shutdown
    [ $sig = TERM ] || until_true "no boot" "console_says 'guest is up'"
    kill -$sig $pid
    end_guest
    expect_status 0
    grep -q "$said" "$work/err" || fail "$sig: the guest was not asked"
    console_says "reboot: " || fail "$sig: the guest did not power off"
    [ $sig != TERM ] || [ "$(grep -c 'Linux version' "$work/out")" = 1 ] || fail "it booted twice"
done

# while it stands still there is nobody to ask
start_guest paused 128 "" -machine soft-quit=on -S
kill -TERM $pid
end_guest
expect_status 0
! grep -q "$said" "$work/err" || fail "a paused guest was asked"

if [ -e $grub ]; then
    linux=$KERNEL KERNEL=$grub
    start_guest deaf 128 "" -machine soft-quit=on
    kill -TERM $pid
    until_true "no message" "grep -q '$said' '$work/err'"
    kill -TERM $pid
    end_guest
    expect_status 0
    start_guest deaf 128 "" -machine soft-quit=1
    kill -TERM $pid
    end_guest
    expect_status 0
    grep -q "did not power off in 1 s and did not take the request" "$work/err" || fail "no warning"
    KERNEL=$linux
fi

command -v xenstore-write >/dev/null || skip "the rest needs xenstore-write (xenstore-utils)"
start_guest nodes 128 ""
use_store
control=$store/control
until_true "no boot" "console_says 'guest is up'"
xenstore-write $control/sysrq s
until_true "no sysrq" "console_says 'sysrq: Emergency Sync'"
until_true "sysrq is not taken" "[ -z \"\$(xenstore-read $control/sysrq | tr -d '\\\\000')\" ]"
xenstore-write $control/shutdown reboot
until_true "no reboot" "[ \$(grep -c 'guest is up' '$work/out') = 2 ]"
xenstore-write $control/shutdown halt
end_guest
expect_status 0
