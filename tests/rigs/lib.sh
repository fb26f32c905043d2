# What the rigs share; sourced. A rig boots a machine under QEMU's TCG, puts files into it, runs one
# command there, and ends with the command's output on stdout and its exit status. The kernel's own
# console goes to a log, the last lines of which are shown (stderr) when the machine never answered.
#
#   RIG [--file SRC:DST]... [--timeout SECONDS] [--memory MIB] [--smp N] [--log FILE] --run 'COMMAND'
#
# SRC may be a folder. The shared libraries of a program come along by themselves. Status 125: the rig
# itself failed; 124: no end within the time.
set -eu
umask 022
: "${ASSETS:=$rigs/../../build/assets}" "${QEMU:=qemu-system-x86_64}"

rig_fail()
{
    echo "$(basename "$0"): $*" >&2
    exit 125
}

# Debian's /bin, /lib, /lib64 and /sbin are links into /usr.
in_usr()
{
    case $1 in
        /bin/* | /sbin/* | /lib/* | /lib64/*) echo "/usr$1" ;;
        /*) echo "$1" ;;
        *) rig_fail "not an absolute path: $1" ;;
    esac
}

put()
{
    to=$stage$(in_usr "$2")
    mkdir -p "$(dirname "$to")"
    cp -rL "$1" "$to" || rig_fail "could not copy $1"
}

# ldd prints "name => /path (address)" and "/path (address)" for the loader.
put_with_libraries()
{
    put "$1" "$2"
    # ldd has the loader load what it is given, which kernels are not made for
    readelf -d "$1" 2>/dev/null | grep -q NEEDED || return 0
    ldd "$1" 2>/dev/null | sed -n 's/^.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p' |
        while read -r library; do
            [ -e "$stage$(in_usr "$library")" ] || put "$library" "$library"
        done
    put_lazy "$1"
}

# Libraries that xenner loads when it wants them (xenner/util/lazy_library.h): their names are in the program.
put_lazy()
{
    for name in libnbd.so.0 libvncserver.so.1; do
        grep -qaF "$name" "$1" || continue
        library=$(ldconfig -p | sed -n "s/^.*$name .*=> //p" | head -n 1)
        [ -z "$library" ] || [ -e "$stage$(in_usr "$library")" ] || put_with_libraries "$library" "$library"
    done
}

rig_arguments()
{
    while [ $# -gt 0 ]; do
        [ $# -gt 1 ] || rig_fail "$1 needs a value"
        case $1 in
            --file) put_with_libraries "${2%:*}" "${2##*:}" ;;
            --timeout) timeout=$2 ;;
            --memory) memory=$2 ;;
            --smp) smp=$2 ;;
            --log) log=$2 ;;
            --run) command=$2 ;;
            *) rig_fail "unknown option $1" ;;
        esac
        shift 2
    done
    [ -n "$command" ] || rig_fail "no --run"
    mkdir -p "$stage/rig"
    printf '%s\n' "$command" > "$stage/rig/run"
}

# The tree $1 as a compressed cpio archive.
pack()
{
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -n -1
}

# Prints each line as it comes (which some awks would not) and ends with the machine's status.
pass_on()
{
    seen=
    while IFS= read -r line; do
        case $line in
            'rig: status '*) seen=${line#rig: status } ;;
            'rig: qemu 124' | 'rig: qemu 137') seen=${seen:-124} ;;
            'rig: qemu '*) ;;
            *) printf '%s\n' "$line" ;;
        esac
    done
    return "${seen:-125}"
}

# Runs QEMU with the arguments. The machine writes the command's output to its second serial port,
# and then the line that gives the status. --foreground keeps QEMU in our process group, so that who
# kills the group leaves nothing behind.
boot_machine()
{
    : > "$log"
    { timeout --foreground -k 5 "$timeout" "$QEMU" -nodefaults -display none -no-reboot \
        -m "$memory" -smp "$smp" -serial "file:$log" -serial stdio "$@" </dev/null \
        2>"$work/qemu.err" && ended=0 || ended=$?; echo "rig: qemu $ended"; } | pass_on &&
        status=0 || status=$?
    if [ "$status" = 125 ] || [ "$status" = 124 ]; then
        cat "$work/qemu.err" >&2
        tail -n 30 "$log" | tr -d '\r' >&2
        echo "$(basename "$0"): the machine gave no status (limit: $timeout s)" >&2
    fi
    exit "$status"
}

command='' timeout=300 memory=2048 smp=2
work=$(mktemp -d)
stage=$work/files
log=$work/console.log
mkdir "$stage"
trap 'rm -rf "$work"' EXIT
trap 'exit 125' HUP INT TERM
