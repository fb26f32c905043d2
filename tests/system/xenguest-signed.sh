#!/bin/sh
# XENGUEST_SIGNED_BY: only images with the right signature become guests. A create that fails leaves nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xenguest-lib.sh"
command -v minisign >/dev/null || skip "minisign is not installed"
: >"$work/ramdisk"
make_root_tar
make_image "$work/s.xenguest"
for who in us them; do
    minisign -G -f -W -p "$work/root/$who.pub" -s "$work/$who.key" >/dev/null || fail "minisign"
done
export XENGUEST_SIGNED_BY=/us.pub

manager_refuses "s.xenguest: " create "$work/s.xenguest"
"$MKIMAGE" sign "$work/s.xenguest" "$work/them.key" </dev/null || fail "sign"
manager_refuses "s.xenguest: " create "$work/s.xenguest"
"$MKIMAGE" sign "$work/s.xenguest" "$work/us.key" </dev/null || fail "sign"
cp "$work/s.xenguest" "$work/changed.xenguest"
manager create "$work/s.xenguest"
manager remove s
python3 - "$work/changed.xenguest" <<'EOF'
import sys
data = open(sys.argv[1], "rb").read()
open(sys.argv[1], "wb").write(data.replace(b"console=hvc0", b"console=hvc1"))
EOF
manager_refuses "guest.cfg" create "$work/changed.xenguest"
XENGUEST_SIGNED_BY=/none.pub manager_refuses "none.pub" create "$work/s.xenguest"
unset XENGUEST_SIGNED_BY

# contents that are no archive, a disk that is full: nothing of the guest stays
head -c 100000 /dev/urandom >"$work/root.tar.xz"
make_image "$work/junk.xenguest"
manager_refuses "partition 1: root.tar.xz: " create "$work/junk.xenguest"
head -c 70000000 /dev/zero | tr '\0' x >"$work/tree/big"
tar -C "$work/tree" -cJf "$work/root.tar.xz" .
make_image "$work/full.xenguest"
manager_refuses "partition 1: root.tar.xz: member './big': " create "$work/full.xenguest"
XENGUEST_DISK_FORMAT=qcow2 manager_refuses "member './big': " create "$work/full.xenguest"
XENGUEST_DISK_DIR=/us.pub/x manager_refuses "could not make" create "$work/full.xenguest"
rm "$work"/root/*.pub
expect_nothing_left
