#!/bin/sh
# Every command of `vivm --help`, and every long option of a command, is in the man page and in the completion.
# options-vivm.sh VIVM SOURCE-ROOT
set -eu
. "$(dirname "$0")/options-lib.sh"
page=$2/docs/man/vivm.1.rst completion=$2/docs/completion/vivm.bash
for command in $(commands "$("$1" --help)" 9); do
    documented "$command" "^$command|\\*\\*$command\\*\\*"
    for option in $("$1" "$command" --help | sed -n 's/^.* \(--[a-z-]*\).*/\1/p' | grep -v -- '^--help$'); do
        documented "$option" "\\*\\*$option\\*\\*|, $option\\*\\*"
    done
done
exit $status
