#!/bin/sh
# What only a Xen host has: a killed xenner's domain, names, memory, who else ends a domain, who may.
. "$(dirname "$0")/xenends-lib.sh"

# a taken name; a signal leaves nothing
idle one
first=$pid
run_xenner -m 32 -kernel "$TEST_KERNEL" -name one -serial null
expect_status 1
grep -q "there is a domain 'one' already" "$work/err" || fail "no word of the name"
[ "$(wc -l <"$work/err")" = 1 ] || fail "more than a line"
uuid=$(xenstore-read "/local/domain/$(xl domid one)/vm")
[ -n "$uuid" ] || fail "no uuid"
kill -TERM $first
wait $first || fail "status $? after a signal"
guest=
[ "$(domains)" = 0 ] || fail "a domain is left behind"

# killed: the next start of the same guest ends what it left, a disk that the kernel serves as well
truncate -s 1M "$work/disk"
idle one -drive "file=$work/disk,format=raw"
losetup -a | grep -q "$work/disk" || fail "the kernel does not serve the disk"
left=$(xl domid one)
kill -9 $pid
wait $pid 2>/dev/null
guest=
[ "$(domains)" = 1 ] || fail "no domain to be found"
idle one
grep -q "domain $left is left over" "$work/err" || fail "no word of the domain that was left over"
[ "$(domains)" = 1 ] || fail "$(domains) domains"
[ -z "$(losetup -a)" ] || fail "a loop device is left behind"

# another program ends it
xl destroy one
status=0
wait $pid || status=$?
guest=
expect_status 1
grep -q "destroyed by somebody else" "$work/err" || fail "it does not say what happened"

# what the kernel can't serve; a hotplug script that refuses: its own words
run_xenner -m 32 -kernel "$TEST_KERNEL" -drive "file=$work/disk,format=raw,cache=unsafe,backend=kernel" -serial null
expect_status 1
grep -q "backend=kernel for xvda: its cache= is none that the kernel has" "$work/err" || fail "no reason"
run_xenner -m 32 -kernel "$TEST_KERNEL" -nic bridge,br=nosuch -serial null
expect_status 1
grep -q "does not take the card: script: .*nosuch" "$work/err" || fail "not what the script said"
[ "$(wc -l <"$work/err")" = 1 ] || fail "more than a line"

# more memory than there is; a kernel that is none
run_xenner -m 64G -kernel "$TEST_KERNEL" -name large -serial null
expect_status 1
grep -q "the guest needs [0-9]* MiB, and Xen has [0-9]* MiB left" "$work/err" || fail "memory"
run_xenner -m 32 -kernel "$INITRD" -name none -serial null
expect_status 1
[ "$(wc -l <"$work/err")" = 1 ] || fail "more than a line"
[ "$(domains)" = 0 ] || fail "a domain is left behind"

# by default; not for others than root; not while xenstored is away
"$XENNER" -accel help >"$work/out"
expect_line "^xen  usable"
status=0
setpriv --reuid 65534 --clear-groups env XENNER_RUNTIME_DIR=/tmp/nobody-$$ "$XENNER" -accel xen -m 32 \
    -kernel "$TEST_KERNEL" -serial null >"$work/out" 2>"$work/err" || status=$?
expect_status 1
grep -q "xen: only root may make domains" "$work/err" && [ "$(wc -l <"$work/err")" = 1 ] || fail "another reason"
setpriv --reuid 65534 --clear-groups "$XENNER" -accel help >"$work/out"
expect_line "^xen  not usable: only root may make domains"
mv /run/xenstored/socket /run/xenstored/away
# as a daemon that died leaves it: nobody listens
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/xenstored/socket")'
run_xenner -m 32 -kernel "$TEST_KERNEL" -serial null
"$XENNER" -accel help >"$work/out" 2>"$work/help.err"
mv /run/xenstored/away /run/xenstored/socket
expect_status 1
grep -q "xen: xenstored does not answer" "$work/err" && [ "$(wc -l <"$work/err")" = 1 ] || fail "another reason"
expect_line "^xen  not usable: xenstored does not answer"

# a hypervisor of another version than the tools, as far as this one can be made to look like it
version=/sys/hypervisor/version
echo 3 >"$work/minor"
mount --bind "$work/minor" $version/minor
run_xenner -m 32 -kernel "$TEST_KERNEL" -serial null
"$XENNER" -accel help >"$work/out" 2>&1
umount $version/minor
expect_status 1
built=$(cat $version/major).$(cat $version/minor)
grep -q "xen: Xen 4.3 runs here, and xenner was built with the tools of Xen $built" "$work/err" || fail "another reason"
[ "$(wc -l <"$work/err")" = 1 ] || fail "more than a line"
expect_line "^xen  not usable: Xen 4.3 runs here"
