#!/bin/sh
# A hundred starts and destroys under libvirt, four at a time, some in the middle of the start.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
for n in 0 1 2 3 4; do
    KERNEL=$TEST_KERNEL domain_xml cycle$n "<interface type='ethernet'>
      <target dev='xtcycle$n'/><model type='netfront'/>
    </interface>
    <graphics type='vnc' socket='$work/cycle$n.vnc'/><video><model type='vga'/></video>" |
        sed "s|<vcpu>2|<vcpu>1|; s|MiB'>128|MiB'>32|; /<initrd>/d
             s|>console=hvc0<|>vcpus=1 run=version end=halt<|" >"$work/cycle$n.xml"
done
libvirt_run libvirt_cycles-run.sh
