#!/bin/sh
# Every option of `xenner -help` is in the man page and in the completion.
# options.sh XENNER SOURCE-ROOT
set -eu
status=0
for o in $("$1" -help | sed -n 's/^\(-[A-Za-z-]*\) .*/\1/p'); do
    grep -q -- "\*\*$o\*\*\|^$o\|, $o\| $o," "$2/docs/man/xenner.1.rst" ||
        { echo "$o is not in the man page"; status=1; }
    grep -q -- " $o[ \"]\|$o\$" "$2/docs/completion/xenner.bash" ||
        { echo "$o is not in the completion"; status=1; }
done
exit $status
