#!/bin/sh
# Bad input: one line on stderr, status 1, nothing else.
. "$(dirname "$0")/lib.sh"

refuse()
{
    want=$1
    shift
    run_xenner "$@"
    expect_status 1
    [ "$(wc -l <"$work/err")" = 1 ] || fail "not one line of error for: $*"
    grep -q -- "$want" "$work/err" || fail "no '$want' for: $*"
    [ ! -s "$work/out" ] || fail "output on stdout for: $*"
}

head -c 100000 "$KERNEL" >"$work/short"
: >"$work/empty"
refuse "invalid option" -foo
refuse "requires an argument" -m
refuse "not a size" -m 12x
refuse "too little" -m 1 -kernel "$KERNEL"
refuse "too much" -m 100T -kernel "$KERNEL"
refuse "1 to 32" -smp 33 -kernel "$KERNEL"
refuse "at least 1" -smp 0 -kernel "$KERNEL"
refuse "no boot loader '$work/none'" -m 128 -bios "$work/none"
refuse "no boot loader" -m 128 -machine bootloader="$work/none"
refuse "only allowed with -kernel" -initrd "$INITRD"
refuse "No such file" -kernel "$work/none"
refuse "$work/short" -kernel "$work/short"
refuse "$work/empty" -kernel "$work/empty"
refuse "$work" -kernel "$work"
refuse "Could not open 'x': No such file or directory" -kernel "$KERNEL" -drive file=x
refuse "Could not open 'x': No such file or directory" -kernel "$KERNEL" -drive file=x,format=raw
refuse "'file' driver requires '$work' to be a regular file" -drive "file=$work,format=raw"
refuse "Unknown driver 'foo'" -drive "file=$work/short,format=foo"
refuse "Duplicate ID 'a' for drive" -drive file=x,id=a -drive file=y,id=a
refuse "(index=1) exists" -drive file=x,index=1 -hdb y
refuse "can't find value 'b'" -drive file=x,id=a,if=none -device xen-disk,drive=b
refuse "already in use" -drive file=x,id=a -device xen-disk,drive=a
refuse "not a valid vdev" -drive file=x,id=a,if=none -device xen-disk,drive=a,vdev=xvd
refuse "unknown parameter 'bla'" -drive file=x,bla=1
refuse "Could not set up host forwarding rule 'tcp:1.2.3.4:80-:22'" -kernel "$KERNEL" \
    -nic user,hostfwd=tcp:1.2.3.4:80-:22
refuse "DNS must be different from host" -kernel "$KERNEL" -nic user,dns=10.0.2.2
refuse "Can't use file descriptor 99: Bad file descriptor" -kernel "$KERNEL" -nic tap,fd=99
refuse "Unable to query TUNGETIFF on FD 0" -kernel "$KERNEL" -nic tap,fd=0
refuse "too long" -kernel "$KERNEL" -nic tap,ifname=much-too-long-for-a-name,script=no
refuse "could not launch bridge helper" -kernel "$KERNEL" -nic "bridge,helper=$work/none"
refuse "bridge helper failed" -kernel "$KERNEL" -nic bridge,helper=/bin/false
refuse "can't bind to '$work/no/where'" -kernel "$KERNEL" \
    -nic "stream,server=on,addr.type=unix,addr.path=$work/no/where"
refuse "can't connect to '$work/none'" -kernel "$KERNEL" \
    -nic "stream,addr.type=unix,addr.path=$work/none"
refuse "mac=zz: invalid syntax for ethernet address" -kernel "$KERNEL" -nic user,mac=zz
truncate -s 1G "$work/large"
refuse "MiB of memory" -m 128 -kernel "$KERNEL" -initrd "$work/large"
ACCEL=foo
refuse "no such accelerator" -kernel "$KERNEL"
if [ -e /dev/kvm ] && ! "$XENNER" -accel help | grep -q "^kvm *usable"; then
    ACCEL=kvm
    refuse "no usable accelerator: kvm: " -kernel "$KERNEL"
fi
exit 0
