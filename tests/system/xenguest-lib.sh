# For the tests of xenguest images: sourced after lib.sh. A root directory of their own for the manager, an
# image whose root file system is an ext4 made from a tar, with a login on hvc0.
: "${MANAGER:?}" "${MKIMAGE:?}" "${XENNER_CONSOLE:?}"
export XENGUEST_ROOT="$work/root" XENGUEST_VOLUME_DEVICE= XENGUEST_NETWORK=user
export XENGUEST_XENNER="$work/xenner"
mkdir "$work/root"
# the manager leaves the accelerator to xenner, the tests do not
printf '#!/bin/sh\nexec "%s" -accel %s "$@"\n' "$XENNER" "$ACCEL" >"$work/xenner"
chmod 755 "$work/xenner"
trap 'end_guests; rm -rf "$work"' EXIT

end_guests()
{
    for pidfile in "$work"/root/run/xenguest/*/pid; do
        [ ! -s "$pidfile" ] || kill -9 "$(cat "$pidfile")" 2>/dev/null
    done
}

# manager ARGUMENTS: must end with 0 in time; what it said is in $work/said
manager()
{
    status=0
    "$timeout" -k 5 "$TEST_TIMEOUT" "$MANAGER" "$@" </dev/null >"$work/said" 2>&1 || status=$?
    [ "$status" = 0 ] || fail "status $status: $*: $(cat "$work/said" "$work"/root/var/log/xenguest/*.log)"
}

# manager_refuses WHAT ARGUMENTS: one line of error, status 1
manager_refuses()
{
    want=$1
    shift
    status=0
    "$timeout" -k 5 "$TEST_TIMEOUT" "$MANAGER" "$@" </dev/null >"$work/said" 2>&1 || status=$?
    [ "$status" = 1 ] || fail "status $status, not 1: $*: $(cat "$work/said")"
    [ "$(wc -l <"$work/said")" = 1 ] || fail "not one line: $(cat "$work/said")"
    grep -q -- "$want" "$work/said" || fail "no '$want': $(cat "$work/said")"
}

expect_said()
{
    [ "$(cat "$work/said")" = "$1" ] || fail "not '$1': $(cat "$work/said")"
}

# The ramdisk: modules, and on to the root file system on xvda1.
make_ramdisk()
{
    mkdir -p "$work/rd/bin" "$work/rd/m" "$work/rd/dev" "$work/rd/proc" "$work/rd/new"
    cp /bin/busybox "$work/rd/bin/"
    modules="$(dirname "$KERNEL")"/kernel/lib/modules
    for m in xen-blkfront crc16 crc32c_generic mbcache jbd2 ext4; do
        find "$modules" -name "$m.ko" -exec cp {} "$work/rd/m/" \;
    done
    cat >"$work/rd/init" <<'EOF'
#!/bin/busybox sh
PATH=/bin
busybox mount -t devtmpfs dev /dev
for m in xen-blkfront crc16 crc32c_generic mbcache jbd2 ext4; do
    [ ! -e /m/$m.ko ] || busybox insmod /m/$m.ko
done
until [ -b /dev/xvda1 ]; do busybox sleep 0.1; done
busybox mount -t ext4 -o ro /dev/xvda1 /new
busybox mount -t devtmpfs dev /new/dev
exec busybox switch_root /new /sbin/init
EOF
    ln -s bin/busybox "$work/rd/busybox"
    sed -i '1s/.*/#!\/busybox sh/' "$work/rd/init"
    chmod 755 "$work/rd/init"
    (cd "$work/rd" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$work/ramdisk"
}

# The root file system: a busybox that asks for root's password, which is "secret".
make_root_tar()
{
    root=$work/tree
    mkdir -p "$root/bin" "$root/etc" "$root/dev" "$root/proc" "$root/sys" "$root/root" "$root/tmp" "$root/run"
    cp /bin/busybox "$root/bin/"
    for applet in sh login getty init mount cat poweroff reboot halt hostname ls stat id umount; do
        ln -s busybox "$root/bin/$applet"
    done
    ln -s bin "$root/sbin"
    echo "root:$(python3 -W ignore -c 'import crypt; print(crypt.crypt("secret"))'):0:0:root:/root:/bin/sh" >"$root/etc/passwd"
    echo "root:x:0:" >"$root/etc/group"
    echo hvc0 >"$root/etc/securetty"
    chmod 600 "$root/etc/passwd"
    cat >"$root/etc/inittab" <<'EOF'
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mount -o remount,rw /
::sysinit:/bin/hostname from-a-tar
hvc0::respawn:/sbin/getty -L 115200 hvc0 vt100
::shutdown:/bin/umount -a -r
EOF
    tar -C "$root" --owner=0 --group=0 -cJf "$work/root.tar.xz" .
}

# make_image FILE [OPTIONS]
make_image()
{
    image=$1
    shift
    "$MKIMAGE" create "$image" --xen-kernel="$KERNEL" --xen-ramdisk="$work/ramdisk" --xen-memory=256 \
        --xen-extra=console=hvc0 --disk-size=100M --disk-add-part=1:60M:ext4:root.tar.xz \
        --disk-add-part=2:30M:swap: --disk-add-file="$work/root.tar.xz":root.tar.xz \
        --set-param=GREETING="hello there" "$@" || fail "mkimage"
}

# Nothing of any guest.
expect_nothing_left()
{
    left=$(find "$work/root" ! -type d ! -path '*/var/log/*' ! -name xenguest-manager.conf)
    [ -z "$left" ] || fail "left behind: $left"
    left=$(find "$work"/root/etc/xenguest/guests "$work"/root/run/xenguest -mindepth 1 2>/dev/null)
    [ -z "$left" ] || fail "left behind: $left"
    ! pgrep -f "$work/root" >/dev/null || fail "a process was left behind: $(pgrep -af "$work/root")"
}
