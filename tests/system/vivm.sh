#!/bin/sh
# vivm with the real libvirtd: the snippet is defined, started, seen on its console, edited well and badly, and
# stopped.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"

# The snippet with this machine's files.
sed -e "s#/usr/bin/xenner<#$XENNER<#; s#<kernel>.*<#<kernel>$KERNEL<#; s#<initrd>.*<#<initrd>$INITRD<#" \
    -e "s#<cmdline>.*<#<cmdline>console=hvc0<#; s#unit='MiB'>512<#unit='MiB'>128<#" \
    -e "s#/var/lib/libvirt/images/pvguest.img#$work/disk.img#; s#type='network'#type='user'#" \
    -e "/<source network=/d" "$SOURCE/libvirt-xml/libvirt.xml" >"$work/pvguest.xml"
truncate -s 8M "$work/disk.img"
# What xenner can't yet when libvirt asks for it.
"$XENNER" -help | grep -q '^-blockdev' || sed -i "/<disk /,/<\/disk>/d" "$work/pvguest.xml"
"$XENNER" -device help | grep -q '"netfront"' || sed -i "/<interface /,/<\/interface>/d" "$work/pvguest.xml"
libvirt_run vivm-run.sh
