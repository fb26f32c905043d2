#!/bin/sh
# Debian's own xenstore tools and its xenconsole, on a running guest's socket.
. "$(dirname "$0")/lib.sh"
xenconsole=$(ls /usr/lib/xen-*/bin/xenconsole 2>/dev/null | tail -n 1)
command -v xenstore-ls >/dev/null || skip "there is no xenstore-ls (xenstore-utils)"
[ -n "$xenconsole" ] || skip "there is no xenconsole (xen-utils)"

# same WANT COMMAND...: the command's output
same()
{
    want=$1
    shift
    got=$("$@" 2>&1) || fail "$*: status $?: $got"
    [ "$got" = "$want" ] || fail "$*: '$got' instead of '$want'"
}

start_guest xenstore 128 ""
export XENSTORED_PATH="$guest_dir/xenstore"
home=/local/domain/1

# what the toolstack wrote, and what the guest's driver wrote into its ring
same "xenstore" xenstore-read $home/name
until_true "the guest's xenbus is not up" "xenstore-exists $home/control/feature-poweroff"
same 1 xenstore-read $home/control/feature-poweroff
xenstore-ls -f | grep -q "^$home/memory/target = \"131072\"" || fail "xenstore-ls -f"
xenstore-ls | grep -q "^  1 = \"\"" || fail "xenstore-ls"

same "" xenstore-write /tool/one 1 /tool/two 2
same "1
2" xenstore-read /tool/one /tool/two
same "one
two" xenstore-list /tool
same "" xenstore-exists /tool/one
! xenstore-exists /tool/three || fail "xenstore-exists finds what is not there"
! xenstore-read /tool/three 2>/dev/null || fail "xenstore-read reads what is not there"
same "" xenstore-chmod -r /tool n0 r1 b2
xenstore-ls -fp /tool | grep -q '^/tool/one = "1" *(n0,r1,b2)' || fail "xenstore-chmod"
same "" xenstore-rm -t /tool/one
same "two" xenstore-list /tool
same "" xenstore-rm /tool
! xenstore-exists /tool || fail "xenstore-rm"

# more names than fit into one answer
seq -f "/many/a-name-of-some-length-%g" 1 400 | while read -r path; do echo "$path" x; done |
    xargs -n 100 xenstore-write || fail "writing many"
[ "$(xenstore-list /many | wc -l)" = 400 ] || fail "xenstore-list of many"
xenstore-rm /many

# a watch fires when it is set, and at the change
mkfifo "$work/events"
xenstore-watch -n 2 /watched >"$work/events" &
watcher=$!
{
    read -r first
    xenstore-write /watched/below 1
    read -r second
} <"$work/events"
wait $watcher || fail "xenstore-watch failed"
[ "$first $second" = "/watched /watched/below" ] || fail "watch: $first $second"

# xenconsole finds the console's terminal in xenstore; Ctrl-] ends it
python3 "$(dirname "$0")/ptychat.py" '/ # ' 'echo $((40+2)) heard\r' '42 heard' '\x1d' \
    -- "$xenconsole" --type pv 1 >"$work/talk" 2>&1 || { cat "$work/talk"; fail "xenconsole"; }

# the clients outlive the guest's reboot: a watch of one fires again, on the new guest's tree
xenstore-watch $home/control/feature-reboot >"$work/events" &
watcher=$!
{
    read -r first
    xenstore-write $home/control/shutdown reboot
    for n in 1 2 3; do
        read -r first || fail "the watcher was disconnected"
    done
} <"$work/events"
until_true "no reboot" "xenstore-exists $home/control/feature-reboot"
kill $watcher
same "" xenstore-read $home/control/shutdown

xenstore-write $home/control/shutdown poweroff
end_guest
expect_status 0
