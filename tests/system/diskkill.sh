#!/bin/sh
# xenner is killed (SIGKILL) in the middle of writes, $DISKKILL_ROUNDS times: what the guest was told to be
# on the disk is there, whole. The guest is the test kernel (tests/guest/disk_writer.c), which boots in no time.
. "$(dirname "$0")/lib.sh"
rounds=${DISKKILL_ROUNDS:-50}

# Every block must have its last flushed number or a later one, and be whole.
check()
{
    python3 - "$work/img" "$1" <<'EOF'
import sys
image, last = open(sys.argv[1], "rb").read(), int(sys.argv[2])
for block in range(64):
    data = image[block * 4096:(block + 1) * 4096].split(b"\0", 1)[0].decode()
    want = last - (last - block) % 64
    if want < 0:
        continue
    number = int(data.split(":")[0].split()[1]) if data.startswith("number ") else -1
    text = f"number {number}:" + "".join(f" {number * 7919 + i}" for i in range(8)) + "\n"
    if number < want or number % 64 != block or data != text:
        sys.exit(f"block {block}: {want} was flushed, but there is: {data!r}")
EOF
}

round=0
while [ $round -lt "$rounds" ]; do
    rm -f "$work/img"
    truncate -s 1M "$work/img"
    mkfifo "$work/console"
    "$XENNER" -accel "$ACCEL" -name "diskkill" -m 32 -kernel "$TEST_KERNEL" -append "run=diskwriter" -serial stdio \
        -drive "file=$work/img,format=raw" </dev/null >"$work/console" 2>"$work/err" &
    pid=$!
    exec 8<"$work/console"
    stop=$((20 + round * 13 % 60)) last=
    while read -r word number rest; do
        [ "$word" = flushed ] || continue
        last=$number
        [ "$last" != "$stop" ] || kill -9 $pid # but more lines may come before it is dead
    done <&8
    exec 8<&-
    wait $pid 2>/dev/null
    [ -n "$last" ] || fail "the guest wrote nothing"
    [ "$last" -ge $stop ] || fail "xenner ended after $last"
    check "$last" || fail "lost in round $round, after $last"
    rm "$work/console"
    round=$((round + 1))
done
echo "$rounds kills, nothing lost"
