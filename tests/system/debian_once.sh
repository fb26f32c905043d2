#!/bin/sh
# A whole Debian, chosen by GRUB, on the disk $DEBIAN, which is changed: login, files, network, xenstore,
# power-off, and a file system that fsck finds clean, with the files. For machines that have little but a shell.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/bin:/usr/sbin:/sbin
[ -e "${DEBIAN:=}" ] || skip "no disk image with Debian: make build/assets/debian.img, as root"
[ "$ACCEL" = kvm ] || skip "for a machine of its own, whose disk may be changed"

# Reads the console up to the text.
expect()
{
    seen=
    while IFS= read -r -n 1 -t "$TEST_TIMEOUT" c; do
        seen=$seen$c
        printf '%s' "${c:-
}" >&9
        case $seen in
            *"$1") return ;;
        esac
    done <&8
    fail "no '$1' on the console"
}

answer()
{
    echo "$1" >&7
}

seq 200000 >"$work/numbers"
sum=$(md5sum <"$work/numbers" | cut -d' ' -f1)
prompt="root@xenner:~# "
mkfifo "$work/in" "$work/console"
exec 9>"$work/out"
httpd -p 127.0.0.1:8080 -h "$work"
"$XENNER" -accel "$ACCEL" -name debian -m 512 -drive "file=$DEBIAN,format=raw" -nic user -serial stdio -d domain -D "$work/log" \
    <"$work/in" >"$work/console" 2>"$work/err" &
pid=$! guest=$!
exec 7>"$work/in" 8<"$work/console"
expect "xenner login: "
grep -q "entry 'Debian' is started without the boot loader" "$work/log" || fail "GRUB started the kernel itself"
answer root
expect "Password: "
answer xenner
expect "$prompt"
answer 'until ip -4 -br addr | grep -q 10.0; do sleep 1; done'
expect "$prompt"
answer 'wget -qO numbers http://10.0.2.2:8080/numbers; sync; md5sum <numbers'
expect "$sum"
expect "$prompt"
export XENSTORED_PATH=$XENNER_RUNTIME_DIR/debian-$pid/xenstore
for device in vbd/51712 vif/0; do
    state=$(xenstore-read "/local/domain/1/device/$device/state")
    [ "$state" = 4 ] || fail "$device is in state '$state'"
done
answer poweroff
cat <&8 >&9
wait_guest
expect_status 0
e2fsck -fn "$DEBIAN?offset=1048576" >"$work/fsck" 2>&1 || { cat "$work/fsck"; fail "fsck"; }
debugfs -R "cat /root/numbers" "$DEBIAN?offset=1048576" 2>/dev/null | cmp - "$work/numbers" ||
    fail "the file is not on the disk"
