#!/bin/sh
# disk.sh [OPTION,...]: four disks, read, written, flushed, discarded; options are added to each -drive.
. "$(dirname "$0")/lib.sh"
more=${1:+,$1}
who=
# On a Xen host: one of each, the others as xenner chooses.
[ "$ACCEL" != xen ] || who=,backend=xenner

sum()
{
    md5sum <"$1" | cut -d' ' -f1
}

head -c 16777216 /dev/urandom >"$work/a"
truncate -s 16M "$work/b" "$work/b.want"
head -c 3145728 /dev/urandom >"$work/c"
head -c 4194400 /dev/urandom >"$work/d"
sum_c=$(sum "$work/c")

boot 256 2 "xenner.run=disk" \
    -drive "file=$work/a,format=raw$more" -drive "file=$work/b,format=raw,if=none,id=second$more" \
    -device xen-disk,drive=second,vdev=xvdb$who -drive "file=$work/c,format=raw,media=cdrom,index=2$more" \
    -drive "file=$work/d,format=raw,discard=unmap,index=3$more" -d blk -D "$work/log"
expect_status 0
expect_line "disk: good"

seq 600000 | head -c 4000000 | dd of="$work/b.want" conv=notrunc 2>/dev/null
for i in 7 3 31 0; do
    echo "sector $i" | dd of="$work/b.want" bs=512 seek=$i conv=sync,notrunc 2>/dev/null
done
cmp "$work/b" "$work/b.want" || fail "the second disk is not as written"
expect_line "^xvda: $(sum "$work/a")"
expect_line "^xvdb: $(sum "$work/b.want")"
for c in 0 1 2 3; do
    dd if="$work/a" bs=64k skip=$((c * 64)) count=64 2>/dev/null | md5sum
done >"$work/parts"
expect_line "^parts: $(sum "$work/parts")"
expect_line "^xvdc: $sum_c"
[ "$(sum "$work/c")" = "$sum_c" ] || fail "the read-only disk was written to"
# the fourth: zeroes where it was discarded, and up to a whole sector at its end
[ "$(stat -c %b "$work/d")" -le 4200 ] || fail "the discard freed nothing"
cp "$work/d" "$work/d.padded"
truncate -s 4194816 "$work/d.padded"
expect_line "^xvdd: $(sum "$work/d.padded")"
cmp -n 2097152 "$work/d" /dev/zero 1048576 0 || fail "what was discarded is not zero"
if [ "$ACCEL" = xen ]; then
    grep "vbd xvd. is served" "$work/log" | sed 's/^.*vbd //' >"$work/served"
    [ "$(grep -c . "$work/served")" = 3 ] && grep -q "^xvda is served by the kernel" "$work/served" &&
        grep -q "^xvdc .*it is a CD" "$work/served" && grep -q "^xvdd .*ends inside a sector" "$work/served" ||
        fail "served otherwise: $(cat "$work/served")"
    [ -z "$(losetup -a)" ] || fail "a loop device is left behind: $(losetup -a)"
fi
expect_no_children disk
