#!/bin/sh
# Further consoles: output without a loss, a driver that goes and comes, input, a guest's reboot.
. "$(dirname "$0")/lib.sh"

keep=
[ "$ACCEL" != xen ] || keep=xenner.keep
boot 128 2 "xenner.run=consoles $keep" -serial stdio -serial "file:$work/one" \
    -chardev "file,id=two,path=$work/two" -device xen-console,chardev=two
expect_status 0
expect_line "consoles: good, up to hvc2"
for n in 1 2; do
    file=$work/one
    [ $n = 1 ] || file=$work/two
    { echo "this is hvc$n"; seq 5000; echo "this is hvc$n again"; } >"$work/want"
    tr -d '\r' <"$file" | cmp -s - "$work/want" || fail "hvc$n lost output: $(tail -n 3 "$file")"
done
! grep -q "this is hvc" "$work/out" || fail "hvc1's or hvc2's output is on hvc0"

# a shell on hvc1 whose guest reboots under it; the connection outlives that
prompt="/ # "
status=0
TEST_TIMEOUT=$TEST_TIMEOUT python3 "$(dirname "$0")/chat.py" "$work/sock" \
    "$prompt" 'echo $((40+2)) first' "42 first" '' "$prompt" 'exit' \
    "$prompt" 'echo $((40+3)) second' "43 second" '' \
    -- "$XENNER" -accel "$ACCEL" -name console2 -m 128 -kernel "$KERNEL" -initrd "$INITRD" \
    -append "console=hvc0 xenner.run=shell1 xenner.end=reboot" -serial "file:$work/out" \
    -serial "unix:$work/sock" >"$work/heard" 2>"$work/err" || status=$?
[ $status = 0 ] || cat "$work/heard"
expect_status 0
expect_no_children console2
