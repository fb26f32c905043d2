#!/bin/sh
# libvirt's own QEMU driver, unmodified, with a libvirtd of the test's own: probe, start, stop, reset.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-needs.sh"

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
screen_domain >"$work/screen.xml"
status=0
XENNER="$XENNER" unshare -m --propagation private sh "$(dirname "$0")/libvirt-run.sh" "$work" || status=$?
exit $status
