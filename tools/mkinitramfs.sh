#!/bin/sh
# mkinitramfs.sh OUT [PROGRAM...]: the test guest's initial ramdisk: busybox, tools/init, the scripts of
# tests/guest-scripts as /tests, and PROGRAMs (static) in /bin. A PROGRAM that is a kernel module (.ko)
# goes to /lib/modules, and tools/init loads it; it must not need others.
set -eu
out=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/proc" "$work/sys" "$work/dev" "$work/tests" "$work/tmp" "$work/lib/modules"
cp /bin/busybox "$work/bin/"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/bin/$applet"
done
ln -s bin "$work/sbin"
cp "$here/init" "$work/init"
cp "$here"/../tests/guest-scripts/* "$work/tests/"
for p; do
    case $p in
        *.ko) cp "$p" "$work/lib/modules/" ;;
        *) cp "$p" "$work/bin/" ;;
    esac
done
chmod 755 "$work/init" "$work"/tests/*
(cd "$work" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) |
    gzip -n -6 > "$out.new"
mv "$out.new" "$out"
