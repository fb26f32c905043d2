#!/bin/sh
# Every command and option of `xenguest-manager help` is in the man page and in the completion; every setting
# that the program knows is in xenguest-manager.conf(5).
# manager.sh XENGUEST-MANAGER SOURCE-ROOT
set -eu
status=0
page=$2/docs/man/xenguest-manager.1.rst completion=$2/docs/completion/xenguest-manager.bash
help=$("$1" help)
n=0
for c in $(echo "$help" | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'); do
    n=$((n + 1))
    grep -qE -- "^(.*, )?$c( |$)" "$page" || { echo "$c is not in the man page"; status=1; }
    grep -qE -- "[ \"]$c[ \"]" "$completion" || { echo "$c is not in the completion"; status=1; }
done
[ "$n" -ge 11 ] || { echo "only $n commands in the help"; status=1; }
for o in -v -vv --root= --nowait --kill --version; do
    echo "$help" | grep -qF -- "$o" || { echo "$o is not in the help"; status=1; }
    grep -qF -- "$o" "$page" || { echo "$o is not in the man page"; status=1; }
    grep -qE -- "[ \"]$o[ \"]" "$completion" || { echo "$o is not in the completion"; status=1; }
done
for name in $(grep -oh '"XENGUEST_[A-Z_]*"' "$2/xenguest/manager/settings.c" | tr -d '"' | sort -u); do
    grep -q "$name" "$2/docs/man/xenguest-manager.conf.5.rst" || { echo "$name is not in the man page"; status=1; }
done
exit $status
