#!/bin/sh
# The part of virt-manager.sh that runs in namespaces of its own. virt-manager-run.sh DIRECTORY (xg.xenguest)
here=$(dirname "$0")
. "$here/libvirt-lib.sh"
. "$here/vivm-lib.sh"
own_directories
start_libvirtd
vivm 0 import "$dir/xg.xenguest" --emulator "$XENNER" --nic none
# its serial console goes to a file, too
v dumpxml --inactive xg >"$dir/xg.xml"
sed "s|<serial type='pty'>|&<log file='$dir/xg.console' append='on'/>|" "$dir/xg.xml" >"$dir/logged.xml"
v define "$dir/logged.xml"
v start xg

mkdir -p "$dir/session" "$dir/home"
chmod 700 "$dir/session"
export XDG_RUNTIME_DIR="$dir/session" HOME="$dir/home" GSETTINGS_BACKEND=memory NO_AT_BRIDGE=1 LIBGL_ALWAYS_SOFTWARE=1
# the server chooses a number that is free, and says which
mkfifo "$dir/number"
Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp 3>"$dir/number" >"$dir/xvfb.log" 2>&1 &
read -r number <"$dir/number"
export DISPLAY=":$number"
dbus-run-session -- virt-manager --no-fork --connect $uri --show-domain-console xg \
    >"$dir/virt-manager.log" 2>&1 &

until_true grep -q "screen: [0-9]" "$dir/xg.console"
# its driver tells of what it drew with a delay, so each look is at both
shown()
{
    virsh -q -c $uri screenshot xg "$dir/guest.png" && import -window root -depth 8 "$dir/window.ppm" &&
        python3 "$here/picture.py" "$dir/guest.png" in "$dir/window.ppm"
}
until_true shown

# The console takes the keyboard when it is clicked on.
xdotool mousemove 500 500 click 1
xdotool type --delay 50 "typed here"
xdotool key Return
until_true grep -q "screen: typed 'typed here'" "$dir/xg.console"

# And a client without a window, which wants the screen for itself.
url=$(v domdisplay xg)
captured()
{
    gvnccapture -q "${url#vnc://}" "$dir/captured.png" && convert "$dir/captured.png" -depth 8 "$dir/captured.ppm" &&
        virsh -q -c $uri screenshot xg "$dir/guest.png" &&
        python3 "$here/picture.py" "$dir/guest.png" in "$dir/captured.ppm"
}
until_true captured
v destroy xg
v undefine xg
until_true nothing_left
stop_libvirtd
exit 0
