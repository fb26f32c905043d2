#!/bin/sh
# The part of libvirt.sh that runs in a mount namespace of its own: libvirtd, and a domain's life.
# libvirt-run.sh DIRECTORY (with domain.xml in it)
. "$(dirname "$0")/libvirt-lib.sh"

# neither xenner nor its QEMU
nothing_left()
{
    ! pgrep -f '^[^ ]*xenner -name guest=xt,' && ! pgrep -f 'name xenner-xt,'
}

second_boot()
{
    [ "$(grep -c 'shell in the guest' "$dir/console")" = 2 ]
}

v domcapabilities --emulatorbin "$XENNER" --machine pc --virttype qemu >"$dir/caps.xml"
grep -q "<vcpu max='32'/>" "$dir/caps.xml" || fail "domcapabilities without xenner's vCPUs"
grep -l "$XENNER" /var/cache/libvirt/qemu/capabilities/*.xml >/dev/null || fail "no cached probe"

v define "$dir/domain.xml"
v start xt
is_state "running (booted)" || fail "not running"
v dominfo xt | grep -q "^CPU(s): *2" || fail "dominfo"
v domstats xt | grep -q "vcpu.current=2" || fail "domstats"
v qemu-monitor-command --hmp xt 'info status' | grep -q running || fail "HMP"
until_true grep -q "shell in the guest" "$dir/console"
pty=$(v ttyconsole xt)
[ -c "$pty" ] || fail "ttyconsole: '$pty'"
v suspend xt
is_state "paused (user)" || fail "not paused"
v resume xt
is_state "running (unpaused)" || fail "not resumed"
v reset xt
until_true second_boot
v shutdown xt
until_true is_state "shut off (shutdown)"
until_true nothing_left

v start xt
v destroy xt
is_state "shut off (destroyed)" || fail "not destroyed"
until_true nothing_left
v undefine xt
. "$(dirname "$0")/libvirt-screen.sh"
exit 0
