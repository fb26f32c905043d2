#!/bin/sh
# Every operation and option of `xenguest-mkimage help` is in the man page and in the completion, which works.
# mkimage.sh XENGUEST-MKIMAGE SOURCE-ROOT
set -eu
. "$(dirname "$0")/options-lib.sh"
page=$2/docs/man/xenguest-mkimage.1.rst completion=$2/docs/completion/xenguest-mkimage.bash
help=$("$1" help)
n=0
for o in $(echo "$help" | sed -n 's/^  \(--[a-z-]*\).*/\1/p'); do
    n=$((n + 1))
    documented "$o" "^(.*, )?\*\*$o(=[^*]*)?\*\*"
done
[ "$n" -ge 28 ] || { echo "only $n options in the help"; status=1; }
for o in $(commands "$help" 16); do
    documented "$o" "^(.*, )?$o( |$)"
done
command -v bash >/dev/null || exit $status

# complete WORDS...: what the completion says for the last one
complete_words()
{
    bash -c 'compopt() { :; }; complete() { :; }; . "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        _xenguest_mkimage; echo "${COMPREPLY[*]}"' bash "$completion" "$@"
}
expect()
{
    want=$1
    shift
    got=$(complete_words "$@")
    [ "$got" = "$want" ] || { echo "completion of '$*' is '$got', not '$want'"; status=1; }
}
expect "dump-xenconfig dump-diskconfig dump-paramsconfig dump-init" xenguest-mkimage dump
expect "--xen-memory=" xenguest-mkimage update x --xen-m
expect "$2/COPYING" xenguest-mkimage create "x" "--xen-kernel=$2/COPY"
expect "root.img" xenguest-mkimage extract-disk-file "$2/tests/system/golden/shell.xg" ro
exit $status
