# For the tests of man pages and completions against a program's own help: sourced. $page and $completion are the
# files, $status becomes 1 when something is missing.
status=0

# documented WORD IN-PAGE: WORD is a word of the completion, and a line of the man page matches IN-PAGE
documented()
{
    grep -qE -- "$2" "$page" || { echo "$1 is not in the man page"; status=1; }
    grep -qE -- "[ \"]$1([ \")]|\$)" "$completion" || { echo "$1 is not in the completion"; status=1; }
}

# commands HELP LEAST: the commands that the help lists, one a line of two blanks and a word
commands()
{
    found=$(echo "$1" | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
    [ "$(echo "$found" | wc -l)" -ge "$2" ] || { echo "only these commands in the help: $found" >&2; exit 1; }
    echo "$found"
}
