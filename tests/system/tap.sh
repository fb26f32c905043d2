#!/bin/sh
# tap.sh VCPUS [MACHINE]: our own PV kernel (tests/guest) finds nothing wrong with what it runs on.
. "$(dirname "$0")/lib.sh"
run_xenner -m 32 -smp "$1" -kernel "$TEST_KERNEL" -append "vcpus=$1 ${TEST_WORDS:-}" -nographic -name "tap$1" \
    -machine "xenpv${2:+,$2}"
tr -d '\r' <"$work/out" >"$work/tap"
! grep '^not ok' "$work/tap" || fail "the lines above"
expect_status 0
plan=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$work/tap")
[ -n "$plan" ] || fail "no plan: the kernel did not reach its end"
[ "$plan" -gt 0 ] || fail "an empty plan"
if [ "$(grep -c '^ok ' "$work/tap")" != "$plan" ]; then
    echo "what is no test's line, and the tests that have none of their own:"
    grep -v '^ok ' "$work/tap"
    for i in $(seq "$plan"); do
        grep -q "^ok $i " "$work/tap" || echo "missing: $i"
    done
    fail "not $plan lines of 'ok'"
fi
expect_no_children "tap$1"
