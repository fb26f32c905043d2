# For the tests with a libvirtd of their own, sourced by the part that runs in namespaces of its own (see
# libvirt_run in libvirt-ns.sh): mounts, process ids. What is left there dies with the script.
set -u
dir=$1
uri=qemu:///system
daemon=

fail()
{
    echo "FAIL: $*"
    tail -n 15 /var/log/libvirt/qemu/*.log 2>/dev/null
    tail -n 15 "$dir/libvirtd.log"
    exit 1
}

# libvirt asks again and again what xenner can when /dev/kvm could be opened and xenner made nothing of it:
# these tests are about TCG, so there is none.
hide_kvm()
{
    [ -e /dev/kvm ] || return 0
    mkdir -p /run/none && mount -t tmpfs none /run/none && : >/run/none/kvm || exit 77
    mount -o remount,ro /run/none && mount --bind /run/none/kvm /dev/kvm || exit 77
}

own_directories()
{
    set -- /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run
    [ "${ACCEL:-}" != xen ] || set -- /etc/libvirt
    for d; do
        mkdir -p $d && mount -t tmpfs none $d || { echo "cannot mount on $d"; exit 77; }
    done
    mkdir -p /run/libvirt /run/lock /run/dbus /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
    # the driver does not start without the user that its package makes
    getent passwd libvirt-qemu >/dev/null || useradd -r libvirt-qemu
    getent group kvm >/dev/null || groupadd -r kvm
    hide_kvm
    cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
remember_owner = 0
END
}

start_libvirtd()
{
    libvirtd >>"$dir/libvirtd.log" 2>&1 &
    daemon=$!
    until_true test -S /run/libvirt/libvirt-sock
    until_true virsh -q -c $uri uri
}

# Guests outlive it.
stop_libvirtd()
{
    kill $daemon
    wait $daemon
    daemon=
}

v()
{
    virsh -q -c $uri "$@" </dev/null 2>"$dir/virsh.err" ||
        { cat "$dir/virsh.err"; fail "virsh $*"; }
}

# until_true COMMAND...: waits for libvirt's own knowledge, which has no event for a shell
until_true()
{
    end=$(($(date +%s) + 90))
    while ! "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $end ] || fail "never: $*"
        sleep 0.1
    done
}

# is_state DOMAIN "running (booted)"
is_state()
{
    [ "$(virsh -q -c $uri domstate "$1" --reason)" = "$2" ]
}

# running "NAME NAME": these and no others
running()
{
    [ "$(virsh -q -c $uri list --name --state-running | sort | xargs)" = "$1" ]
}

# The guest answers on its console: "answers NAME WORD"
answers()
{
    rm -f "$dir/keys"
    mkfifo "$dir/keys"
    "$VIVM" console "$1" <"$dir/keys" >"$dir/said" 2>"$dir/vivm.err" &
    console=$!
    exec 3>"$dir/keys"
    printf '\necho $((6 * 7))-%s\n' "$2" >&3
    until_true grep -q "^42-$2" "$dir/said"
    printf '\035' >&3
    exec 3>&-
    wait $console || fail "console of $1: $(cat "$dir/vivm.err")"
}

# Neither xenner nor its QEMU, of any guest: nobody else's are in this namespace.
nothing_left()
{
    ! pgrep -f '^[^ ]*xenner -name guest=' && ! pgrep -f 'name xenner-'
}

# no_trace_of PATTERN: not a socket, directory or lock of guests with such names (a shell's
# pattern). What a killed xenner could not remove goes with the next start.
no_trace_of()
{
    left=$(find /run/xenner /run/libvirt/qemu /var/lib/libvirt/qemu -mindepth 1 \
        \( -name "$1" -o -path '/run/xenner/*' \))
    [ -z "$left" ] || fail "left behind: $left"
}
