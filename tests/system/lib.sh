# For the system tests: sourced. $XENNER, $KERNEL, $INITRD, $ACCEL (tcg, kvm) come from meson or a rig.
# A test writes what failed and exits with 1; it exits with 77 after a line with the reason to skip.
set -u
: "${ACCEL:=tcg}" "${TEST_TIMEOUT:=120}"
work=$(mktemp -d)
export XENNER_RUNTIME_DIR="$work/run" XENNER_CACHE_DIR="${XENNER_CACHE_DIR-}" # none but the one given
timeout=$(which timeout) # busybox's shell would take its own, which does not say that the time was over
guest=
trap '[ -z "$guest" ] || kill -9 $guest; rm -rf "$work"' EXIT

fail()
{
    echo "FAIL: $*"
    [ ! -s "$work/out" ] || { echo "--- the guest's console, last lines:"; tail -n 40 "$work/out"; }
    [ ! -s "$work/err" ] || { echo "--- stderr:"; tail -n 40 "$work/err"; }
    exit 1
}

skip()
{
    echo "$*"
    exit 77
}

# Runs xenner with the arguments; its output in $work/out and $work/err, its status in $status.
run_xenner()
{
    status=0
    "$timeout" -k 5 "$TEST_TIMEOUT" "$XENNER" -accel "$ACCEL" "$@" </dev/null \
        >"$work/out" 2>"$work/err" || status=$?
    [ "$status" != 124 ] || fail "no end after $TEST_TIMEOUT s"
}

# The same with Debian's kernel: boot MEMORY VCPUS "kernel words" [options]
boot()
{
    memory=$1 vcpus=$2 words=$3
    shift 3
    run_xenner -m "$memory" -smp "$vcpus" -kernel "$KERNEL" -initrd "$INITRD" \
        -append "console=hvc0 $words" -nographic "$@"
}

expect_status()
{
    [ "$status" = "$1" ] || fail "exit status $status, not $1"
}

expect_line()
{
    grep -q -- "$1" "$work/out" || fail "no line '$1'"
}

# The test kernel (tests/guest) came to its end and found nothing wrong.
expect_tap()
{
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
}

expect_no_children()
{
    ! pgrep -f "name xenner-$1," >/dev/null || fail "a QEMU process was left behind"
}

# For a guest in the background: start_guest NAME MEMORY "kernel words" [options]; its process is $pid, its
# directory $guest_dir, its console a pty unless $serial says otherwise.
serial=pty
start_guest()
{
    name=$1 memory=$2 words=$3
    shift 3
    "$XENNER" -accel "$ACCEL" -name "$name" -m "$memory" -kernel "$KERNEL" -initrd "$INITRD" \
        -append "console=hvc0 $words" -serial "$serial" "$@" </dev/null >"$work/out" 2>"$work/err" &
    pid=$! guest=$!
    until_true "no xenstore socket" "[ -s $XENNER_RUNTIME_DIR/$name-$pid/console.0 ]"
    guest_dir=$XENNER_RUNTIME_DIR/$name-$pid
}

# Where the guest's nodes are in xenstore: $store; the xenstore tools ask the one that has them.
use_store()
{
    store=/local/domain/1
    if [ "$ACCEL" = xen ]; then
        store=/local/domain/$(xl domid "$name")
    else
        export XENSTORED_PATH="$guest_dir/xenstore"
    fi
}

# until_true COMPLAINT COMMAND: while the guest $pid lives, for things that tell nobody.
until_true()
{
    tries=0
    until eval "$2"; do
        kill -0 $pid 2>/dev/null || { guest=; fail "xenner ended: $1"; }
        tries=$((tries + 1))
        [ $tries -lt $((TEST_TIMEOUT * 10)) ] || fail "$1"
        sleep 0.1
    done
}

# The end of the guest $pid, whose exit status is in $status.
wait_guest()
{
    status=0
    wait $pid || status=$?
    guest=
}

# The same, and nothing of it left.
end_guest()
{
    wait_guest
    expect_no_children "$name"
    [ ! -e "$guest_dir" ] || fail "$guest_dir was left behind"
}
