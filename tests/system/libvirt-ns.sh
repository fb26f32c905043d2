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

# libvirt_run SCRIPT: in namespaces of its own, with $work as its argument; the test's end.
libvirt_run()
{
    status=0
    unshare -m -p -f --mount-proc --propagation private sh "$(dirname "$0")/$1" "$work" || status=$?
    exit $status
}
