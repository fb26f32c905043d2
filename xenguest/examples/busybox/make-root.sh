#!/bin/sh
# make-root.sh DIRECTORY TAR: the contents of a root file system, made in DIRECTORY, which is new, and packed into
# TAR.tar.xz: busybox, with a login for root on the console. The password is $PASSWORD, or "secret".
set -eu
[ $# = 2 ] || { echo "usage: make-root.sh DIRECTORY TAR" >&2; exit 1; }
root=$1
busybox=${BUSYBOX:-/bin/busybox} # a static one

mkdir -p "$root"
(cd "$root" && mkdir bin etc dev proc sys root tmp run)
cp "$busybox" "$root/bin/busybox"
for applet in sh login getty init mount cat poweroff reboot halt hostname ls stat id umount; do
    ln -s busybox "$root/bin/$applet"
done
ln -s bin "$root/sbin"
echo "root:$("$busybox" mkpasswd -m sha512 "${PASSWORD:-secret}"):0:0:root:/root:/bin/sh" >"$root/etc/passwd"
chmod 600 "$root/etc/passwd"
echo "root:x:0:" >"$root/etc/group"
echo hvc0 >"$root/etc/securetty"
cat >"$root/etc/inittab" <<'EOF'
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mount -o remount,rw /
::sysinit:/bin/hostname from-a-tar
hvc0::respawn:/sbin/getty -L 115200 hvc0 vt100
::shutdown:/bin/umount -a -r
EOF
tar -C "$root" --owner=0 --group=0 -cJf "$2" .
