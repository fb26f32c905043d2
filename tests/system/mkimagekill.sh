#!/bin/sh
# SIGKILL at each of xenguest-mkimage's steps: the image is the old or the new one, whole, and the next run sweeps
# what was left. killat (beside) finds the steps.
. "$(dirname "$0")/lib.sh"
export SOURCE_DATE_EPOCH=1000000000
mkdir "$work/in"
cd "$work/in"
head -c 300000 /dev/urandom >../kernel
head -c 200000 /dev/urandom >../root.img

# The tree that path is, in $work/NAME; nothing when there is none.
look()
{
    rm -rf "$work/$2"
    mkdir "$work/$2"
    if [ -d "$1" ]; then
        cp -a "$1/." "$work/$2"
    elif [ -e "$1" ]; then
        tar -C "$work/$2" -xf "$1" 2>/dev/null || fail "$what: not a whole tar"
    fi
}

same()
{
    diff -r "$work/$1" "$work/$2" >/dev/null
}

# each WHAT PREPARE ARGS...: PREPARE makes the old state of g, ARGS the new one.
each()
{
    what=$1 prepare=$2 old=0 new=0
    shift 2
    rm -rf g && eval "$prepare"
    look g old
    points=$("$KILLAT" 0 "$MKIMAGE" "$@") || { [ $? = 77 ] && skip "tracing is not possible here"; fail "$what"; }
    look g new
    ! same old new || fail "$what changes nothing"
    n=1
    while [ "$n" -le "$points" ]; do
        rm -rf g && eval "$prepare"
        "$KILLAT" "$n" "$MKIMAGE" "$@" || fail "$what: no point $n of $points"
        look g got
        if same got old; then
            old=$((old + 1))
        elif same got new; then
            new=$((new + 1))
        else
            fail "$what, killed at point $n of $points: neither the old nor the new one"
        fi
        if [ $((n % 8)) = 0 ]; then # the next one goes through, and leaves nothing else
            "$MKIMAGE" "$@" >/dev/null 2>"$work/err" || [ $new -gt 0 ] || fail "$what, after point $n"
            look g got
            same got new || fail "$what, after point $n: not the new one"
            [ "$(ls -A)" = g ] || fail "$what, after point $n: left behind: $(ls -A)"
        fi
        find . -mindepth 1 -maxdepth 1 ! -name g -exec rm -rf {} +
        n=$((n + 1))
    done
    [ "$old" -ge 15 ] && [ "$new" -ge 1 ] || fail "$what: $old times the old one, $new times the new"
    echo "$what: $points points, $old times the old one, $new times the new"
}

make="$MKIMAGE create g --xen-kernel=../kernel --disk-size=1 --disk-add-part=1:1::root.img \
    --disk-add-file=../root.img:root.img"
each "create" true create g --xen-kernel=../kernel --disk-add-file=../root.img:root.img
each "create over an image" "$make" create g --xen-name=new
each "create in a directory" "mkdir g" create g --xen-kernel=../kernel --init-pre=../kernel
each "update" "$make" update g --xen-name=new
each "update of much" "$make" update g --xen-kernel=../root.img --disk-reset-config
each "update of a directory" "mkdir g; $make" update g --xen-name=new --init-post=../kernel
exit 0
