#!/bin/sh
# on-xen-in-rig.sh ROUNDS: in dom0 of the rig xenhost. The same guest by `xl create` and by xenner, in turn: seconds from
# the command to its init, the medians, and what xenner then had resident, with VNC on.
set -eu
words="console=hvc0 quiet xenner.demo"
rm -f /tmp/xl /tmp/xenner /tmp/rss

now()
{
    cut -d' ' -f1 /proc/uptime
}

# Its guest's shell waits: there is time to look at the process.
with_xenner()
{
    mkfifo /tmp/console
    begin=$(now)
    xenner -accel xen -name bench -m 128 -smp 1 -kernel /assets/vmlinux -initrd /assets/initrd.gz \
        -append "console=hvc0 quiet" -nographic -vnc unix:/tmp/vnc </dev/null >/tmp/console 2>/tmp/err &
    awk -v begin="$begin" '
        /guest is up/ { getline now < "/proc/uptime"; printf "%.2f\n", now - begin; exit }' /tmp/console
    sed -n 's/^VmRSS:[^0-9]*//p' /proc/$!/status >>/tmp/rss
    kill -TERM $!
    wait $! || true
    rm /tmp/console
}

middle()
{
    sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

for i in $(seq "$1"); do
    xenhost-guest "xl$i" /assets/vmlinux /assets/initrd.gz 1 128 "$words" |
        sed -n 's/^xenhost: up after \(.*\) s$/\1/p' >>/tmp/xl
    with_xenner >>/tmp/xenner
    echo "round $i: xl create $(tail -n 1 /tmp/xl) s, xenner $(tail -n 1 /tmp/xenner) s"
done
echo "$(middle /tmp/xl) $(middle /tmp/xenner)" |
    awk '{ printf "medians: xl create %.2f s, xenner %.2f s, ratio %.2f\n", $1, $2, $2 / $1 }'
echo "xenner has resident, with VNC on: $(sort -n /tmp/rss | tail -n 1)"
