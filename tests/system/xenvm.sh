#!/bin/sh
# xenvm: an xl.cfg as a command line, and run.
. "$(dirname "$0")/lib.sh"
: "${XENVM:?}"
printf '#!/bin/sh\nexec "%s" -accel %s "$@"\n' "$XENNER" "$ACCEL" >"$work/xenner"
chmod 755 "$work/xenner"
export XENGUEST_XENNER="$work/xenner"
cd "$work" || exit 1
cat >guest.cfg <<EOF
name = "from-xl"
memory = 128
vcpus = 2
kernel = "$KERNEL"
ramdisk = "$INITRD"
extra = "console=hvc0 xenner.demo"
vif = ['mac=00:16:3e:00:00:07,bridge=br0']
cpu_weight = 256
EOF
"$timeout" 10 "$XENVM" --network=user show guest.cfg -smp 1 >out 2>err || fail "show: $(cat err)"
want="$work/xenner -name guest=from-xl -m 128 -smp 2,maxcpus=2 -kernel $KERNEL -initrd $INITRD \
-netdev user,id=net0 -device xen-net-device,netdev=net0,mac=00:16:3e:00:00:07 \
-append 'console=hvc0 xenner.demo' -nographic -smp 1"
[ "$(cat out)" = "$want" ] || fail "show: $(cat out)"
[ "$(cat err)" = "xenvm: warning: guest.cfg:8: cpu_weight is without effect" ] || fail "show: $(cat err)"
"$timeout" "$TEST_TIMEOUT" "$XENVM" --network=user run guest.cfg </dev/null >out 2>err ||
    fail "run: status $?"
expect_line "guest is up: Linux .* on 2 vCPUs"
echo 'type = "pvh"' >>guest.cfg
"$XENVM" show guest.cfg >out 2>err || fail "pvh: $(cat err)"
grep -q -- "-machine xenpvh" out || fail "pvh: $(cat out)"
if [ "$ACCEL" != xen ]; then
    status=0
    "$timeout" "$TEST_TIMEOUT" "$XENVM" --network=user run guest.cfg </dev/null >out 2>err || status=$?
    expect_status 1
    [ "$(tail -n 1 err)" = "xenner: -machine xenpvh needs a Xen host (-accel xen): not -accel $ACCEL" ] ||
        fail "pvh: $(cat err)"
fi
status=0
"$XENVM" stop guest.cfg >out 2>err || status=$?
expect_status 2
