#!/bin/sh
# Memory that the guest gives back is the host's again, and comes back empty.
. "$(dirname "$0")/lib.sh"
command -v xenstore-write >/dev/null || skip "there is no xenstore-write (xenstore-utils)"
chat=$(dirname "$0")/ptychat.py

# KiB that the guest's memory takes of the host's, and of the process that runs it
used()
{
    if [ "$ACCEL" = xen ]; then
        echo $(($(xl list balloon | awk 'NR == 2 { print $3 }') * 1024))
        return
    fi
    for fd in /proc/$pid/fd/*; do
        case $(readlink $fd) in
            /memfd:* | /\#*) echo $(($(stat -L -c %b $fd) / 2)); return ;;
        esac
    done
    fail "no file of the guest's memory"
}

resident()
{
    runner=$(pgrep -f "name xenner-balloon," || echo $pid)
    sed -n 's/^RssShmem:[^0-9]*\([0-9]*\).*/\1/p' /proc/$runner/status
}

# in_guest COMMAND: until it has printed "finished"
in_guest()
{
    python3 "$chat" '' '\r' "/ # " "$1; echo finish''ed\\r" "finished" '\x1d' -- "$XENNER_CONSOLE" -n 0 balloon \
        >"$work/talk" 2>&1 </dev/null || { tail -n 20 "$work/talk"; fail "in the guest: $1"; }
}

start_guest balloon 256 ""
use_store
target=$store/memory/target
in_guest "mount -o remount,size=90% /tmp; dd if=/dev/zero of=/tmp/x bs=1M count=115; rm /tmp/x"
full=$(used) full_rss=
[ "$ACCEL" = xen ] || full_rss=$(resident)
[ "$full" -gt 150000 ] || fail "only $full KiB were in use"

# 112 MiB go; the host had not yet given all of them to the guest
xenstore-write $target 147456
until_true "the host's memory stays $full KiB" "[ \$(used) -lt $((full - 80000)) ]"
if [ "$ACCEL" != xen ]; then # there it is Xen's memory, none of the process
    echo "memory: $full KiB, then $(used) KiB; resident $full_rss KiB, then $(resident) KiB"
    [ "$(resident)" -lt $((full_rss - 80000)) ] || fail "the process keeps $(resident) KiB of $full_rss"
fi

# and come again; there is work for them
xenstore-write $target 262144
in_guest "until [ \$(cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb) = 262144 ]; do sleep 0.1; done; \
dd if=/dev/urandom of=/tmp/x0 bs=1M count=1; for i in \$(seq 110); do cp /tmp/x0 /tmp/x\$i; done; \
[ \$(md5sum /tmp/x* | cut -c1-32 | uniq | wc -l) = 1 ] && echo sa''me"
grep -q same "$work/talk" || { tail -n 20 "$work/talk"; fail "the memory is not good"; }
xenstore-write $store/control/shutdown poweroff
end_guest
expect_status 0
