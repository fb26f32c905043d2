#!/bin/sh
# virt-manager opens the guest's graphical console: its window shows the guest's framebuffer, pixel for pixel,
# and what is typed there arrives.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/libvirt-needs.sh"
command -v virt-manager >/dev/null || sh "$(dirname "$0")/../../tools/setup.sh" packages-virt-manager.txt \
    >"$work/setup" 2>&1 || skip "the packages of tools/packages-virt-manager.txt can't be installed"
for program in virt-manager Xvfb import xdotool dbus-run-session; do
    command -v $program >/dev/null || skip "no $program"
done

screen_domain | sed "s/ passwd='first'//" >"$work/screen.xml"
status=0
XENNER="$XENNER" unshare -m --propagation private sh "$(dirname "$0")/virt-manager-run.sh" "$work" || status=$?
exit $status
