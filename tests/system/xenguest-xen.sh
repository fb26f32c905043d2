#!/bin/sh
# In dom0 of a Xen host: a guest from an image is a domain of Xen's, by xenner's own choice of accelerator; created,
# started, logged in to, stopped, removed. $GUEST_PARTS has the ramdisk and the tar of its root file system.
. "$(dirname "$0")/lib.sh"
: "${GUEST_PARTS:?}"
. "$(dirname "$0")/xenguest-lib.sh"
chat=$(cd "$(dirname "$0")" && pwd)/ptychat.py
export XENGUEST_XENNER="$XENNER" MANAGER
cp "$GUEST_PARTS/ramdisk" "$GUEST_PARTS/root.tar.xz" "$work/"

# init.d finds the domain there, and paused; then xenner lets it run
printf 'xl list "$1" >"%s/paused"\n' "$work" >"$work/10-look"
make_image "$work/deb.xenguest" --init-script="$work/10-look"
manager check-xen
manager create "$work/deb.xenguest"
manager status deb
expect_said "deb Stopped"
manager start deb
manager status deb
expect_said "deb Running"
# Name ID Mem VCPUs State Time(s)
grep -qE '^deb +[0-9]+ +256 +1 +--p--- ' "$work/paused" || fail "not paused in init.d: $(cat "$work/paused")"
xl list deb | grep -qE '^deb +[0-9]+ +256 +1 +[r-][b-]---- ' || fail "not a domain that runs: $(xl list)"
python3 "$chat" "login: " 'root\r' "Password: " 'secret\r' '~ # ' 'hostname; mount\r' \
    'from-a-tar' '' '/dev/xvda1 on / type ext4 (rw' '\x1d' -- "$XENNER_CONSOLE" deb \
    >"$work/talk" 2>&1 || { cat "$work/talk"; fail "no login"; }
manager stop deb
manager status deb
expect_said "deb Stopped"
! xl list deb >/dev/null 2>&1 || fail "the domain is still there"
e2fsck -fn "$work/root/var/lib/xenguest/deb.img?offset=1048576" >"$work/fsck" 2>&1 || fail "fsck: $(cat "$work/fsck")"
manager remove deb
expect_nothing_left
manager list
expect_said ""
