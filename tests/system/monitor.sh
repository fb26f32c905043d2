#!/bin/sh
# A guest's life as QMP commands it, with nothing but a shell: where it is paused, what it runs on, power-off.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ask-lib.sh"
mkfifo "$work/in"
"$XENNER" -accel "$ACCEL" -name monitor -uuid 01234567-89ab-cdef-0123-456789abcdef -S -m 128 -smp 2 \
    -kernel "$KERNEL" -initrd "$INITRD" -append "console=hvc0" -serial "file:$work/console" -no-shutdown \
    -display none -qmp stdio <"$work/in" >"$work/out" 2>"$work/err" &
pid=$! guest=$!
exec 3>"$work/in"
status_is()
{
    ask query-status "\"status\":\"$1\""
}

ask qmp_capabilities return
status_is prelaunch
ask query-name '"name":"monitor"'
ask query-uuid 01234567-89ab-cdef-0123-456789abcdef
[ "$ACCEL" = kvm ] || ask query-kvm '"enabled":false'
ask query-cpus-fast '"cpu-index":1'
[ ! -s "$work/console" ] || fail "it runs already"
ask cont return
status_is running
until_true "no boot" "grep -q 'guest is up' $work/console"
ask stop return
status_is paused
ask cont return
ask balloon '{"value": 100663296}' return
ask system_reset return
status_is running
until_true "no second boot" "[ \$(grep -c 'guest is up' $work/console) = 2 ]"
ask inject-nmi return
until_true "no NMI" "grep -q 'NMI received for unknown reason .* on CPU 0' $work/console"
ask system_powerdown return
until_true "no power-off" "grep -q 'SHUTDOWN' $work/out"
status_is shutdown
ask quit return
wait_guest
expect_status 0
expect_no_children monitor
