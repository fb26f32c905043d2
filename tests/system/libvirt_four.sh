#!/bin/sh
# Four guests at once under libvirt, each with a disk and a tap: none of them is disturbed by another's end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
for n in 1 2 3 4; do
    truncate -s 4M "$work/four$n.img"
    echo "disk of four$n" | dd of="$work/four$n.img" conv=notrunc 2>/dev/null
    domain_xml four$n "<interface type='ethernet'>
      <mac address='52:54:00:00:04:0$n'/><target dev='xtfour$n'/><model type='netfront'/>
    </interface>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='$work/four$n.img'/><target dev='vda' bus='virtio'/>
    </disk>" | sed "s|<vcpu>2|<vcpu>1|; s|MiB'>128|MiB'>96|" >"$work/four$n.xml"
done
libvirt_run libvirt_four-run.sh
