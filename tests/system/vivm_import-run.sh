#!/bin/sh
# The part of vivm_import.sh that runs in namespaces of its own. vivm_import-run.sh DIRECTORY (with the images)
here=$(dirname "$0")
. "$here/libvirt-lib.sh"
. "$here/vivm-lib.sh"
own_directories
images=/var/lib/libvirt/images

# import STATUS IMAGE [ARGUMENTS]
import()
{
    want_status=$1 image=$2
    shift 2
    vivm "$want_status" import "$dir/$image.xenguest" --emulator "$XENNER" "$@"
}

# refused COMPLAINT IMAGE [ARGUMENTS]: one line, and nothing of it stays
refused()
{
    complaint=$1
    shift
    import 1 "$@"
    said "^vivm: $complaint"
    [ "$(grep -c '^vivm: [^n]' "$dir/vivm.err")" = 1 ] || { cat "$dir/vivm.err"; fail "more than one line"; }
    [ -z "$(ls -A "$dir/st")" ] || fail "left behind: $(find "$dir/st")"
}

xml_has()
{
    v dumpxml --inactive --security-info "$1" >"$dir/xml"
    grep -qF -- "$2" "$dir/xml" || { cat "$dir/xml"; fail "no '$2' in the XML of $1"; }
}

mkdir "$dir/st"
refused "could not connect to " deb --storage "$dir/st"
start_libvirtd

# where libvirt has its own; its life
import 0 deb --nic user
said "^Defined 'deb'."
said "^vivm: note: init.pre/10-never is not run"
xml_has deb "<kernel>$images/deb/files/kernel</kernel>"
xml_has deb "<initrd>$images/deb/files/ramdisk.img</initrd>"
xml_has deb "<cmdline>console=hvc0</cmdline>"
xml_has deb "<source file='$images/deb.img'/>"
xml_has deb "<target dev='xvda' "
xml_has deb "<uuid>$(sed -n 's/^uuid = "\(.*\)"/\1/p' $images/deb/guest.cfg)</uuid>"
vivm 0 list
printed "^deb *shut off *2 vCPU *256 MiB"
v start deb
python3 "$here/ptychat.py" "login: " 'root\r' "Password: " 'secret\r' '~ # ' 'hostname; mount\r' \
    'from-a-tar' '' '/dev/xvda1 on / type ext4 (rw' '\x1d' -- "$VIVM" console deb >"$dir/talk" 2>&1 ||
    { cat "$dir/talk"; fail "no login"; }
vivm 0 stop deb
is_state deb "shut off (shutdown)" || fail "not shut off"
until_true nothing_left
e2fsck -fn "$images/deb.img?offset=1048576" >"$dir/fsck" 2>&1 || fail "fsck: $(cat "$dir/fsck")"
[ ! -e "$dir/was-run" ] || fail "a script of the image was run"

# names and UUIDs that are taken; other places, formats and cards
refused "there is a domain with this name already: 'deb'" deb --storage "$dir/st"
sed -n '/^uuid/p' $images/deb/guest.cfg >"$dir/uuid.cfg"
"$MKIMAGE" update "$dir/cards.xenguest" --xen-append="$dir/uuid.cfg"
refused "there is a domain with this UUID already: 'deb'" cards --storage "$dir/st"
v undefine deb
import 1 deb
said "^vivm: there is a guest 'deb' already"
[ -s $images/deb.img ] || fail "the disk of another guest is gone"
import 0 cards other --storage "$dir/st" --format qcow2
! grep -q "password" "$dir/vivm.err" || fail "a password that is there is asked for"
xml_has other "<driver name='qemu' type='qcow2'/>"
xml_has other "<source file='$dir/st/other.qcow2'/>"
xml_has other "<mac address='00:16:3e:00:00:07'/>"
xml_has other "<source network='default'/>"
xml_has other "<source bridge='br7'/>"
xml_has other "passwd='hidden'"
[ "$(qemu-img info "$dir/st/other.qcow2" | grep -c 'file format: qcow2')" = 1 ] || fail "no qcow2"
v undefine other
rm -r "$dir"/st/*

# what is of this machine is not the image's; --host-files; what is no image, no option
refused "the image wants '/dev/vda' of this machine" disk --storage "$dir/st"
refused "the image wants '/boot/vmlinuz' of this machine" kernel --storage "$dir/st"
refused "the image wants '.*/etc/passwd' of this machine" up --storage "$dir/st"
refused "the image wants '$dir/device' of this machine" device --storage "$dir/st"
refused "$dir/junk.xenguest: " junk --storage "$dir/st"
refused "$dir/none.xenguest: " none --storage "$dir/st"
refused "'../x' is no name for a guest" deb ../x --storage "$dir/st"
refused "--nic tap: none of " deb --storage "$dir/st" --nic tap
refused "--format vhd: raw or qcow2" deb --storage "$dir/st" --format vhd
import 0 disk --storage "$dir/st" --host-files --force
xml_has disk "='/dev/vda'/>"
v undefine disk
rm -r "$dir"/st/*

# kill -9 in the middle: the next import goes through, or says that the domain is there; a disk that was used is
# nobody's to remove
kill_import()
{
    "$KILLAT" "$1" "$VIVM" import "$dir/k.xenguest" --emulator "$XENNER" --storage "$dir/st" \
        >"$dir/vivm.out" 2>"$dir/vivm.err"
}

# k is there whole, with nothing beside it
imported()
{
    xml_has k "<source file='$dir/st/k.img'/>"
    [ "$(ls -A "$dir/st" | xargs)" = "k k.img" ] || fail "$1: $(ls -A "$dir/st")"
    debugfs -R 'cat /data' "$dir/st/k.img?offset=1048576" 2>/dev/null | cmp - "$dir/data" || fail "$1: its disk"
    cmp "$dir/st/k/files/kernel" "$dir/data" || fail "$1: its kernel"
}

forget()
{
    v undefine k
    rm -r "$dir/st/k" "$dir/st/k.img"
}

points=$(kill_import 0 && cat "$dir/vivm.out")
if [ -n "$points" ]; then
    imported "not killed"
    forget
    defined=0 undone=0
    for at in 1 $((points / 2)) $(seq $((points - 19)) 6 $((points - 7))) $(seq $((points - 4)) "$points"); do
        kill_import "$at" || fail "import: no point $at of $points"
        if virsh -q -c $uri domstate k >/dev/null 2>&1; then
            defined=$((defined + 1))
            import 1 k --storage "$dir/st"
            said "there is a domain with this name already"
        else
            import 0 k --storage "$dir/st"
            grep -q "removing what an interrupted import left" "$dir/vivm.err" && undone=$((undone + 1))
        fi
        imported "killed at $at of $points"
        forget
    done
    [ $defined -gt 0 ] && [ $undone -gt 0 ] || fail "of $points points $defined defined, $undone undone"
    # the same remains, but the guest has run since
    import 0 k --storage "$dir/st"
    v undefine k
    : >"$dir/st/.importing-k"
    touch "$dir/st/k.img"
    import 1 k --storage "$dir/st"
    said "there is a guest 'k' already"
    [ -s "$dir/st/k.img" ] || fail "a disk that was used is gone"
fi
stop_libvirtd
exit 0
