#!/bin/sh
# several.sh "TEST ARGUMENT..."...: runs them one after the other and says in TAP how each went.
count=0
here=$(dirname "$0")
out=$(mktemp)
trap 'rm -f "$out"' EXIT

echo "1..$#"
for t; do
    began=$(date +%s)
    count=$((count + 1))
    set -- $t
    name=$1
    shift
    status=0
    sh "$here/$name.sh" "$@" >"$out" 2>&1 </dev/null || status=$?
    echo "# $t: $(($(date +%s) - began)) s"
    case $status in
        0) echo "ok $count - $t" ;;
        77) echo "ok $count - $t # SKIP $(tail -n 1 "$out")" ;;
        *)
            echo "not ok $count - $t"
            tail -n 60 "$out" | sed 's/^/# /'
            ;;
    esac
done
