#!/bin/sh
# `xenner-xml check` against a real libvirt: what the one says "libvirt refuses" of, the other refuses, and what the
# one accepts, the other defines.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
domain_xml gx "" >"$work/base.xml"
libvirt_run libvirt_xml-run.sh
