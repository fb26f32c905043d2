#!/bin/sh
# The part of libvirt_cycles.sh that runs in namespaces of its own. libvirt_cycles-run.sh DIRECTORY (cycle0.xml, ...)
. "$(dirname "$0")/libvirt-lib.sh"
EACH=20 ABRUPT=5

# cycles DOMAIN: EACH times to the end of the start, then ABRUPT times that it does not reach for certain
cycles()
{
    lines=
    for i in $(seq $EACH); do
        lines="$lines start $1; destroy $1;"
    done
    virsh -c $uri "$lines" >"$dir/$1.out" 2>&1
    for delay in $(awk -v seed="$1" 'BEGIN { srand(substr(seed, 6)); for (i = 0; i < '$ABRUPT'; i++) print rand() * 0.2 }'); do
        virsh -q -c $uri start "$1" >>"$dir/$1.abrupt" 2>&1 &
        start=$!
        sleep "$delay"
        virsh -q -c $uri destroy "$1" >>"$dir/$1.abrupt" 2>&1
        wait $start && virsh -q -c $uri destroy "$1" >>"$dir/$1.abrupt" 2>&1
    done
}

# Descriptors of the guest that runs all the time.
descriptors()
{
    ls "/proc/$(cat /run/libvirt/qemu/cycle0.pid)/fd" | wc -l
}

own_directories
start_libvirtd
for n in 0 1 2 3 4; do
    v define "$dir/cycle$n.xml"
done
v start cycle0
until_true grep -q "version" "$dir/cycle0.console"
before=$(descriptors)
begin=$(date +%s.%N)
workers=
for n in 1 2 3 4; do
    cycles cycle$n &
    workers="$workers $!"
done
wait $workers
echo "$((4 * (EACH + ABRUPT))) starts and destroys in $(echo "$(date +%s.%N) $begin" | awk '{ printf "%.1f", $1 - $2 }') s"

for n in 1 2 3 4; do
    [ "$(grep -c "^Domain 'cycle$n' started" "$dir/cycle$n.out")" = $EACH ] &&
        [ "$(grep -c "^Domain 'cycle$n' destroyed" "$dir/cycle$n.out")" = $EACH ] ||
        { cat "$dir/cycle$n.out"; fail "cycle$n was not started and destroyed $EACH times"; }
done
running cycle0 || fail "running: $(virsh -q -c $uri list --name)"
[ "$(descriptors)" = "$before" ] || fail "cycle0 had $before descriptors, now $(descriptors)"
v destroy cycle0
until_true nothing_left
! ls -d /sys/class/net/xtcycle* 2>/dev/null || fail "a tap is left"
! ls "$dir"/*.vnc 2>/dev/null || fail "a VNC socket is left"
no_trace_of '*cycle*'
exit 0
