#!/bin/sh
# An idle guest needs nothing from the program: no vCPU leaves KVM for user space.
. "$(dirname "$0")/lib.sh"
[ "$ACCEL" = kvm ] || skip "what an idle guest costs on tcg is QEMU's loop, see docs/performance.md"
trace=/sys/kernel/tracing
mount -t tracefs tracefs "$trace" 2>/dev/null
exits=$trace/events/kvm/kvm_userspace_exit
[ -w "$exits/trigger" ] || skip "no tracepoints here (tracefs, root)"

"$XENNER" -accel kvm -name idle -m 128 -smp 2 -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=hvc0" -serial "file:$work/out" </dev/null 2>"$work/err" &
pid=$!
tries=0
until grep -q 'guest is up' "$work/out" 2>/dev/null; do
    kill -0 $pid 2>/dev/null || fail "xenner ended"
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { kill -9 $pid; fail "no boot"; }
    sleep 0.1
done
sleep 5 # what boot left to be done: it has no end that could be seen
echo 'hist:keys=reason' >"$exits/trigger"
echo 'hist:keys=exit_reason' >"$trace/events/kvm/kvm_exit/trigger"
sleep "${IDLE_SECONDS:-5}"
cat "$exits/hist" >"$work/hist"
cat "$trace/events/kvm/kvm_exit/hist" >"$work/exits"
echo '!hist:keys=reason' >"$exits/trigger"
echo '!hist:keys=exit_reason' >"$trace/events/kvm/kvm_exit/trigger"
kill -TERM $pid
wait $pid
echo "in ${IDLE_SECONDS:-5} s: $(sed -n 's/^ *Hits: //p' "$work/exits") exits," \
    "$(sed -n 's/^ *Hits: //p' "$work/hist") of them to user space"
[ "$(sed -n 's/^ *Hits: //p' "$work/hist")" = 0 ] || { cat "$work/hist"; fail "exits to user space"; }
