#!/bin/sh
# The ends that Linux does not show: the last vCPU goes down, a shutdown code, a watchdog that bites.
. "$(dirname "$0")/lib.sh"

# end WORD VCPUS STATUS
end()
{
    run_xenner -m 32 -smp "$2" -kernel "$TEST_KERNEL" -append "vcpus=$2 run=version end=$1" \
        -nographic -name "tapends"
    expect_line '^1\.\.[0-9]'
    [ "$status" = "$3" ] || fail "end=$1 with $2 vCPUs: exit status $status, not $3"
}

end poweroff 1 0
end down 1 0
end down 2 0
end code 1 4
end watchdog 1 4
end watchdog 2 4
expect_no_children tapends
