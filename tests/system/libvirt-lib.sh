# A libvirtd of the test's own, in a mount namespace of its own: sourced; $1 is the test's directory.
set -u
dir=$1
for d in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run; do
    mkdir -p $d && mount -t tmpfs none $d || { echo "cannot mount on $d"; exit 77; }
done
mkdir -p /run/libvirt /run/lock /run/dbus
cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
remember_owner = 0
END
daemon= others=
# guests outlive libvirtd
finish()
{
    [ -n "$daemon" ] || return
    for guest in xt xg; do
        virsh -q -c qemu:///system destroy $guest >/dev/null 2>&1
    done
    # shellcheck disable=SC2086
    [ -z "$others" ] || kill $others
    kill $daemon
    wait $daemon
}
trap finish EXIT

fail()
{
    echo "FAIL: $*"
    cat /var/log/libvirt/qemu/*.log 2>/dev/null | tail -n 15
    tail -n 15 "$dir/libvirtd.log"
    [ ! -s "$dir/virt-manager.log" ] || tail -n 15 "$dir/virt-manager.log"
    exit 1
}

v()
{
    virsh -q -c qemu:///system "$@" </dev/null 2>"$dir/virsh.err" ||
        { cat "$dir/virsh.err"; fail "virsh $*"; }
}

# until COMMAND...: waits for libvirt's own knowledge, which has no event for a shell
until_true()
{
    end=$(($(date +%s) + 90))
    while ! "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $end ] || fail "never: $*"
        sleep 0.1
    done
}

is_state()
{
    [ "$(virsh -q -c qemu:///system domstate xt --reason)" = "$1" ]
}

libvirtd >"$dir/libvirtd.log" 2>&1 &
daemon=$!
until_true test -S /run/libvirt/libvirt-sock
