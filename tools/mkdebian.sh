#!/bin/sh
# mkdebian.sh FILE: a raw disk image with a whole Debian 12: its kernel, systemd, a serial login (root,
# password "xenner"), DHCP on every interface, fio and iperf3 for bench/. GRUB's PV image finds its
# grub.cfg; for the comparison with QEMU a BIOS GRUB is in front of the partition. Made once.
set -eu
umask 022
image=$1
[ ! -e "$image" ] || exit 0
PATH=$PATH:/usr/sbin:/sbin
tools=$(cd "$(dirname "$0")" && pwd)
sh "$tools/setup.sh" packages-debian.txt
mkdir -p "$(dirname "$image")"
work=$(mktemp -d "$(dirname "$image")/debian.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
root=$work/root

sh "$tools/debian-root.sh" "$root" \
    linux-image-amd64,systemd-sysv,udev,kmod,iproute2,iputils-ping,procps,e2fsprogs,fio,iperf3,wget

in_root()
{
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# The drivers of both worlds, Xen's and virtio, must be in the initramfs whatever made it.
configure()
{
    echo xenner >"$root/etc/hostname"
    printf '127.0.0.1 localhost xenner\n' >"$root/etc/hosts"
    printf '/dev/disk/by-label/debian / ext4 defaults 0 1\n' >"$root/etc/fstab"
    printf 'root:xenner\n' | in_root chpasswd
    printf '[Match]\nName=e*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/dhcp.network"
    in_root systemctl enable -q systemd-networkd
    in_root systemctl mask -q systemd-networkd-wait-online.service apt-daily.timer \
        apt-daily-upgrade.timer
    printf 'xen-blkfront\nxen-netfront\nvirtio_pci\nvirtio_blk\nvirtio_net\next4\n' \
        >>"$root/etc/initramfs-tools/modules"
    printf 'MODULES=list\nCOMPRESS=zstd\n' >"$root/etc/initramfs-tools/conf.d/xenner"
    in_root update-initramfs -u >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
    mkdir -p "$root/boot/grub"
    cat >"$root/boot/grub/grub.cfg" <<'EOF'
set timeout=0
search --no-floppy --label debian --set=root
menuentry "Debian" {
    if [ "$grub_platform" = xen ]; then con=hvc0; else con=ttyS0; fi
    linux /vmlinuz root=LABEL=debian ro console=$con quiet
    initrd /initrd.img
}
EOF
}

# MBR, GRUB's first stage in it and its core behind it, the partition at 1 MiB.
assemble()
{
    mke2fs -q -t ext4 -L debian -d "$root" "$work/part" 2000M
    truncate -s 2001M "$work/image"
    printf 'start=2048, type=83, bootable\n' | sfdisk -q "$work/image"
    dd if="$work/part" of="$work/image" bs=1M seek=1 conv=notrunc,sparse status=none
    grub-mkimage -O i386-pc -o "$work/core" -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 \
        normal linux search search_label configfile echo test serial
    dd if=/usr/lib/grub/i386-pc/boot.img of="$work/image" bs=440 count=1 conv=notrunc status=none
    dd if="$work/core" of="$work/image" bs=512 seek=1 conv=notrunc status=none
}

configure
assemble
chmod 644 "$work/image"
mv "$work/image" "$image"
