#!/bin/sh
# grub.sh x86_64|i386: GRUB's PV image comes to its prompt, takes keys, and powers off or reboots.
. "$(dirname "$0")/lib.sh"
image=/usr/lib/grub-xen/grub-$1-xen.bin
[ -e "$image" ] || skip "$image is not installed"

# grub WORDS STATUS [options]: types WORDS
grub()
{
    words=$1 want=$2
    shift 2
    status=0
    printf '%s\r' "$words" | "$timeout" -k 5 "$TEST_TIMEOUT" "$XENNER" -accel "$ACCEL" -m 64 \
        -kernel "$image" -nographic "$@" >"$work/out" 2>"$work/err" || status=$?
    grep -aq "grub>" "$work/out" || fail "no prompt"
    expect_status "$want"
}

grub halt 0
grub reboot 3 -no-reboot
grub halt 0 -m 16
