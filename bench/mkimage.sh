#!/bin/sh
# mkimage.sh XENGUEST-MKIMAGE [GB] [ROUNDS]: one option of an image is changed, and the image copied with cp, in
# turns, with the image in the page cache and not; medians, with and without cp's data on the disk
# (xenguest-mkimage's always are). In TMPDIR.
set -eu
mkimage=$1 gb=${2:-2} rounds=${3:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
dd if=/dev/zero of=root.img bs=1M count=$((gb * 1000)) status=none
"$mkimage" create a.xg --disk-size="$gb" --disk-add-part="1:$gb::root.img" --disk-add-file=root.img:root.img
rm root.img
sync

now()
{
    date +%s%N
}

median()
{
    sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] / 1e9 }'
}

# cached STATE: a.xg is in the page cache (warm), or not (cold)
cached()
{
    case $1 in
        warm) cat a.xg >/dev/null ;;
        cold) dd if=a.xg iflag=nocache count=0 status=none ;;
    esac
}

# measure STATE
measure()
{
    rm -f copy
    sync
    cached "$1"
    start=$(now)
    cp a.xg copy
    copied=$(now)
    sync copy
    synced=$(now)
    echo $((copied - start)) >>"cp-$1"
    echo $((synced - start)) >>"sync-$1"
    rm copy
    sync
    cached "$1"
    start=$(now)
    "$mkimage" update a.xg --xen-memory=$((100 + round))
    echo $(($(now) - start)) >>"update-$1"
}

round=0
while [ $round -lt "$rounds" ]; do
    round=$((round + 1))
    measure warm
    measure cold
done
for state in warm cold; do
    cp=$(median cp-$state) synced=$(median sync-$state) update=$(median update-$state)
    echo "xenguest-mkimage update, $gb GB, $state: $update s; cp: $cp s, $synced s with sync;" \
        "$(echo "$update $cp" | awk '{ printf "%.2f", $1 / $2 }') of cp," \
        "$(echo "$update $synced" | awk '{ printf "%.2f", $1 / $2 }') of cp and sync"
done
