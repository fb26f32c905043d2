#!/bin/sh
# Every option that QEMU has is known: it works, is accepted with a warning, or is refused with a reason. And
# every device that -device help names has help of its own. qemu-options.sh XENNER
set -eu
status=0
command -v qemu-system-x86_64 >/dev/null || { echo "no qemu-system-x86_64"; exit 77; }
options=$(qemu-system-x86_64 -help | sed -n 's/^\(-[A-Za-z][A-Za-z0-9_-]*\).*/\1/p' | sort -u)
[ "$(echo "$options" | wc -l)" -gt 100 ] || { echo "QEMU's help is not what it was"; exit 1; }
for o in $options; do
    said=$("$1" "$o" x -machine help 2>&1) || :
    case $said in
        *"invalid option"*) echo "$o: $said"; status=1 ;;
    esac
done
for d in $("$1" -device help | sed -n 's/^name "\([^"]*\)".*/\1/p'); do
    "$1" -device "$d,help" | grep -q "^$d options:" || { echo "no help of $d"; status=1; }
done
exit $status
