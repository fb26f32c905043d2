#!/bin/sh
# The part of libvirt_screen.sh that runs in namespaces of its own; the guest runs tests/guest-scripts/screen.
# libvirt_screen-run.sh DIRECTORY (xg.xml)
. "$(dirname "$0")/libvirt-lib.sh"
own_directories
start_libvirtd
v define "$dir/xg.xml"
v start xg
until_true grep -q "screen: [0-9]" "$dir/xg.console"
digest=$(sed -n 's/.*screen: [0-9]* [0-9]* \([0-9a-f]*\).*/\1/p' "$dir/xg.console")

# As the guest has it, pixel for pixel; its driver tells of what it drew with a delay.
same_picture()
{
    virsh -q -c $uri screenshot xg "$dir/shot" && python3 "$(dirname "$0")/picture.py" "$dir/shot" "$digest"
}
until_true same_picture
[ "$(head -c 4 "$dir/shot" | tail -c 3)" = PNG ] || fail "the screenshot is not a PNG"

for key in KEY_H KEY_E KEY_Y; do
    v send-key xg $key
done
v send-key xg --holdtime 20 KEY_LEFTSHIFT KEY_1
v send-key xg --codeset rfb 0x1c # Enter, by its scan code
until_true grep -q "screen: typed 'hey!'" "$dir/xg.console"

url=$(v domdisplay xg)
case $url in
    vnc://127.0.0.1:*) ;;
    *) fail "domdisplay: '$url'" ;;
esac
v domdisplay --include-password xg | grep -q "first@" || fail "domdisplay without the password"
v qemu-monitor-command xg '{"execute":"query-vnc"}' | grep -q '"auth":"vnc"' || fail "VNC without a password"
v dumpxml --security-info xg | sed "s/passwd='first'/passwd='second'/" |
    sed -n '/<graphics/,/<\/graphics>/p' >"$dir/graphics.xml"
v update-device xg "$dir/graphics.xml"
v domdisplay --include-password xg | grep -q "second@" || fail "the password was not changed"

# A vCPU is a thread that can be pinned, on tcg QEMU's.
v vcpuinfo xg >/dev/null
v vcpupin xg 0 0 >/dev/null
tid=$(v qemu-monitor-command xg '{"execute":"query-cpus-fast"}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["return"][0]["thread-id"])')
grep -q "^Cpus_allowed_list:[[:space:]]*0$" "/proc/$tid/status" || fail "vCPU 0 (thread $tid) is not pinned"

# There is no agent in the guest: refused with libvirt's own words, and nothing happens
! virsh -q -c $uri set-user-password xg root x 2>"$dir/virsh.err" || fail "set-user-password"
grep -q "agent" "$dir/virsh.err" || { cat "$dir/virsh.err"; fail "set-user-password: no reason"; }
v suspend xg
v screenshot xg "$dir/shot"
v resume xg
v destroy xg
v undefine xg
until_true nothing_left
stop_libvirtd
exit 0
