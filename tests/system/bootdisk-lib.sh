# Sourced, in place of lib.sh, by tests whose guests start from a disk that they make.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin

# write_files KERNEL MIB: a file system of 8 MiB at that place of $work/disk, with that kernel and, from stdin, grub.cfg;
# the rest of the disk stays
write_files()
{
    rm -rf "$work/tree" "$work/part"
    mkdir -p "$work/tree/boot/grub"
    cp "$1" "$work/tree/boot/vmlinuz-test"
    ln -s boot/vmlinuz-test "$work/tree/vmlinuz"
    cat >"$work/tree/boot/grub/grub.cfg"
    mke2fs -q -t ext4 -d "$work/tree" "$work/part" 8M 2>/dev/null
    dd if="$work/part" of="$work/disk" bs=1M seek="$2" conv=notrunc 2>/dev/null
}
