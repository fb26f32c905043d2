#!/bin/sh
# xenhost.sh [guests | devices | TEST[:ARGUMENT]...]: one boot of the xenhost rig runs the system tests (or that half of
# them, or those that are named) on accelerator xen, and says in TAP how each went. Makes the rig's image when it is not there yet.
set -u
: "${ASSETS:?}" "${XENNER:?}" "${TEST_KERNEL:?}" "${INITRD:?}" "${XEN_MODULE:=}" "${MANAGER:?}" "${MKIMAGE:?}" "${KILLDOMCTL:?}"
rigs=$(cd "$(dirname "$0")/../rigs" && pwd)
system=$rigs/../system
export ASSETS

skip()
{
    echo "1..0 # SKIP $*"
    exit 0
}

[ -n "$XEN_MODULE" ] || skip "built without Xen's libraries (libxen-dev)"
command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64"
[ -e "$ASSETS/vmlinuz" ] || skip "no $ASSETS/vmlinuz: run make assets"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
sh "$rigs/xenhost-image.sh" "$ASSETS" >"$work/image" 2>&1 ||
    skip "the rig's image can't be made: $(tail -n 1 "$work/image")"
"$rigs/unpack-kernel" "$ASSETS/vmlinuz" "$work/vmlinux" || exit 1
# The parts of a guest image, made here, where there are busybox and the modules.
(
    ACCEL=xen
    . "$system/xenguest-lib.sh"
    trap - EXIT
    make_ramdisk
    make_root_tar
) || exit 1
mkdir "$work/guest"
mv "$work/ramdisk" "$work/root.tar.xz" "$work/guest/"
# libvirt's daemon with its QEMU driver, when this machine has it; the test of it says so where not.
modules=$(dirname "$(find /usr/lib -name libvirt_driver_qemu.so 2>/dev/null)")
if command -v libvirtd >/dev/null && [ -e "$modules/libvirt_driver_qemu.so" ]; then
    set -- --file "$(command -v libvirtd):/usr/sbin/libvirtd" --file "$(command -v virsh):/usr/bin/virsh" \
        --file "$modules/libvirt_driver_qemu.so:$modules/libvirt_driver_qemu.so" \
        --file /usr/share/libvirt/cpu_map:/usr/share/libvirt/cpu_map --run "sh /tests/suite $*"
else
    set -- --run "sh /tests/suite $*"
fi
# One CPU: emulated ones spend their time waiting for each other, and three times as much passes with two.
sh "$rigs/xenhost.sh" --smp 1 --timeout 800 --log "$work/console" \
    --file "$XENNER:/usr/bin/xenner" --file "$XEN_MODULE:/usr/bin/xenner-xen.so" \
    --file "$XENNER_CONSOLE:/usr/bin/xenner-console" --file "$work/vmlinux:/assets/vmlinux" \
    --file "$INITRD:/assets/initrd.gz" --file "$TEST_KERNEL:/assets/test-kernel" \
    --file "$MANAGER:/usr/bin/xenguest-manager" --file "$MKIMAGE:/usr/bin/xenguest-mkimage" \
    --file "$KILLDOMCTL:/usr/bin/killdomctl" --file "$work/guest:/assets/guest" --file "$system:/tests/system" --file "$rigs/xenhost-suite:/tests/suite" "$@"
