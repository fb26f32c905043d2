#!/bin/sh
# exits.sh BUILD: VM exits of a guest on the kvm engine, on the rig "nested" (an AMD-V machine under TCG,
# tests/rigs/nested.sh): how many a second when the guest is idle, how many of them reach the program,
# and how many each operation costs. Counts do not depend on the rig's speed, but the timer's share does:
# slow operations see more ticks.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin" "$work/root/tests"
cp "$build/bench/xbench" "$work/root/bin/"
cp "$here/guest/exits" "$work/root/tests/"
(cd "$work/root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -n) >"$work/extra"
cat "$build/assets/initrd.gz" "$work/extra" >"$work/initrd.gz"

XENNER=$build/xenner/xenner KERNEL=$build/assets/vmlinuz INITRD=$work/initrd.gz \
    sh "$here/../tests/rigs/nested.sh" "$(cat "$here/exits-in-rig.sh")"
