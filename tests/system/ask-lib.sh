# Sourced, after lib.sh: QMP with nothing but a shell. The monitor reads what is written to descriptor 3, and writes to $work/out.
asked=0

# ask COMMAND [ARGUMENTS] PATTERN: the answer has that in it
ask()
{
    asked=$((asked + 1))
    pattern=$2 arguments=
    [ $# -lt 3 ] || { arguments=", \"arguments\": $2"; pattern=$3; }
    echo "{\"execute\": \"$1\"$arguments, \"id\": $asked}" >&3
    until_true "no answer to $1" "grep -q '\"id\":$asked}' $work/out"
    grep "\"id\":$asked}" "$work/out" | grep -q -- "$pattern" || fail "the answer to $1"
}
