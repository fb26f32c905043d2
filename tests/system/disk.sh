#!/bin/sh
# disk.sh [OPTION,...]: four disks, read, written, flushed, discarded; options are added to each -drive.
. "$(dirname "$0")/lib.sh"
more=${1:+,$1}

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
    -device xen-disk,drive=second,vdev=xvdb -drive "file=$work/c,format=raw,media=cdrom,index=2$more" \
    -drive "file=$work/d,format=raw,discard=unmap,index=3$more"
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
expect_no_children disk
