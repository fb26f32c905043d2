#!/bin/sh
# Every command and option of `xenguest-manager help` is in the man page and in the completion; every setting
# that the program knows is in xenguest-manager.conf(5).
# manager.sh XENGUEST-MANAGER SOURCE-ROOT
set -eu
. "$(dirname "$0")/options-lib.sh"
page=$2/docs/man/xenguest-manager.1.rst completion=$2/docs/completion/xenguest-manager.bash
help=$("$1" help)
for c in $(commands "$help" 11); do
    documented "$c" "^(.*, )?$c( |$)"
done
for o in -v -vv --root= --nowait --kill --version; do
    echo "$help" | grep -qF -- "$o" || { echo "$o is not in the help"; status=1; }
    documented "$o" "(^|[^-a-z])$o"
done
for name in $(grep -oh '"XENGUEST_[A-Z_]*"' "$2/xenguest/manager/settings.c" | tr -d '"' | sort -u); do
    grep -q "$name" "$2/docs/man/xenguest-manager.conf.5.rst" || { echo "$name is not in the man page"; status=1; }
done
exit $status
