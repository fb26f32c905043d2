#!/bin/sh
# SIGKILL at each of xenguest-mkimage's steps: the image is the old or the new one, whole, and the next run sweeps
# what was left. SIGTERM: the same, and nothing is left. killat (beside) finds the steps.
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
    n=3
    while [ "$n" -le "$points" ]; do
        rm -rf g && eval "$prepare"
        "$KILLAT" -t "$n" "$MKIMAGE" "$@" 2>"$work/err" || fail "$what: no point $n of $points"
        look g got
        same got old || same got new || fail "$what, SIGTERM at point $n of $points: neither of both"
        [ -z "$(ls -A | grep -v '^g$')" ] || fail "$what, SIGTERM at point $n of $points: left: $(ls -A)"
        n=$((n + 5))
    done
    [ "$old" -ge 15 ] && [ "$new" -ge 1 ] || fail "$what: $old times the old one, $new times the new"
    echo "$what: $points points, $old times the old one, $new times the new"
}

# The same for an image that is so large that it goes past the page cache, in windows by some threads: from before the
# first of them to the end. Its old state is a hard link, as nobody writes there.
large()
{
    what="update of 72 MB" old=0 new=0
    rm -rf g
    for mb in 5 25 45 65; do
        echo "at $mb MB" | dd of=../large.img bs=1M seek=$mb conv=notrunc status=none
    done
    truncate -s 72M ../large.img
    "$MKIMAGE" create ../large --disk-size=1 --disk-add-part=1:1::large.img --disk-add-file=../large.img:large.img ||
        fail "$what"
    cp ../large ../large.old
    points=$("$KILLAT" 0 "$MKIMAGE" update ../large --xen-name=new) || fail "$what"
    mv ../large ../large.new
    if dd if=/dev/zero of=../direct bs=4096 count=1 oflag=direct 2>/dev/null; then
        # room for it and three windows, before and after each, more than for a small one
        [ "$points" -ge $((small + 8)) ] || fail "$what: only $points points, a small image has $small"
    fi
    for n in $(seq $((points - 22)) "$points"); do
        ln -f ../large.old g
        "$KILLAT" "$n" "$MKIMAGE" update g --xen-name=new || fail "$what: no point $n of $points"
        if cmp -s g ../large.new; then
            new=$((new + 1))
        else
            [ g -ef ../large.old ] || fail "$what, killed at point $n of $points: neither the old nor the new one"
            old=$((old + 1))
        fi
        if [ $((n % 4)) = 0 ]; then
            "$MKIMAGE" update g --xen-name=new 2>"$work/err" || fail "$what, after point $n of $points"
            [ "$(ls -A)" = g ] || fail "$what, after point $n: left behind: $(ls -A)"
        fi
        find . -mindepth 1 ! -name g -delete
    done
    for n in $(seq $((points - 20)) 5 "$points"); do
        ln -f ../large.old g
        "$KILLAT" -t "$n" "$MKIMAGE" update g --xen-name=new 2>"$work/err" || fail "$what: no point $n of $points"
        [ g -ef ../large.old ] || cmp g ../large.new || fail "$what, SIGTERM at point $n: neither of both"
        [ "$(ls -A)" = g ] || fail "$what, SIGTERM at point $n of $points: left: $(ls -A)"
    done
    tar -xOf ../large.old ./disk/large.img | cmp - ../large.img || fail "$what: the old one was written to"
    tar -xOf ../large.new ./disk/large.img | cmp - ../large.img || fail "$what: the new one is not like the old"
    [ $old -ge 15 ] && [ $new -ge 1 ] || fail "$what: $old times the old one, $new times the new"
    echo "$what: $points points, of the last 23 $old times the old one, $new times the new"
}

make="$MKIMAGE create g --xen-kernel=../kernel --disk-size=1 --disk-add-part=1:1::root.img \
    --disk-add-file=../root.img:root.img"
each "create" true create g --xen-kernel=../kernel --disk-add-file=../root.img:root.img
each "create over an image" "$make" create g --xen-name=new
each "create in a directory" "mkdir g" create g --xen-kernel=../kernel --init-pre=../kernel
each "update" "$make" update g --xen-name=new
small=$points
each "update of much" "$make" update g --xen-kernel=../root.img --disk-reset-config
each "update of a directory" "mkdir g; $make" update g --xen-name=new --init-post=../kernel
large
exit 0
