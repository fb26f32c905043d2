# For the tests of vivm with a libvirtd of their own: sourced after libvirt-lib.sh.
export XDG_STATE_HOME="$dir/state" HOME="$dir" VIVM_VIEWER=
unset VISUAL DISPLAY WAYLAND_DISPLAY

# vivm STATUS ARGUMENTS: its own words in vivm.err, what it prints in vivm.out
vivm()
{
    want=$1 got=0
    shift
    "$VIVM" "$@" >"$dir/vivm.out" 2>"$dir/vivm.err" || got=$?
    [ $got = "$want" ] || { cat "$dir/vivm.out" "$dir/vivm.err"; fail "vivm $*: status $got, not $want"; }
}

said()
{
    grep -q -- "$1" "$dir/vivm.err" || { cat "$dir/vivm.err"; fail "vivm did not say '$1'"; }
}

printed()
{
    grep -q -- "$1" "$dir/vivm.out" || { cat "$dir/vivm.out"; fail "vivm did not print '$1'"; }
}
