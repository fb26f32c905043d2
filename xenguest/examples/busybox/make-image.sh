#!/bin/sh
# make-image.sh IMAGE KERNEL MODULES [OPTIONS OF xenguest-mkimage create]: all of the guest, see README.md.
set -eu
[ $# -ge 3 ] || { echo "usage: make-image.sh IMAGE KERNEL MODULES [OPTIONS]" >&2; exit 1; }
here=$(dirname "$0") image=$1 kernel=$2 modules=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh "$here/make-ramdisk.sh" "$modules" "$work/ramdisk"
sh "$here/make-root.sh" "$work/root" "$work/root.tar.xz"
"${XENGUEST_MKIMAGE:-xenguest-mkimage}" create "$image" \
    --set-param=GREETING="hello there" \
    --xen-kernel="$kernel" --xen-ramdisk="$work/ramdisk" --xen-memory=256 --xen-extra=console=hvc0 \
    --disk-size=100M --disk-add-part=1:60M:ext4:root.tar.xz --disk-add-part=2:30M:swap: \
    --disk-add-file="$work/root.tar.xz":root.tar.xz "$@"
