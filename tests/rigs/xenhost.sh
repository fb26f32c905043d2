#!/bin/sh
# The xenhost rig: a machine with a real Xen 4.17 and its tools under QEMU's TCG; COMMAND runs in dom0.
# See lib.sh for the arguments. In dom0, `xenhost-guest NAME KERNEL RAMDISK VCPUS MIB "WORDS"` runs a PV
# guest until its end and prints its console.
rigs=$(cd "$(dirname "$0")" && pwd)
. "$rigs/lib.sh"

[ -e "$ASSETS/vmlinuz" ] || rig_fail "no $ASSETS/vmlinuz: run make assets"
sh "$rigs/xenhost-image.sh" "$ASSETS" >&2 || rig_fail "could not make the image of dom0"
memory=3072
rig_arguments "$@"

cp "$rigs/xenhost-init" "$stage/rig/init"
mkdir -p "$stage/usr/local/bin"
cp "$rigs/xenhost-guest" "$stage/usr/local/bin/"
chmod 755 "$stage/rig/init" "$stage/usr/local/bin/xenhost-guest"
mkdir "$work/ram"
mv "$stage" "$work/ram/files"
cp "$rigs/xenhost-initrd-init" "$work/ram/init"
chmod 755 "$work/ram/init"
{ cat "$ASSETS/xenhost/initrd" && pack "$work/ram"; } > "$work/initrd"

# QEMU splits -initrd at commas. With SMAP or five-level paging, dom0 crashes under TCG; with XSAVE programs in
# all domains die of broken heaps now and then (docs/xen-host.md).
case $ASSETS$work in *,*) rig_fail "a comma in the path" ;; esac
boot_machine -accel tcg,thread=multi -cpu max,smap=off,smep=off,pku=off,la57=off,erms=off,xsave=off,avx=off,avx2=off,rdtscp=off \
    -drive "file=$ASSETS/xenhost/root.ext4,format=raw,if=none,id=root,snapshot=on" \
    -device virtio-blk-pci,drive=root -kernel "$ASSETS/xenhost/xen" \
    -append "console=com1 com1=115200 dom0_mem=1536M,max:1536M loglvl=warning noreboot=0" \
    -initrd "$ASSETS/vmlinuz console=hvc0 quiet panic=-1,$work/initrd"
