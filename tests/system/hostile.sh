#!/bin/sh
# hostile.sh VCPUS: guests that misuse every call, or break themselves: the program ends as documented.
. "$(dirname "$0")/lib.sh"

# guest "kernel words" STATUS...
guest()
{
    words=$1
    shift
    run_xenner -m 32 -smp "$vcpus" -kernel "$TEST_KERNEL" -append "vcpus=$vcpus $words" -nographic \
        -no-reboot -name hostile
    ! grep '^not ok' "$work/out" || [ "$1" != 0 ] || fail "$words: the lines above"
    for s; do
        [ "$status" != "$s" ] || return 0
    done
    fail "$words: exit status $status, not one of: $*"
}

vcpus=$1
for seed in 1 2 3; do
    guest "run=hostile seed=$seed" 0
    expect_line "random calls: alive"
    # what ends a guest among the calls: powered off, wanted a reboot, crashed
    guest "run=hostile wild=1 seed=$seed" 0 3 4
done
for end in stack entry-stack no-handler iret callback unmap; do
    guest "run=version end=$end" 4
    grep -q "the guest crashed" "$work/err" || fail "end=$end: no crash report"
done
expect_no_children hostile
