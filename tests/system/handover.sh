#!/bin/sh
# GRUB says which entry it starts, and xenner starts that one's kernel: or GRUB does, where there is any doubt.
. "$(dirname "$0")/bootdisk-lib.sh"
[ -e /usr/lib/grub-xen/grub-x86_64-xen.bin ] || skip "no GRUB"
log="-d domain"

# make_disk < grub.cfg
make_disk()
{
    write_files "$TEST_KERNEL" 0
}

run_disk()
{
    run_xenner -m 64 -drive "file=$work/disk,format=raw" -nographic $log "$@"
    expect_status 0
    ! grep "^not ok" "$work/out" || fail "the lines above"
}

# lines N PATTERN: so many lines of the console
lines()
{
    n=$(grep -c "$2" "$work/out") || :
    [ "$n" = "$1" ] || fail "'$2' is there $n times, not $1"
}

taken="the boot menu's entry 'one' is started without the boot loader"

# At each start anew.
make_disk <<'CFG'
set timeout=0
menuentry 'one' { linux /vmlinuz run=version end=reboot; }
CFG
"$XENNER" -accel "$ACCEL" -m 64 -drive "file=$work/disk,format=raw" -display none -serial stdio $log \
    </dev/null >"$work/out" 2>"$work/err" &
pid=$! guest=$!
third_time()
{
    [ "$(grep -c "$taken" "$work/err")" -ge 3 ]
}
until_true "no third start" third_time
kill -TERM $pid
wait_guest
expect_status 0
[ "$(grep -c "Welcome to GRUB" "$work/out")" -ge 3 ] || fail "GRUB was left out"
[ "$(grep -c "group version" "$work/out")" -ge 2 ] || fail "no kernel"
[ "$(grep -c "$taken, and was built already" "$work/err")" -ge 3 ] || fail "not built while GRUB ran"

# What is not the default by all that is known before is built when GRUB says it.
make_disk <<'CFG'
set timeout=0
if serial; then set default=1; fi
menuentry 'one' { linux /vmlinuz run=version; }
menuentry 'two' { linux /vmlinuz run=misc; }
CFG
run_disk
lines 1 "group misc"
grep -q "entry 'two' is started without the boot loader$" "$work/err" || fail "not two, and not built anew"

# A menu in the menu
make_disk <<'CFG'
set timeout=0
set default='more>two'
menuentry 'one' { linux /vmlinuz run=version; }
submenu 'more' { menuentry 'two' { linux /boot/vmlinuz-test run=misc; } }
CFG
run_disk
lines 1 "group misc"
grep -q "entry 'more' is the boot loader's to start: grub.cfg has a menu of that name" "$work/err" || fail "no menu"

# What GRUB would write is never left out, and who chooses GRUB gets all of it.
make_disk <<'CFG'
function savedefault { save_env saved_entry; }
set timeout=0
menuentry 'one' { savedefault; linux /vmlinuz run=version; }
CFG
run_disk
lines 1 "group version"
grep -q "entry 'one' is the boot loader's to start: grub.cfg has a command that only GRUB knows" "$work/err" ||
    fail "not left to GRUB"
make_disk <<'CFG'
set timeout=0
menuentry 'one' { linux /vmlinuz run=version; }
CFG
run_disk -machine bootloader=x86_64
lines 1 "group version"
! grep "boot menu" "$work/err" || fail "not GRUB alone"
run_disk -machine bootloader=auto -sandbox on,spawn=deny
grep -q "$taken" "$work/err" || fail "not taken over in the sandbox"

# Who presses a key is not announced; what GRUB then starts may say what it likes.
make_disk <<'CFG'
set timeout=-1
menuentry 'one' { linux /vmlinuz run=version boots=one; }
CFG
mkfifo "$work/keys"
"$XENNER" -accel "$ACCEL" -m 64 -drive "file=$work/disk,format=raw" -display none -serial stdio $log \
    <"$work/keys" >"$work/out" 2>"$work/err" &
pid=$! guest=$!
exec 3>"$work/keys"
until_true "no menu" "grep -q one '$work/out'"
printf '\r' >&3
wait_guest
exec 3>&-
expect_status 0
lines 1 "Booting .one'"
lines 1 "group version"
! grep "boot menu" "$work/err" || fail "the guest was heard"
