#!/bin/sh
# make-image.sh IMAGE KERNEL RAMDISK ROOTFS.tar.gz
set -eu
[ $# = 4 ] || { echo "usage: make-image.sh IMAGE KERNEL RAMDISK ROOTFS.tar.gz" >&2; exit 1; }
here=$(dirname "$0")
"${XENGUEST_MKIMAGE:-xenguest-mkimage}" create "$1" \
    --set-param=GUEST_AUTOBOOT=0 --set-param=BRIDGE=xenbr0 \
    --xen-memory=512 --xen-vcpus=2 --xen-kernel="$2" --xen-ramdisk="$3" \
    --xen-root=/dev/xvda1 --xen-extra=console=hvc0 --xen-extra=rw \
    --xen-append="$here/network.cfg" \
    --init-pre="$here/10-bridge" --init-script="$here/10-note" --init-post="$here/90-log" \
    --disk-size=2 --disk-add-part=1:1500M:ext4:rootfs.tar.gz --disk-add-part=2:500M:swap: \
    --disk-add-file="$4:rootfs.tar.gz"
