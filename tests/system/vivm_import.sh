#!/bin/sh
# vivm import with the real libvirtd: an image becomes a domain, which is started, logged in to and stopped; what
# is refused leaves nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
. "$(dirname "$0")/xenguest-lib.sh"
unset XENGUEST_NETWORK
make_ramdisk
make_root_tar
printf '#!/bin/sh\n: >"%s/was-run"\n' "$work" >"$work/10-never"
printf 'vif = ["mac=00:16:3e:00:00:07", "bridge=br7"]\nvfb = ["vnc=1,vncpasswd=hidden"]\n' >"$work/cards.cfg"
make_image "$work/deb.xenguest" --init-pre="$work/10-never" --xen-vcpus=2
make_image "$work/cards.xenguest" --xen-append="$work/cards.cfg"
"$MKIMAGE" create "$work/disk.xenguest" --xen-kernel="$KERNEL" --xen-disk=/dev/vda || fail mkimage
echo 'kernel = "/boot/vmlinuz"' >"$work/kernel.cfg"
"$MKIMAGE" create "$work/kernel.xenguest" --xen-append="$work/kernel.cfg" || fail mkimage
echo 'ramdisk = "../../etc/passwd"' >"$work/up.cfg"
"$MKIMAGE" create "$work/up.xenguest" --xen-kernel="$KERNEL" --xen-append="$work/up.cfg" || fail mkimage
"$MKIMAGE" create "$work/device.xenguest" --xen-kernel="$KERNEL" --disk-size=10M --disk-device="$work/device" ||
    fail mkimage
head -c 100000 /dev/urandom >"$work/junk.xenguest"
# small, to be made often
head -c 100000 /dev/urandom >"$work/data"
tar -C "$work" -cJf "$work/data.tar.xz" data
"$MKIMAGE" create "$work/k.xenguest" --xen-kernel="$work/data" --disk-size=10M --disk-add-part=1:8M:ext4:d.tar.xz \
    --disk-add-file="$work/data.tar.xz":d.tar.xz || fail mkimage
libvirt_run vivm_import-run.sh
