#!/bin/sh
# The part of libvirt.sh that runs in namespaces of its own: libvirtd, and a domain's life.
# libvirt-run.sh DIRECTORY (with domain.xml in it)
: "${ACCEL:=tcg}"
. "$(dirname "$0")/libvirt-lib.sh"

# in_guest COMMAND: typed into its console; until its kernel has done what the command waits for
in_guest()
{
    mark=$((mark + 1))
    echo "until ($1); do sleep 0.1; done; echo done-\$((1000 + $mark))" >"$pty"
    until_true grep -q "^[^e]*done-$((1000 + mark))" "$dir/xt.console"
}
mark=0

is_gone()
{
    ! virsh -q -c $uri dumpxml xt | grep -q "$1"
}

# What it writes from now on is in another file.
snapshot()
{
    in_guest "echo in-the-base | dd of=/dev/xvda bs=512 seek=64 conv=sync,fsync 2>/dev/null"
    v snapshot-create-as xt later --disk-only --atomic --diskspec "vda,file=$dir/first.later" \
        --diskspec hdc,snapshot=no
    in_guest "echo in-the-overlay | dd of=/dev/xvda bs=512 seek=64 conv=sync,fsync 2>/dev/null"
    v domblklist xt | grep -q "^ *vda *$dir/first.later" || fail "domblklist"
    grep -q in-the-base "$dir/first.img" || fail "the base was written to"
    grep -q in-the-overlay "$dir/first.later" || fail "the overlay was not written to"
    v snapshot-list xt --name | grep -qx later || fail "snapshot-list"
}

# What a guest gets and loses while it runs.
hotplug()
{
    in_guest "test -b /dev/xvda"
    v domblkinfo xt vda | grep -q "^Capacity: *8388608" || fail "domblkinfo"
    in_guest "dd if=/dev/zero of=/dev/xvda bs=4k count=16 conv=fsync"
    v domblkstat xt vda | grep -q "wr_bytes 65536" || fail "domblkstat"
    v attach-disk xt "$dir/second.img" vdb --driver qemu --subdriver raw --targetbus virtio
    in_guest "grep -q second /dev/xvdc" # the empty CD drive is xvdb
    v blockresize xt vdb 12M
    in_guest "test \$(cat /sys/block/xvdc/size) = 24576"
    v blkdeviotune xt vdb --total-iops-sec 100 --group-name slow
    v blkdeviotune xt vda --total-iops-sec 200 --group-name slow
    v blkdeviotune xt vdb | grep -q "^total_iops_sec *: *200" || fail "blkdeviotune: a group has one limit"
    v blkdeviotune xt vda --total-iops-sec 0
    v detach-disk xt vdb
    until_true is_gone second.img
    in_guest "test ! -e /sys/block/xvdc"
    v change-media xt hdc "$dir/cd.img" --insert
    in_guest "grep -q medium /dev/xvdb"
    v change-media xt hdc --eject
    in_guest "test ! -e /sys/block/xvdb"
    snapshot
    v inject-nmi xt
    until_true grep -q "NMI received for unknown reason" "$dir/xt.console"
    v attach-device xt "$dir/nic.xml"
    ip addr add 10.88.0.1/24 dev xthot0 && ip link set xthot0 up || fail "no tap"
    in_guest "test \$(cat /sys/class/net/eth0/address) = 52:54:00:00:00:09"
    in_guest "ip addr add 10.88.0.2/24 dev eth0 && ip link set eth0 up && ping -c 1 -W 1 10.88.0.1"
    v domifstat xt xthot0 | grep -q "rx_packets [1-9]" || fail "domifstat"
    v detach-interface xt ethernet --mac 52:54:00:00:00:09
    until_true is_gone 52:54:00:00:00:09
    in_guest "test ! -e /sys/class/net/eth0"
    before=$(v dommemstat xt | sed -n 's/^actual //p')
    v setmem xt 110M --live
    until_true memory_is 112640
    [ "$before" = 131072 ] || fail "dommemstat: $before"
    v setmem xt 128M --live
    until_true memory_is 131072
}

memory_is()
{
    [ "$(virsh -q -c $uri dommemstat xt | sed -n 's/^actual //p')" = "$1" ]
}

second_boot()
{
    [ "$(grep -c 'shell in the guest' "$dir/xt.console")" = 2 ]
}

own_directories
start_libvirtd
v domcapabilities --emulatorbin "$XENNER" --machine pc --virttype qemu >"$dir/caps.xml"
grep -q "<vcpu max='32'/>" "$dir/caps.xml" || fail "domcapabilities without xenner's vCPUs"
grep -l "$XENNER" /var/cache/libvirt/qemu/capabilities/*.xml >/dev/null || fail "no cached probe"

v define "$dir/domain.xml"
v start xt
is_state xt "running (booted)" || fail "not running"
v dominfo xt | grep -q "^CPU(s): *2" || fail "dominfo"
v domstats xt | grep -q "vcpu.current=2" || fail "domstats"
v qemu-monitor-command --hmp xt 'info status' | grep -q running || fail "HMP"
until_true grep -q "shell in the guest" "$dir/xt.console"
pty=$(v ttyconsole xt)
[ -c "$pty" ] || fail "ttyconsole: '$pty'"
if [ "$ACCEL" = xen ]; then
    v qemu-monitor-command xt '{"execute":"query-kvm"}' | grep -q '"present":false' || fail "query-kvm"
    xl domid xt >/dev/null || fail "no domain of Xen's"
else
    hotplug # on Xen the tests of the monitor have it
fi
v suspend xt
is_state xt "paused (user)" || fail "not paused"
v resume xt
is_state xt "running (unpaused)" || fail "not resumed"
v reset xt
until_true second_boot
v shutdown xt
until_true is_state xt "shut off (shutdown)"
until_true nothing_left

v start xt
v destroy xt
is_state xt "shut off (destroyed)" || fail "not destroyed"
until_true nothing_left
v undefine xt --snapshots-metadata
[ "$ACCEL" != xen ] || stop_libvirtd # elsewhere it dies with the namespace
exit 0
