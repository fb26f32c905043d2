#!/bin/sh
# libvirt's own QEMU driver, unmodified, with a libvirtd of the test's own: probe, start, stop, reset.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "libvirtd needs root"
for program in libvirtd virsh unshare; do
    command -v $program >/dev/null || skip "no $program"
done
unshare -m -n true 2>/dev/null || skip "no mount namespaces"

truncate -s 8M "$work/first.img" "$work/second.img"
echo second | dd of="$work/second.img" conv=notrunc 2>/dev/null
echo medium >"$work/cd.img"
truncate -s 1M "$work/cd.img"
cat >"$work/nic.xml" <<END
<interface type='ethernet'>
  <mac address='52:54:00:00:00:09'/><target dev='xthot0'/><model type='virtio'/>
</interface>
END
cat >"$work/domain.xml" <<END
<domain type='qemu'>
  <name>xt</name>
  <memory unit='MiB'>128</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$KERNEL</kernel>
    <initrd>$INITRD</initrd>
    <cmdline>console=hvc0</cmdline>
  </os>
  <devices>
    <emulator>$XENNER</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='virtio'><stats period='2'/></memballoon>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='writethrough'/><source file='$work/first.img'/>
      <target dev='vda' bus='virtio'/><serial>one</serial>
    </disk>
    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
    <serial type='pty'><log file='$work/console' append='on'/></serial>
    <console type='pty'><target type='serial'/></console>
  </devices>
</domain>
END
status=0
XENNER="$XENNER" unshare -m -n --propagation private sh "$(dirname "$0")/libvirt-run.sh" "$work" || status=$?
exit $status
