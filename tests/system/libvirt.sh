#!/bin/sh
# libvirt's own QEMU driver, unmodified, with a libvirtd of the test's own: probe, start, stop, reset.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
domain_xml xt "" >"$work/domain.xml"
libvirt_run libvirt-run.sh
