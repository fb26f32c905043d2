#!/bin/sh
# Disks as LVM volumes: the manager runs in a guest of xenner's, whose kernel has the device mapper. Its first disk
# is empty and becomes a volume group, the second has a file system on it and stays as it is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xenguest-lib.sh"
command -v lvm >/dev/null || [ -x /sbin/lvm ] || skip "lvm2 is not installed"
modules="$(dirname "$KERNEL")"/kernel/lib/modules
drivers="xen-blkfront dm-mod"
for m in $drivers; do
    [ -n "$(find "$modules" -name "$m.ko")" ] || skip "the kernel has no module $m"
done

: >"$work/ramdisk"
make_root_tar
make_image "$work/vm.xenguest"

# The guest's ramdisk: the programs with their libraries.
rd=$work/rd
mkdir -p "$rd/bin" "$rd/m" "$rd/dev" "$rd/proc" "$rd/sys" "$rd/etc/lvm" "$rd/run" "$rd/tmp"
copy()
{
    mkdir -p "$rd$(dirname "$2")"
    cp -L "$1" "$rd$2"
    ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r lib; do
        mkdir -p "$rd$(dirname "$lib")"
        [ -e "$rd$lib" ] || cp -L "$lib" "$rd$lib"
    done
}
cp /bin/busybox "$rd/bin/"
for applet in sh mount insmod sleep poweroff mkdir cat grep ls dmesg; do
    ln -s busybox "$rd/bin/$applet"
done
copy "$MANAGER" /bin/xenguest-manager
copy /sbin/lvm /bin/lvm
for name in vgs lvs pvcreate vgcreate lvcreate lvremove; do
    ln -s lvm "$rd/bin/$name"
done
copy /sbin/mke2fs /bin/mke2fs
copy /sbin/e2fsck /bin/e2fsck
cp /etc/mke2fs.conf "$rd/etc/" 2>/dev/null
# there is no udev in there: LVM makes the devices' names itself
printf 'activation { udev_sync = 0 udev_rules = 0 }\ndevices { obtain_device_list_from_udev = 0 }\nglobal { event_activation = 0 }\n' \
    >"$rd/etc/lvm/lvm.conf"
for m in $drivers; do
    find "$modules" -name "$m.ko" -exec cp {} "$rd/m/" \;
done
cp "$work/vm.xenguest" "$rd/"
cat >"$rd/init" <<'EOF'
#!/bin/sh
PATH=/bin
export XENGUEST_VOLUME_DEVICE=/dev/xvda
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in xen-blkfront dm-mod; do insmod /m/$m.ko; done
until [ -b /dev/xvdb ]; do sleep 0.1; done
m=xenguest-manager
{
    $m create /vm.xenguest one; echo "create: $?"
    $m create /vm.xenguest two; echo "create two: $?"
    lvs --noheadings -o vg_name,lv_name,lv_size --units b
    for n in one two; do
        e2fsck -fn "/dev/vg-xen/$n?offset=1048576" >/dev/null; echo "fsck $n: $?"
    done
    cat /etc/xenguest/guests/two/guest.d/xenguest-disk.cfg
    $m create /vm.xenguest one; echo "again: $?"
    $m remove one; echo "remove: $?"
    $m list
    lvs --noheadings -o lv_name
    XENGUEST_VOLUME_NAME=vg-b XENGUEST_VOLUME_DEVICE=/dev/xvdb $m create /vm.xenguest three
    echo "on a file system: $?"
    e2fsck -fn /dev/xvdb >/dev/null; echo "it is whole: $?"
    vgs --noheadings -o vg_name
    echo "the end"
} >/tmp/log 2>&1
cat /tmp/log
poweroff -f
EOF
chmod 755 "$rd/init"
(cd "$rd" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$work/initrd"
truncate -s 300M "$work/empty"
truncate -s 20M "$work/full"
mke2fs -q -F -t ext4 "$work/full"

INITRD=$work/initrd
boot 384 1 "quiet" -drive file="$work/empty",format=raw -drive file="$work/full",format=raw
expect_status 0
tr -d '\r' <"$work/out" | sed 's/^ *//' >"$work/lines"
line()
{
    grep -qxF -- "$1" "$work/lines" || fail "no line '$1'"
}
line "create: 0"
line "create two: 0"
grep -qE '^vg-xen +one +100663296B$' "$work/lines" || fail "no volume one"
line "fsck one: 0"
line "fsck two: 0"
line 'disk += ["format=raw,vdev=xvda,access=rw,target=/dev/vg-xen/two"]'
line "again: 1"
line "xenguest-manager: there is a guest 'one' already"
line "remove: 0"
[ "$(sed -n '/^remove: 0/,/^xenguest-manager/p' "$work/lines" | sed -n '2,3p' | tr -d ' ' | tr '\n' ' ')" = "two two " ] ||
    fail "guest and volume 'two' should be left"
line "on a file system: 1"
line "xenguest-manager: '/dev/xvdb' is not empty (ext4): it is left alone; 'wipefs -a' empties it"
line "it is whole: 0"
[ "$(sed -n '/^it is whole/,/^the end/p' "$work/lines" | grep -c vg-)" = 1 ] || fail "more than one volume group"
line "the end"
