#!/bin/sh
# A xenner that is killed while it makes a domain, or that ends while an unplug of the kernel's disk is pending.
. "$(dirname "$0")/xenends-lib.sh"
truncate -s 1M "$work/disk"

# cleaned_up: the start whose words are in $work/err ended what the one before it left, and said no more than that
cleaned_up()
{
    grep -q "domain [0-9]* is left over" "$work/err" || fail "no word of the domain that was left over"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "more than a line"
}

# killed_at N: killed behind its Nth domctl
killed_at()
{
    timeout 60 "$KILLDOMCTL" "$1" "$XENNER" -accel xen -name half -m 32 -kernel "$TEST_KERNEL" -serial null </dev/null \
        2>"$work/err" || fail "killdomctl $1: status $?"
    [ "$(domains)" = 1 ] || fail "$(domains) domains instead of the one that is left"
}

# pending [WORD]: $pid has a guest, with that word, that does not let go of a disk which it is to lose
pending()
{
    rm -f "$work/commands"
    mkfifo "$work/commands"
    : >"$work/out"
    "$XENNER" -accel xen -name pending -m 32 -kernel "$TEST_KERNEL" -append "run=diskwriter host=xen ${1-}" -display none \
        -drive "file=$work/disk,format=raw,if=none,id=d" -device xen-disk,drive=d,id=x -serial "file:$work/out" \
        -monitor stdio <"$work/commands" >"$work/monitor" 2>"$work/err" &
    pid=$! guest=$!
    exec 3>"$work/commands"
    until_true "nothing is written" "grep -q flushed $work/out"
    state=/local/domain/0/backend/vbd/$(xl domid pending)/51712/state
    echo "device_del x" >&3
}

asked()
{
    until_true "no unplug" "[ \"\$(xenstore-read $state)\" = 5 ]"
}

gone()
{
    guest=
    exec 3>&-
    [ "$(domains)" = 0 ] || fail "a domain is left behind"
    [ -z "$(losetup -a)" ] || fail "a loop device is left behind"
    ! xenstore-list /tool | grep xenner || fail "a note is left behind"
}

# Each start is behind one that was killed.
killed_at 1 # no word of the domain in xenstore yet
killed_at 6 # while it is being built; the first of them end what was left
cleaned_up
pending
cleaned_up
asked
kill -9 $pid
wait $pid 2>/dev/null
exec 3>&-

pending
cleaned_up
asked
kill -TERM $pid
wait $pid || fail "status $? after a signal"
gone

pending until=unplug
status=0
wait $pid || status=$?
expect_status 0
grep -q "^1\.\." "$work/out" || fail "not the guest's own end"
[ ! -s "$work/err" ] || fail "a warning"
gone
