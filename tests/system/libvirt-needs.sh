# What the tests with libvirt share: sourced. Skips when it can't be had.
[ "$(id -u)" = 0 ] || skip "libvirtd needs root"
for program in libvirtd virsh unshare; do
    command -v $program >/dev/null || skip "no $program"
done
unshare -m true 2>/dev/null || skip "no mount namespaces"

# The XML of a guest with a framebuffer, which runs tests/guest-scripts/screen.
screen_domain()
{
    cat <<END
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
}
