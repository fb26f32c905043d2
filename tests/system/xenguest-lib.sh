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

# The parts of the example's image: its ramdisk, and its root file system, in $work/tree and as a tar. The password of
# root is "secret".
example=${SOURCE:-}/xenguest/examples/busybox
make_ramdisk()
{
    sh "$example/make-ramdisk.sh" "$(dirname "$KERNEL")/kernel/lib/modules" "$work/ramdisk" || fail make-ramdisk.sh
}

make_root_tar()
{
    sh "$example/make-root.sh" "$work/tree" "$work/root.tar.xz" || fail make-root.sh
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
