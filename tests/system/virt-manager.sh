#!/bin/sh
# virt-manager opens the graphical console of a guest that was imported from an image: its window shows the guest's
# framebuffer, pixel for pixel, and what is typed there arrives. gvnccapture, another stock client, sees the same.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
sh "$(dirname "$0")/../../tools/setup.sh" packages-virt-manager.txt >"$work/setup" 2>&1 ||
    skip "the packages of tools/packages-virt-manager.txt can't be installed"
for program in virt-manager gvnccapture Xvfb import convert xdotool dbus-run-session; do
    command -v $program >/dev/null || skip "no $program"
done

echo 'vfb = ["vnc=1"]' >"$work/screen.cfg"
"$MKIMAGE" create "$work/xg.xenguest" --xen-kernel="$KERNEL" --xen-ramdisk="$INITRD" --xen-memory=192 --xen-vcpus=2 \
    --xen-extra="$screen_words" --xen-append="$work/screen.cfg" || fail mkimage
libvirt_run virt-manager-run.sh
