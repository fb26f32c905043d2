#!/bin/sh
# A guest with a screen under libvirt: screenshot, keys, VNC's password, pinning.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-ns.sh"
screen_xml xg "passwd='first'" >"$work/xg.xml"
libvirt_run libvirt_screen-run.sh
