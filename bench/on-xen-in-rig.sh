#!/bin/sh
# on-xen-in-rig.sh ROUNDS: in dom0 of the rig xenhost. The same guest by `xl create`, by xenner, and by xenner with a
# screen, in turn: seconds from the command to its init, as xenconsoled's log of the guest's console tells for all of
# them; then medians, and what xenner had resident with VNC on.
set -eu
work=/tmp/on-xen
logs=/var/log/xen/console
words="console=hvc0 quiet"
mkdir $work
mkfifo $work/lines $work/reply
exec 3<>$work/reply # has a reader always, so that nobody waits for one

fail()
{
    echo "on-xen-in-rig: $*" >&2
    cat $work/err >&2
    exit 1
}

# The log of guest $1 is being read before the guest is there: the same two programs, at the same time, for all.
# mawk reads whole blocks from pipes unless told otherwise.
watch()
{
    log=$logs/guest-$1.log
    echo watching >"$log"
    timeout 120 tail -n +1 -f "$log" >$work/lines &
    tail=$!
    awk -W interactive '
        /^watching/ { print "ready"; fflush() }
        /guest is up/ { getline now <"/proc/uptime"; print now; up = 1; exit }
        END { if (!up) print "never" }' <$work/lines >&3 &
    read -r line <&3
    read -r begin rest </proc/uptime
}

# Adds the seconds of this round to $work/$1.
take()
{
    read -r end rest <&3
    [ "$end" != never ] || fail "the guest of $1 was not up within 120 s"
    kill $tail 2>/dev/null || true # it may have seen that its reader is gone
    echo "$begin $end" | awk '{ printf "%.2f\n", $2 - $1 }' >>"$work/$1"
}

with_xl()
{
    printf '%s\n' "name = 'xl'" "type = 'pv'" "kernel = '/assets/vmlinux'" "ramdisk = '/assets/initrd.gz'" \
        "vcpus = 1" "memory = 128" "extra = '$words'" >$work/cfg
    watch xl
    xl create $work/cfg >$work/err 2>&1 || fail "xl create failed"
    take xl
    xl destroy xl
}

# with_xenner NAME OPTIONS...
with_xenner()
{
    name=$1
    shift
    watch "$name"
    xenner -accel xen -name "$name" -m 128 -smp 1 -kernel /assets/vmlinux -initrd /assets/initrd.gz \
        -append "$words" -display none -serial null -monitor none "$@" </dev/null >$work/err 2>&1 &
    take "$name"
    sed -n 's/^VmRSS:[^0-9]*//p' /proc/$!/status >>"$work/$name.rss"
    kill -TERM $!
    wait $! || fail "xenner did not end well"
}

middle()
{
    sort -n "$work/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

for i in $(seq "$1"); do
    with_xl
    with_xenner xenner
    with_xenner screen -vnc unix:$work/vnc
    echo "round $i: xl create $(tail -n 1 $work/xl) s, xenner $(tail -n 1 $work/xenner) s," \
        "with -vnc $(tail -n 1 $work/screen) s"
done
echo "$(middle xl) $(middle xenner) $(middle screen)" | awk '{
    printf "medians: xl create %.2f s, xenner %.2f s (ratio %.2f), with -vnc %.2f s (ratio %.2f)\n", $1, $2, $2 / $1,
        $3, $3 / $1 }'
echo "xenner has resident, with VNC on: $(sort -n $work/screen.rss | tail -n 1)"
