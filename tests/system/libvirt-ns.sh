# For the tests with a libvirtd of their own, sourced after lib.sh: what they need, and how they get it.
[ "$(id -u)" = 0 ] || skip "libvirtd needs root"
for program in libvirtd virsh unshare; do
    command -v $program >/dev/null || skip "no $program"
done
unshare -m -p -f true 2>/dev/null || skip "no namespaces"

# domain_xml NAME "lines for <devices>" >FILE: a guest with Debian's kernel, its console logged in $work/NAME.console
domain_xml()
{
    cat <<END
<domain type='qemu'>
  <name>$1</name>
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
    <serial type='pty'><log file='$work/$1.console' append='on'/></serial>
    <console type='pty'><target type='serial'/></console>
    $2
  </devices>
</domain>
END
}

screen_words="console=tty0 console=hvc0 quiet xenner.run=screen xenner.end=halt"
# The same with a screen, on which it runs tests/guest-scripts/screen: screen_xml NAME "attributes of <graphics>"
screen_xml()
{
    domain_xml "$1" "<input type='tablet' bus='virtio'/>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' $2/>
    <video><model type='vga'/></video>" |
        sed "s|MiB'>128<|MiB'>192<|
             s|>console=hvc0<|>$screen_words<|"
}

# libvirt_run SCRIPT: in namespaces of its own, with $work as its argument; the test's end. The first process there
# only waits: a guest that died is a process for libvirt until its parent, which is that one, has waited for it.
libvirt_run()
{
    # the namespaces would hide xenstored; dom0 of the rig is the test's own
    [ "$ACCEL" != xen ] || exec sh "$(dirname "$0")/$1" "$work"
    status=0
    unshare -m -p -f --mount-proc --propagation private sh -c 'sh "$@" & wait $!' sh \
        "$(dirname "$0")/$1" "$work" || status=$?
    exit $status
}
