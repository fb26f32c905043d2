#!/bin/sh
# Two guests of one libvirtd: what it knows of them, and that they outlive it, its crash, and one another.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
for name in ga gb; do
    domain_xml $name "" >"$work/$name.xml"
done
libvirt_run libvirt_guests-run.sh
