#!/bin/sh
# nested.sh [-m MEMORY] [-c CPUS] [-t SECONDS] [-d DISK] [-f FILE]... COMMAND: runs the shell command COMMAND on a machine
# with a KVM that behaves as hardware does: QEMU's TCG emulates AMD-V with nested paging, and Debian's kvm-amd runs on
# it. Exits with the command's status, or with 125 when the rig itself failed, 124 when the time was over.
# There, as here: $XENNER, $KERNEL, $INITRD, $TEST_KERNEL[32], $ACCEL=kvm; each FILE has its own path, and
# tests/system is in /tests/system. The image DISK is its /dev/vda, and what is written there is not kept.
# One CPU is the default: with more, its Linux may hang when it patches its code while another CPU runs it, as
# QEMU's TCG (7.2) then goes on with the old code (emu has a remedy, breakpoint_is_gone(); a bare Linux has none).
# From the environment: XENNER, KERNEL, INITRD, TEST_KERNEL, TEST_KERNEL32, and KERNEL_ROOT: the unpacked
# package with the modules.
set -eu
memory=1536 cpus=1 limit=900 files= disk=
while getopts m:c:t:d:f: o; do
    case $o in
        m) memory=$OPTARG ;;
        c) cpus=$OPTARG ;;
        t) limit=$OPTARG ;;
        d) disk=$OPTARG ;;
        f) files="$files $OPTARG" ;;
        *) exit 125 ;;
    esac
done
shift $((OPTIND - 1))
[ -z "$disk" ] || [ -e "$disk" ] || { echo "nested: there is no $disk"; exit 77; }
: "${XENNER:?}" "${KERNEL:?}" "${INITRD:?}" "${KERNEL_ROOT:=$(dirname "$KERNEL")/kernel}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
qemu=
trap '[ -z "$qemu" ] || kill $qemu 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 125' HUP INT TERM

# A program and the libraries that it asks for, in their own places.
add_program()
{
    mkdir -p "$root$(dirname "$2")"
    cp "$1" "$root$2"
    ldd "$1" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
        while read -r lib; do
            mkdir -p "$root$(dirname "$lib")"
            cp -L "$lib" "$root$lib"
        done
}

add_module()
{
    for m in "$KERNEL_ROOT"/lib/modules/*/kernel/"$1"*; do
        case $m in
            *.xz) xz -dc "$m" ;;
            *) cat "$m" ;;
        esac >"$root/modules/$(basename "$m" .xz)"
        basename "$m" .xz >>"$root/modules/list"
    done
}

disk_modules='virtio/virtio_ring virtio/virtio virtio/virtio_pci_legacy_dev virtio/virtio_pci_modern_dev
    virtio/virtio_pci block/virtio_blk'

make_root()
{
    mkdir -p "$root/bin" "$root/modules" "$root/assets" "$root/tests" "$root/proc" "$root/sys" \
        "$root/dev" "$root/tmp"
    cp /bin/busybox "$root/bin/"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    # busybox has no pgrep and pkill, and its timeout does not tell that the time was over
    for p in timeout pgrep pkill; do
        rm -f "$root/bin/$p"
        add_program "$(command -v $p)" "/bin/$p"
    done
    add_program "$XENNER" /bin/xenner
    for m in virt/lib/irqbypass.ko drivers/crypto/ccp/ccp.ko arch/x86/kvm/kvm.ko \
        arch/x86/kvm/kvm-amd.ko; do
        add_module $m
    done
    [ -z "$disk" ] || for m in $disk_modules; do
        add_module drivers/$m.ko
    done
    cp "$KERNEL" "$root/assets/vmlinuz"
    cp "$INITRD" "$root/assets/initrd.gz"
    [ -z "${TEST_KERNEL:-}" ] || cp "$TEST_KERNEL" "$root/assets/test-kernel"
    [ -z "${TEST_KERNEL32:-}" ] || cp "$TEST_KERNEL32" "$root/assets/test-kernel32"
    for f in $files; do
        [ ! -e "$f" ] || add_program "$f" "$f"
    done
    cp -r "$here/../system" "$root/tests/"
    cp "$here/nested-init" "$root/init"
    chmod 755 "$root/init"
    printf '%s\n' "$*" >"$root/command"
}

root=$work/root
make_root "$@"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/initrd"
rm -rf "$root"

: >"$work/status"
# tsc=reliable: the emulated TSCs are the host's own, but the machine is too slow for the kernel's watchdog
# of them, and with a TSC that it holds for unstable neither its own clock nor KVM's guests work.
# nohz=off highres=off: once in many runs a CPU of the machine slept for ever, as an interrupt of its timer was lost.
# With a tick that the timer makes by itself, not one that each interrupt asks for, the next one wakes it.
timeout --foreground -k 5 "$limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$cpus" \
    -m "$memory" ${disk:+-drive "if=virtio,format=raw,snapshot=on,file=$disk"} -nodefaults -display none -no-reboot -serial stdio -serial "file:$work/status" \
    -kernel "$KERNEL" -initrd "$work/initrd" \
    -append "console=ttyS0 quiet panic=-1 tsc=reliable nohz=off highres=off" </dev/null &
qemu=$!
status=0
wait $qemu || status=$?
qemu=
if [ $status = 0 ]; then
    status=$(tr -dc 0-9 <"$work/status")
    [ -n "$status" ] || { echo "nested: the machine stopped without an answer" >&2; status=125; }
elif [ $status = 124 ]; then
    echo "nested: no end after $limit s" >&2
else
    status=125
fi
exit "$status"
