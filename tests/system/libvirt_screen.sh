#!/bin/sh
# A guest with a screen under libvirt: screenshot, keys, VNC's password, pinning.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
domain_xml xg "<input type='tablet' bus='virtio'/>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='first'/>
    <video><model type='vga'/></video>" |
    sed "s|MiB'>128<|MiB'>192<|
         s|>console=hvc0<|>console=tty0 console=hvc0 quiet xenner.run=screen xenner.end=halt<|" >"$work/xg.xml"
libvirt_run libvirt_screen-run.sh
