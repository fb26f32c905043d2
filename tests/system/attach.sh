#!/bin/sh
# xenner-console: finds guests, talks to their consoles, and says what is wrong.
. "$(dirname "$0")/lib.sh"
: "${XENNER_CONSOLE:?}"
chat=$(cd "$(dirname "$0")" && pwd)/ptychat.py
uuid=6fbe4ba3-0ab6-4d5e-9a4a-9c7c0c3f0002

# refuse WHAT ARGUMENTS...: one line of error, status 1
refuse()
{
    want=$1
    shift
    status=0
    "$XENNER_CONSOLE" "$@" </dev/null >"$work/refused" 2>&1 || status=$?
    [ "$status" = 1 ] || fail "status $status: $*"
    [ "$(wc -l <"$work/refused")" = 1 ] || fail "not one line: $(cat "$work/refused")"
    grep -q -- "$want" "$work/refused" || fail "no '$want': $(cat "$work/refused")"
}

refuse "no guest 'nobody' is running" nobody
refuse "needs one" a b
refuse "Unknown option" --nonsense nobody

cd "$work"
start_guest attach 128 "xenner.run=shell1" -serial unix:sock,server=on,wait=off -serial null
first=$pid
cd /
python3 "$chat" "Connected to 'attach'; Ctrl-] ends." '' "/ # " 'echo $((40+2)) sock\r' \
    '42 sock' '\x1d' -- "$XENNER_CONSOLE" -n 1 attach >"$work/talk" 2>&1 ||
    { cat "$work/talk"; fail "attach to a socket"; }
refuse "its console is null" -n 2 attach
refuse "it has no console 7" -n 7 attach

# the pty of another; when the guest ends, so do we
"$XENNER" -accel "$ACCEL" -name attach -uuid $uuid -m 128 -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=hvc0" -serial pty </dev/null >"$work/out2" 2>"$work/err2" &
second=$!
until_true "no second guest" "[ -s $XENNER_RUNTIME_DIR/$uuid/console.0 ]"
refuse "2 guests are called 'attach'.*$first" attach
"$XENNER_CONSOLE" -l >"$work/list"
grep -q "^attach  *$uuid  *$second$" "$work/list" || fail "list: $(cat "$work/list")"
grep -q "^attach  *-  *$first$" "$work/list" || fail "list: $(cat "$work/list")"
python3 "$chat" "/ # " 'echo $((40+3)) pty\r' '43 pty' 'poweroff -f\r' 'The guest has ended.' '' \
    -- "$XENNER_CONSOLE" $uuid >"$work/talk" 2>&1 || { cat "$work/talk"; fail "attach to a pty"; }
status=0
wait $second || status=$?
expect_status 0

# without a terminal, by pid: what is piped in is typed, what comes out is shown until the end
kill $first
end_guest
start_guest attach 128 ""
echo 'echo $((40+4)) piped; poweroff -f' |
    timeout "$TEST_TIMEOUT" "$XENNER_CONSOLE" $pid >"$work/talk" 2>&1 || fail "piped: $?"
grep -q "44 piped" "$work/talk" || fail "piped: $(cat "$work/talk")"
end_guest
expect_status 0
[ -z "$("$XENNER_CONSOLE" -l)" ] || fail "guests that ended are listed"
