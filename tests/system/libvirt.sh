#!/bin/sh
# libvirt's own QEMU driver, unmodified, with a libvirtd of the test's own: probe, start, stop, reset.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
truncate -s 8M "$work/first.img" "$work/second.img"
echo second | dd of="$work/second.img" conv=notrunc 2>/dev/null
echo medium >"$work/cd.img"
truncate -s 1M "$work/cd.img"
cat >"$work/nic.xml" <<END
<interface type='ethernet'>
  <mac address='52:54:00:00:00:09'/><target dev='xthot0'/><model type='virtio'/>
</interface>
END
domain_xml xt "<memballoon model='virtio'><stats period='2'/></memballoon>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='writethrough'/><source file='$work/first.img'/>
      <target dev='vda' bus='virtio'/><serial>one</serial>
    </disk>
    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>" |
    sed "/memballoon model='none'/d" >"$work/domain.xml"
libvirt_run libvirt-run.sh
