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
refused "$dir/junk.xenguest: " junk --storage "$dir/st"
refused "$dir/none.xenguest: " none --storage "$dir/st"
refused "'../x' is no name for a guest" deb ../x --storage "$dir/st"
refused "--nic tap: none of " deb --storage "$dir/st" --nic tap
refused "--format vhd: raw or qcow2" deb --storage "$dir/st" --format vhd
import 0 disk --storage "$dir/st" --host-files --force
xml_has disk "='/dev/vda'/>"
v undefine disk
stop_libvirtd
exit 0
