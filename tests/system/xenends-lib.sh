# Sourced, in place of lib.sh, by tests of how domains end on a Xen host.
. "$(dirname "$0")/lib.sh"
[ "$ACCEL" = xen ] || skip "for Xen hosts"

# idle NAME [OPTIONS...]: a guest that runs until somebody ends it; its process is $pid
idle()
{
    name=$1
    shift
    : >"$work/out"
    "$XENNER" -accel xen -name "$name" -m 32 -kernel "$TEST_KERNEL" -append "run=version end=halt" \
        -serial "file:$work/out" "$@" </dev/null 2>"$work/err" &
    pid=$! guest=$!
    until_true "no plan" "grep -q '^1\.\.[0-9]' $work/out"
}

domains()
{
    xl list | tail -n +3 | wc -l
}
