#!/bin/sh
# xenguest-init: what autoboots is created and started, the rest is left alone, all are stopped.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xenguest-lib.sh"
: "${XENGUEST_INIT:?}" "${HOST_FILES:?}"
conf=$work/root/etc/xenguest
images=$work/root/img
mkdir -p "$conf" "$images"
# by the file, not the environment
unset XENGUEST_NETWORK
cat >"$conf/xenguest-manager.conf" <<'EOF'
# ours
XENGUEST_GUEST_DIR="/img"
XENGUEST_NETWORK=user XENGUEST_BRIDGE=x
EOF

init()
{
    want=$1
    shift
    status=0
    "$timeout" -k 5 "$TEST_TIMEOUT" "$XENGUEST_INIT" "$@" </dev/null >"$work/said" 2>&1 || status=$?
    [ "$status" = "$want" ] || fail "status $status, not $want: $*: $(cat "$work/said")"
}

init 2 nonsense
init 1 start
grep -q "xenguest-manager.conf:3: " "$work/said" || fail "no line of the file: $(cat "$work/said")"
sed -i 's/ XENGUEST_BRIDGE=x//' "$conf/xenguest-manager.conf"

# two that autoboot (one is a directory), one that does not, one that is no image
boot="--xen-kernel=$KERNEL --xen-ramdisk=$INITRD --xen-memory=128 --xen-extra=console=hvc0"
"$MKIMAGE" create "$images/one.xenguest" $boot || fail mkimage
"$MKIMAGE" create "$images/off.xg" $boot --set-param=GUEST_AUTOBOOT=0 || fail mkimage
mkdir "$images/two"
"$MKIMAGE" create "$images/two" $boot || fail mkimage
init 0 start
init 0 status
expect_said "one Running
two Running"
init 0 start

# what fails for one does not stop the others
manager kill one
init 3 status
expect_said "one Stopped
two Running"
echo junk >"$images/bad.xenguest"
init 1 start
grep -q "bad" "$work/said" || fail "no word about bad: $(cat "$work/said")"
init 0 status
rm "$images/bad.xenguest"

# what the host starts it with
sed "s#[^ =]*/xenguest-init#$XENGUEST_INIT#" "$HOST_FILES/xenguest" >"$work/script"
sed "s#[^ =]*/xenguest-init#$XENGUEST_INIT#" "$HOST_FILES/xenguest-init.service" >"$work/xenguest-init.service"
for action in start stop; do
    grep -qx "Exec.*=$XENGUEST_INIT $action" "$work/xenguest-init.service" || fail "the unit does not $action"
done
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify --man=no "$work/xenguest-init.service" >"$work/said" 2>&1 || fail "$(cat "$work/said")"
    [ ! -s "$work/said" ] || fail "the unit: $(cat "$work/said")"
fi

# one that was created without autoboot stays as it is
manager create "$images/off.xg"
init 0 restart
init 0 status
expect_said "off Stopped
one Running
two Running"
status=0
XENGUEST_STOP_TIMEOUT=30 sh "$work/script" stop >"$work/said" 2>&1 </dev/null || status=$?
[ $status = 0 ] || fail "the script's stop: $status: $(cat "$work/said")"
status=0
sh "$work/script" >"$work/said" 2>&1 </dev/null || status=$?
[ $status = 2 ] || fail "the script without an action: $status: $(cat "$work/said")"
init 3 status
expect_said "off Stopped
one Stopped
two Stopped"
for name in one two off; do
    manager remove $name
done
rm -r "$images"
expect_nothing_left
