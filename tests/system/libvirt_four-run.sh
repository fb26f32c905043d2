#!/bin/sh
# The part of libvirt_four.sh that runs in namespaces of its own. libvirt_four-run.sh DIRECTORY (four1.xml, ...)
. "$(dirname "$0")/libvirt-lib.sh"

# stats NAME KEY=VALUE...: of domstats; a value may be a pattern of grep's
stats()
{
    name=$1
    shift
    v domstats "$name" >"$dir/stats"
    for want; do
        grep -q "^ *$want$" "$dir/stats" || { cat "$dir/stats"; fail "domstats $name: no $want"; }
    done
}

directory()
{
    echo "/run/xenner/$(v domuuid "$1" | xargs)"
}

# Each has its own tap, and its own xenstore in its own directory.
is_whole()
{
    n=${1#four}
    stats "$1" state.state=1 vcpu.current=1 balloon.maximum=98304 block.count=1 "block.0.path=.*/$1.img" \
        net.count=1 "net.0.name=xtfour$n"
    [ -e "/sys/class/net/xtfour$n" ] || fail "$1 has no tap"
    [ -S "$(directory "$1")/xenstore" ] || fail "$1 has no xenstore"
}

own_directories
start_libvirtd
for n in 1 2 3 4; do
    v define "$dir/four$n.xml"
done
for n in 1 2 3 4; do
    v start four$n
done
running "four1 four2 four3 four4" || fail "not all are running"
for n in 1 2 3 4; do
    until_true grep -q "shell in the guest" "$dir/four$n.console"
done
for n in 1 2 3 4; do
    is_whole four$n
    answers four$n all-$n
done

# one is destroyed, one killed
v destroy four2
kill -9 "$(cat /run/libvirt/qemu/four3.pid)"
until_true running "four1 four4"
until_true is_state four3 "shut off (crashed)"
for n in 2 3; do
    ! pgrep -f "guest=four$n," || fail "four$n is a process still"
    ! pgrep -f "name xenner-four$n" || fail "four$n's QEMU is a process still"
    [ ! -e "/sys/class/net/xtfour$n" ] || fail "four$n's tap is still there"
done
[ ! -e "$(directory four2)" ] || fail "four2's directory is still there"
for n in 1 4; do
    is_whole four$n
    answers four$n others-$n
done

# Both can be started again, and the sockets and locks of the killed one are swept.
v start four2
v start four3
running "four1 four2 four3 four4" || fail "not all are running again"
for n in 2 3; do
    until_true sh -c "[ \$(grep -c 'shell in the guest' '$dir/four$n.console') = 2 ]"
    is_whole four$n
done
for n in 1 2 3 4; do
    v shutdown four$n
done
for n in 1 2 3 4; do
    until_true is_state four$n "shut off (shutdown)"
done
until_true nothing_left
! ls -d /sys/class/net/xtfour* 2>/dev/null || fail "a tap is left"
no_trace_of '*four*'
exit 0
