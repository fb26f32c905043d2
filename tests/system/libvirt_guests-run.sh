#!/bin/sh
# The part of libvirt_guests.sh that runs in namespaces of its own. libvirt_guests-run.sh DIRECTORY (ga.xml, gb.xml)
. "$(dirname "$0")/libvirt-lib.sh"

xenner_of()
{
    cat "/run/libvirt/qemu/$1.pid"
}

own_directories
start_libvirtd
for g in ga gb; do
    v define "$dir/$g.xml"
    v start $g
done
running "ga gb" || fail "not both are running"
for g in ga gb; do
    until_true grep -q "shell in the guest" "$dir/$g.console"
done

# what libvirt knows
v dominfo ga >"$dir/info"
grep -q "^State: *running" "$dir/info" && grep -q "^CPU(s): *2" "$dir/info" &&
    grep -q "^Max memory: *131072 KiB" "$dir/info" && grep -q "^Persistent: *yes" "$dir/info" &&
    grep -q "^Autostart: *disable" "$dir/info" || { cat "$dir/info"; fail "dominfo"; }
v domstats >"$dir/stats"
[ "$(grep -c "state.state=1$" "$dir/stats")" = 2 ] || { cat "$dir/stats"; fail "domstats: state"; }
[ "$(grep -c "vcpu.current=2$" "$dir/stats")" = 2 ] || { cat "$dir/stats"; fail "domstats: vcpu"; }
[ "$(grep -c "balloon.maximum=131072$" "$dir/stats")" = 2 ] || { cat "$dir/stats"; fail "domstats: balloon"; }
v vcpucount ga --live --current | grep -qx 2 || fail "vcpucount"
v domuuid ga | grep -q "^........-....-....-....-............$" || fail "domuuid"

# one is suspended, the other is not
v suspend ga
is_state ga "paused (user)" && is_state gb "running (booted)" || fail "suspend is not of one guest"
answers gb while-suspended
v resume ga
answers ga resumed

# libvirtd ends in good order, and is killed: it finds both again
a=$(xenner_of ga) b=$(xenner_of gb)
stop_libvirtd
kill -0 "$a" && kill -0 "$b" || fail "a guest has ended with libvirtd"
start_libvirtd
until_true running "ga gb"
answers ga after-restart
v suspend gb
kill -9 $daemon
wait $daemon
start_libvirtd
until_true running ga
is_state gb "paused (user)" || fail "gb is not paused any more: $(v domstate gb --reason)"
v resume gb
answers gb after-crash
[ "$a $b" = "$(xenner_of ga) $(xenner_of gb)" ] || fail "these are other guests"

# one's end while libvirtd is away; the other's by force
stop_libvirtd
kill "$a"
until_true sh -c "! kill -0 $a"
start_libvirtd
until_true running gb
kill -9 "$b"
until_true running ""
until_true nothing_left

# autostart: at libvirtd's first start after the machine's
v autostart gb
v dominfo gb | grep -q "^Autostart: *enable" || fail "autostart"
stop_libvirtd
rm -f /run/libvirt/qemu/autostarted
start_libvirtd
until_true running gb
v autostart --disable gb
v destroy gb
until_true nothing_left

# Not a socket, directory or lock of theirs; those of the killed one went with the next start.
no_trace_of '*g[ab]*'
exit 0
