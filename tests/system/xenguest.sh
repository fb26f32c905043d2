#!/bin/sh
# A guest from an image, the example's: created, started, logged in to, stopped, removed; its scripts; what is refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/xenguest-lib.sh"
chat=$(cd "$(dirname "$0")" && pwd)/ptychat.py

export SEEN="$work/seen" MANAGER
for when in pre d post; do
    printf 'echo "%s $1 $GREETING $(pwd) $("$MANAGER" status "$1")" >>"$SEEN"\n' $when >"$work/10-$when"
done
printf '#!/bin/sh\n[ ! -e "$SEEN.fail" ]\n' >"$work/20-may-fail"
XENGUEST_MKIMAGE="$MKIMAGE" sh "$example/make-image.sh" "$work/deb.xenguest" "$KERNEL" \
    "$(dirname "$KERNEL")/kernel/lib/modules" --init-pre="$work/10-pre" --init-script="$work/10-d" \
    --init-script="$work/20-may-fail" --init-post="$work/10-post" || fail "the example's image"

manager_refuses "no guest 'deb'" start deb
manager_refuses "is no name for a guest" create "$work/deb.xenguest" ../x
manager_refuses "none.xenguest" create "$work/none.xenguest"
manager create "$work/deb.xenguest"
expect_said ""
manager_refuses "is a guest 'deb' already" create "$work/deb.xenguest" deb
manager list
expect_said deb
manager status
expect_said "deb Stopped"
disk=$work/root/var/lib/xenguest/deb.img
e2fsck -fn "$disk?offset=1048576" >"$work/fsck" 2>&1 || fail "fsck: $(cat "$work/fsck")"
[ "$(du -m "$disk" | cut -f1)" -lt 60 ] || fail "the disk is not sparse: $(du -m "$disk")"

manager start deb
manager status deb
expect_said "deb Running"
guests=$work/root/etc/xenguest/guests
cat >"$work/expected" <<EOF
pre deb hello there $guests/deb deb Stopped
d deb hello there $guests/deb deb Running
post deb hello there $guests/deb deb Running
EOF
cmp -s "$SEEN" "$work/expected" || fail "scripts: $(cat "$SEEN")"
manager_refuses "'deb' is running" start deb
python3 "$chat" "login: " 'root\r' "Password: " 'secret\r' '~ # ' 'hostname; stat -c %a:%u /etc/passwd; mount\r' \
    'from-a-tar' '' '600:0' '' '/dev/xvda1 on / type ext4 (rw' '\x1d' -- "$XENNER_CONSOLE" deb \
    >"$work/talk" 2>&1 || { cat "$work/talk"; fail "no login"; }
manager stop deb
manager status deb
expect_said "deb Stopped"
manager stop deb
e2fsck -fn "$disk?offset=1048576" >"$work/fsck" 2>&1 || fail "fsck after the guest: $(cat "$work/fsck")"

# a script that fails takes the guest back; kill; a manager that dies leaves a paused guest
: >"$SEEN.fail"
manager_refuses "init.d/20-may-fail: .*1" start deb
manager status deb
expect_said "deb Stopped"
rm "$SEEN.fail"
mkfifo "$work/fifo"
printf 'echo waiting >"%s"; exec cat "%s"\n' "$work/fifo" "$work/fifo" >"$guests/deb/init.d/30-wait"
"$MANAGER" start deb &
starter=$!
read -r line <"$work/fifo"
manager_refuses "'deb' is being started" start deb
manager_refuses "'deb' is being started" remove deb
kill -9 $starter
wait $starter 2>/dev/null
manager status deb
expect_said "deb Running"
rm "$guests/deb/init.d/30-wait"
: >"$work/fifo" # the script that nobody waits for any more
"$MANAGER" start deb 2>"$work/said" || fail "anew: $(cat "$work/said")"
grep -q "half started" "$work/said" || fail "anew: $(cat "$work/said")"
manager kill deb
manager status deb
expect_said "deb Stopped"

# one that waits for nobody, or is kept after its end, is stopped at once
echo "exit 1" >"$guests/deb/init.d/30-fail"
printf 'kill -9 $PPID\n' >"$guests/deb/init.d/25-killer"
"$MANAGER" start deb 2>/dev/null && fail "start was killed"
manager status deb
expect_said "deb Running"
manager stop deb
rm "$guests/deb/init.d/30-fail" "$guests/deb/init.d/25-killer"
echo 'on_poweroff = "preserve"' >"$guests/deb/guest.d/preserve"
manager start deb
python3 "$chat" "login: " '' -- "$XENNER_CONSOLE" deb >"$work/talk" 2>&1 &
until grep -q "login: " "$work/talk" 2>/dev/null; do
    kill -0 $! || fail "no login: $(cat "$work/talk")"
    sleep 0.1
done
kill $!
manager stop deb
manager status deb
expect_said "deb Stopped"

# removing ends it first
manager start deb
manager remove deb
expect_nothing_left
manager list
expect_said ""

# on a terminal one sees how far it is, and nothing of it in the end
python3 "$chat" 'unpacking root.tar.xz: 0%\x1b[K' '' '\r\x1b[K' '' -- "$MANAGER" create "$work/deb.xenguest" terminal \
    >"$work/talk" 2>&1 || fail "no progress: $(cat -v "$work/talk")"
[ "$(tail -c 4 "$work/talk" | od -An -c | tr -d ' ')" = '\r033[K' ] || fail "progress stays: $(cat -v "$work/talk")"
manager remove terminal
expect_nothing_left
