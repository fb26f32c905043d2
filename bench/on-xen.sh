#!/bin/sh
# on-xen.sh BUILD [ROUNDS]: exec to init on a real Xen (tests/rigs/xenhost.sh): xenner against `xl create`.
set -eu
build=$(cd "$1" && pwd)
tree=$(cd "$(dirname "$0")/.." && pwd)
rounds=${2:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
"$tree/tests/rigs/unpack-kernel" "$build/assets/vmlinuz" "$work/vmlinux"
echo "on-xen: Xen boots, then come $rounds rounds, half a minute or less each" >&2
ASSETS=$build/assets sh "$tree/tests/rigs/xenhost.sh" --smp 1 --timeout $((120 + rounds * 120)) --log "$work/console" \
    --file "$build/xenner/xenner:/usr/bin/xenner" --file "$build/xenner/xenner-xen.so:/usr/bin/xenner-xen.so" \
    --file "$work/vmlinux:/assets/vmlinux" --file "$build/assets/initrd.gz:/assets/initrd.gz" \
    --file "$tree/bench/on-xen-in-rig.sh:/bench" --run "sh /bench $rounds"
