#!/bin/sh
# make-ramdisk.sh MODULES RAMDISK: an initial ramdisk that loads the drivers of a Xen disk and of ext4, as far as the
# kernel has them as modules below MODULES (/lib/modules/VERSION), and goes on with /sbin/init on xvda1.
set -eu
[ $# = 2 ] || { echo "usage: make-ramdisk.sh MODULES RAMDISK" >&2; exit 1; }
busybox=${BUSYBOX:-/bin/busybox} # a static one
drivers="xen-blkfront crc16 crc32c_generic mbcache jbd2 ext4"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/bin" "$work/m" "$work/dev" "$work/new"
cp "$busybox" "$work/bin/busybox"
for driver in $drivers; do
    find "$1" -name "$driver.ko" -exec cp {} "$work/m/" \;
    find "$1" -name "$driver.ko.xz" -exec sh -c 'xz -dc "$1" >"$2"' sh {} "$work/m/$driver.ko" \;
done
cat >"$work/init" <<EOF
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for m in $drivers; do
    [ ! -e /m/\$m.ko ] || /bin/busybox insmod /m/\$m.ko
done
until [ -b /dev/xvda1 ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 -o ro /dev/xvda1 /new
/bin/busybox mount -t devtmpfs dev /new/dev
exec /bin/busybox switch_root /new /sbin/init
EOF
chmod 755 "$work/init"
(cd "$work" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$2"
