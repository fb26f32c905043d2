#!/bin/sh
# A whole Debian on its own disk, by way of GRUB alone, which starts its kernel itself: login on the console, network by
# DHCP, files that outlive a reboot, power-off, and a file system that fsck finds clean.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
: "${TEST_TIMEOUT:=120}"
[ -e "${DEBIAN:=}" ] || skip "no disk image with Debian: make build/assets/debian.img, as root"
cp --sparse=always "$DEBIAN" "$work/disk"

prompt="root@xenner:~# "
file='seq 200000 >/root/numbers; sync; md5sum </root/numbers'
sum=$(seq 200000 | md5sum | cut -d' ' -f1)
status=0
TEST_TIMEOUT=$((TEST_TIMEOUT * 2)) python3 "$(dirname "$0")/chat.py" "$work/sock" \
    "xenner login: " "root" "Password: " "xenner" \
    "$prompt" 'until ip -4 -br addr | grep -q 10.0; do sleep 1; done; ip -4 -br addr' \
    "10.0.2.15/24" "" "$prompt" "$file" "$sum" "" "$prompt" "reboot" \
    "xenner login: " "root" "Password: " "xenner" \
    "$prompt" "md5sum </root/numbers" "$sum" "" \
    "$prompt" 'systemctl --failed --no-legend | wc -l | sed s/^/failed=/' "failed=0" "" \
    "$prompt" "poweroff" "@end" \
    -- "$XENNER" -accel "$ACCEL" -machine bootloader=x86_64 -name debian -m 512 -smp 2 -drive "file=$work/disk,format=raw" \
    -nic user -serial "unix:$work/sock" >"$work/out" 2>"$work/err" || status=$?
expect_status 0
e2fsck -fn "$work/disk?offset=1048576" >"$work/fsck" 2>&1 || { cat "$work/fsck"; fail "fsck"; }
expect_no_children debian
