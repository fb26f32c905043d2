#!/bin/sh
# The part of libvirt_xml.sh that runs in namespaces of its own. libvirt_xml-run.sh DIRECTORY (with base.xml in it)
. "$(dirname "$0")/libvirt-inside.sh"
wrong=0

# try WHAT SED-EXPRESSION: changes the domain that is well, and asks both. What xenner alone refuses comes out at the
# start only, so libvirt may define that.
try()
{
    sed "$2" "$dir/base.xml" >"$dir/try.xml"
    cmp -s "$dir/base.xml" "$dir/try.xml" && fail "$1: the expression changed nothing"
    ours=good theirs=good
    "$XENNER_XML" check "$dir/try.xml" >"$dir/ours" || ours=bad
    virsh -q -c $uri define "$dir/try.xml" >/dev/null 2>"$dir/theirs" || theirs=bad
    virsh -q -c $uri undefine gx >/dev/null 2>&1
    case $want/$ours/$theirs in
        refused/bad/bad | good/good/good | late/bad/*) return ;;
    esac
    echo "$1: expected to be $want; xenner-xml: $ours, libvirt: $theirs"
    cat "$dir/ours" "$dir/theirs"
    wrong=1
}

device()
{
    try "$1" "s#</devices>#$1</devices>#"
}

own_directories
start_libvirtd
"$XENNER_XML" check "$dir/base.xml" || fail "the domain to begin with is not well"
file="<source file='/dev/null'/>"

want=refused
try "os type xen" "s#>hvm<#>xen<#"
try "os type linux" "s#>hvm<#>linux<#"
try "machine q35" "s#machine='pc'#machine='q35'#"
try "machine isapc" "s#machine='pc'#machine='isapc'#"
try "arch aarch64" "s#arch='x86_64'#arch='aarch64'#"
try "domain type xen" "s#domain type='qemu'#domain type='xen'#"
try "no such emulator" "s#<emulator>.*<#<emulator>/nowhere/xenner<#"
try "on_reboot preserve" "s#<devices>#<on_reboot>preserve</on_reboot><devices>#"
try "on_crash rename-restart" "s#<devices>#<on_crash>rename-restart</on_crash><devices>#"
device "<disk type='file' device='disk'><driver name='phy'/>$file<target dev='xvda' bus='virtio'/></disk>"
device "<disk type='file' device='disk'>$file<target dev='sda' bus='sata'/></disk>"
device "<console type='pty'><target type='xen'/></console>"
device "<video><model type='xen'/></video>"
device "<input type='mouse' bus='xen'/>"
device "<vsock model='virtio'><cid auto='yes'/></vsock>"
device "<iommu model='intel'/>"
device "<controller type='xenbus'/>"
try "memballoon xen" "s#memballoon model='none'#memballoon model='xen'#"

# at the start, by libvirt or by xenner
want=late
try "machine xenpv" "s#machine='pc'#machine='xenpv'#"
try "CPU host-passthrough" "s#<devices>#<cpu mode='host-passthrough'/><devices>#"
try "no emulator" "/<emulator>/d"
try "too many vCPUs" "s#<vcpu>2<#<vcpu>64<#"
device "<disk type='file' device='disk'>$file<target dev='xvda' bus='xen'/></disk>"
device "<interface type='user'><model type='e1000'/></interface>"
device "<watchdog model='i6300esb'/>"
device "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='4555'/></serial>"

want=good
try "machine by its full name" "s#machine='pc'#machine='pc-i440fx-7.2'#"
try "CPU host-model" "s#<devices>#<cpu mode='host-model'/><devices>#"
device "<disk type='file' device='disk'>$file<target dev='xvda' bus='virtio'/></disk>"
device "<disk type='file' device='cdrom'>$file<target dev='hdc' bus='ide'/><readonly/></disk>"
device "<interface type='user'><model type='netfront'/></interface>"
device "<interface type='user'><model type='virtio'/></interface>"
device "<console type='pty'><target type='virtio'/></console>"
device "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
try "memballoon virtio" "s#memballoon model='none'#memballoon model='virtio'#"

# what from-argv makes is well for both, and fits libvirt's schema
"$XENNER_XML" from-argv "$XENNER" -name gx -m 128 -smp 2,maxcpus=4 -kernel "$dir/base.xml" -append "console=hvc0 <&>" \
    -drive file=/dev/null,format=raw,iops=100 -cdrom "$dir/base.xml" -nic user -nic user,hostfwd=tcp:127.0.0.1:1-:2 \
    -nic socket,mcast=230.0.0.1:4000 -serial pty -chardev "file,id=f,path=$dir/f" -device xen-console,chardev=f \
    -machine kernel-ring=3 >"$dir/made.xml" 2>/dev/null || fail "from-argv"
"$XENNER_XML" check "$dir/made.xml" || fail "made XML is not well for xenner-xml"
v define --validate "$dir/made.xml"
v dumpxml --inactive gx | "$XENNER_XML" to-argv >"$dir/argv" 2>/dev/null || fail "to-argv"
grep -q "^    -nic user,hostfwd=tcp:127.0.0.1:1-:2" "$dir/argv" || { cat "$dir/argv"; fail "the NIC is lost"; }
exit $wrong
