# Runs on the rig's machine. At each "begin NAME" of the guest the counters so far belong to the step before.
trace=/sys/kernel/tracing/events/kvm
mount -t tracefs tracefs /sys/kernel/tracing
echo 'hist:keys=exit_reason' >$trace/kvm_exit/trigger
echo 'hist:keys=reason' >$trace/kvm_userspace_exit/trigger
hits()
{
    sed -n 's/^ *Hits: //p' $trace/$1/hist
}
now()
{
    cut -d' ' -f1 /proc/uptime
}
mkfifo /tmp/console
xenner -accel kvm -m 256 -smp 1 -kernel $KERNEL -initrd $INITRD -append "console=hvc0 quiet xenner.run=exits" \
    -serial file:/tmp/console </dev/null &
step= exits=0 user=0 start=0
printf '%-12s %9s %12s %10s\n' step "exits" "to xenner" "seconds"
while read -r word name rest; do
    [ "$word" = begin ] || continue
    e=$(hits kvm_exit) u=$(hits kvm_userspace_exit) t=$(now)
    [ -z "$step" ] || printf '%-12s %9d %12d %10s\n' "$step" $((e - exits)) $((u - user)) \
        "$(echo "$t $start" | awk '{ print $1 - $2 }')"
    step=$name exits=$e user=$u start=$t
done </tmp/console
wait
