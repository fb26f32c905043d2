#!/bin/sh
# libvirt's own QEMU driver, unmodified, with a libvirtd of the test's own: probe, start, stop, reset.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "libvirtd needs root"
for program in libvirtd virsh unshare; do
    command -v $program >/dev/null || skip "no $program"
done
unshare -m true 2>/dev/null || skip "no mount namespaces"

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
    <memballoon model='none'/>
    <serial type='pty'><log file='$work/console' append='on'/></serial>
    <console type='pty'><target type='serial'/></console>
  </devices>
</domain>
END
cat >"$work/screen.xml" <<END
<domain type='qemu'>
  <name>xg</name>
  <memory unit='MiB'>192</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$KERNEL</kernel>
    <initrd>$INITRD</initrd>
    <cmdline>console=tty0 console=hvc0 quiet xenner.run=screen xenner.end=halt</cmdline>
  </os>
  <devices>
    <emulator>$XENNER</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='pty'><log file='$work/screen' append='on'/></serial>
    <console type='pty'><target type='serial'/></console>
    <input type='tablet' bus='virtio'/>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='first'/>
    <video><model type='vga'/></video>
  </devices>
</domain>
END
status=0
XENNER="$XENNER" unshare -m --propagation private sh "$(dirname "$0")/libvirt-run.sh" "$work" || status=$?
exit $status
