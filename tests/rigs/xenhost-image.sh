#!/bin/sh
# xenhost-image.sh DIR: what the xenhost rig boots, made into DIR/xenhost, once for each list of what is in it:
#   xen        the hypervisor, an uncompressed multiboot ELF
#   initrd     the base of dom0's first ramdisk: busybox and the modules that reach the root disk
#   root.ext4  Debian with Xen's tools and the modules of a dom0, never written to afterwards
#   made-of    that list
# DIR/kernel comes from tools/fetch-kernel.sh. Needs root (debootstrap), the packages of
# tools/packages-xenhost.txt, the network (the mirror that apt uses, or $DEBIAN_MIRROR), and some
# minutes. Nothing is left behind when it fails.
set -eu
umask 022
assets=$1
out=$assets/xenhost
dom0_packages=xen-utils-4.17,xenstore-utils,qemu-system-xen,kmod,udev,procps,iproute2,python3
root_modules="virtio_pci virtio_blk ext4"
dom0_modules="xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs xen-blkback xen-netback loop tun
    bridge"
made_of="$dom0_packages $root_modules $dom0_modules"
exec 9<"$assets" # two rigs that start together make it once
flock 9
[ "$(cat "$out/made-of" 2>/dev/null)" != "$made_of" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "xenhost-image: needs root, for debootstrap" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin

rigs=$(cd "$(dirname "$0")" && pwd)
sh "$rigs/../../tools/setup.sh" packages-xenhost.txt

assets=$(cd "$assets" && pwd)
out=$assets/xenhost
work=$(mktemp -d "$assets/xenhost.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/new"

# Files of the modules $2... and of what they depend on, in the order of loading, for the modules
# tree below $1.
module_files()
{
    tree=$1
    shift
    for m; do
        modprobe -d "$tree" -S "$version" --show-depends "$m" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++'
}

get_xen()
{
    mkdir "$work/xen"
    (cd "$work/xen" && chmod 755 . && apt-get -qq download xen-hypervisor-4.17-amd64 2>/dev/null)
    dpkg-deb -x "$work"/xen/*.deb "$work/xen/tree"
    zcat "$work"/xen/tree/boot/xen-4.17-amd64.gz > "$work/new/xen"
}

# The modules that dom0 may want, at their own places below the new root.
copy_modules()
{
    cp -r "$assets/kernel/lib" "$work/lib-all"
    mkdir "$work/all"
    mv "$work/lib-all" "$work/all/lib"
    depmod -b "$work/all" "$version"
    module_files "$work/all" $dom0_modules $root_modules | while read -r file; do
        to=$work/root/usr/${file#"$work/all/"}
        mkdir -p "$(dirname "$to")"
        cp "$file" "$to"
    done
    cp "$work/all/lib/modules/$version"/modules.order \
        "$work/all/lib/modules/$version"/modules.builtin* "$work/root/usr/lib/modules/$version/"
    depmod -b "$work/root" "$version"
}

make_initrd()
{
    ram=$work/ram
    mkdir -p "$ram/bin" "$ram/modules" "$ram/proc" "$ram/dev" "$ram/root"
    cp /bin/busybox "$ram/bin/"
    for applet in sh mount insmod switch_root cp usleep; do
        ln -s busybox "$ram/bin/$applet"
    done
    module_files "$work/all" $root_modules | while read -r file; do
        cp "$file" "$ram/modules/"
        echo "/modules/$(basename "$file")" >> "$ram/modules/order"
    done
    (cd "$ram" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) |
        gzip -n > "$work/new/initrd"
}

version=$(basename "$assets"/kernel/lib/modules/*)
get_xen
sh "$rigs/../../tools/debian-root.sh" "$work/root" "$dom0_packages"
copy_modules
make_initrd
mke2fs -q -t ext4 -d "$work/root" "$work/new/root.ext4" 2G >/dev/null
chmod 755 "$work/new"
echo "$made_of" > "$work/new/made-of"
rm -rf "$out"
mv "$work/new" "$out"
