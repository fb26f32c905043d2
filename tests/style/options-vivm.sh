#!/bin/sh
# Every command of `vivm --help`, and every long option of a command, is in the man page and in the completion.
# options-vivm.sh VIVM SOURCE-ROOT
set -eu
status=0
need()
{
    grep -q -- "$1" "$2" || { echo "$1 is not in $2"; status=1; }
}
for command in $("$1" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    need "^$command\|\*\*$command\*\*" "$2/docs/man/vivm.1.rst"
    need "[\" ]$command[\" )]" "$2/docs/completion/vivm.bash"
    for option in $("$1" "$command" --help | sed -n 's/^.* \(--[a-z]*\).*/\1/p' | grep -v -- '^--help$'); do
        need "\*\*$option\*\*\|, $option\*\*" "$2/docs/man/vivm.1.rst"
        need "[\" ]$option\([\" ]\|\$\)" "$2/docs/completion/vivm.bash"
    done
done
exit $status
