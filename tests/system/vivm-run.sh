#!/bin/sh
# The part of vivm.sh that runs in namespaces of its own. vivm-run.sh DIRECTORY (with pvguest.xml in it)
. "$(dirname "$0")/libvirt-lib.sh"
. "$(dirname "$0")/vivm-lib.sh"
state=$XDG_STATE_HOME/vivm

memory_is()
{
    v dumpxml --inactive pvguest | grep -q "<memory unit='KiB'>$1<" || fail "the memory is not $1 KiB"
}

no_draft()
{
    ! ls "$state" | grep -v backup || fail "something was left behind"
}

# An editor that does the steps of a script one after the other: edit.1, edit.2...
cat >"$dir/editor" <<'END'
#!/bin/sh
dir=$(dirname "$0")
n=$(($(cat "$dir/visits" 2>/dev/null || echo 0) + 1))
echo $n >"$dir/visits"
. "$dir/edit.$n"
END
chmod +x "$dir/editor"
export EDITOR="$dir/editor"
script()
{
    rm -f "$dir"/visits "$dir"/edit.*
    n=0
    for step; do
        n=$((n + 1))
        echo "$step" >"$dir/edit.$n"
    done
}

visits()
{
    [ "$(cat "$dir/visits")" = "$1" ] || fail "the editor was visited $(cat "$dir/visits") times, not $1"
}

own_directories
start_libvirtd
# a screen, once libvirt is told that there is one
v domcapabilities --emulatorbin "$XENNER" --machine pc --virttype qemu | grep -q '<value>vga</value>' ||
    sed -i "/<graphics /d; /<video>/,/<\/video>/d; /<input /d" "$dir/pvguest.xml"

# define, list, show
vivm 0 define "$dir/pvguest.xml" </dev/null
vivm 0 list
printed "^pvguest *shut off *2 vCPU *128 MiB"
vivm 0 show pvguest
printed "^memory *128 MiB"
vivm 0 show --argv pvguest
printed "-append console=hvc0"
vivm 1 show nobody
said "^vivm: 'nobody': "
[ "$(wc -l <"$dir/vivm.err")" = 1 ] || fail "more than one line"

# a good edit
script "sed -i \"s#'KiB'>131072<#'KiB'>147456<#\" \"\$1\""
vivm 0 pvguest </dev/null
printed "^+ *<memory unit='KiB'>147456<"
said "^Defined. The former definition is in $state/pvguest\..*backup"
memory_is 147456
grep -l "'KiB'>131072<" "$state"/*backup* >/dev/null || fail "the backup is not the former definition"
no_draft

# the backup brings it back, and what it replaces is a backup again
vivm 0 define "$(ls "$state"/*backup*)" </dev/null
said "^Defined 'pvguest'. The former definition is in $state/pvguest"
memory_is 131072
[ "$(ls "$state"/*backup* | wc -l)" = 2 ] || fail "not two backups"
grep -l "'KiB'>147456<" "$state"/*backup* >/dev/null || fail "the replaced definition is not in a backup"
vivm 0 define "$(grep -l "'KiB'>147456<" "$state"/*backup*)" </dev/null
memory_is 147456

# no edit
script ":"
vivm 0 edit pvguest </dev/null
said "^Unchanged"
no_draft

# XML that is none, then a bus that libvirt refuses, then one that is well
script "sed -i 's#</domain>##' \"\$1\"" \
    "printf '</domain>' >>\"\$1\"; sed -i \"s#type='qemu'#type='xen'#\" \"\$1\"" \
    "sed -i \"s#type='xen'#type='qemu'#; s#'KiB'>147456<#'KiB'>163840<#\" \"\$1\""
printf 'e\ne\n' >"$dir/answers"
vivm 0 pvguest <"$dir/answers"
visits 3
said "^line:[0-9]*: Premature end of data"
said "^line:1: error: domain type 'xen' will be refused by libvirt"
memory_is 163840
no_draft

# libvirt's own refusal, after our checks: kept, and named
script "sed -i \"s#<name>pvguest<#<name>pv/guest<#; s#'KiB'>163840<#'KiB'>180224<#\" \"\$1\""
echo k >"$dir/answers"
vivm 1 pvguest <"$dir/answers"
said "^libvirt refuses it: "
kept=$(sed -n 's/^.*Your text is in //p' "$dir/vivm.err")
grep -q "'KiB'>180224<" "$kept" || fail "the text is not in '$kept'"
memory_is 163840
rm "$kept"

# the editor fails; the end of input keeps too
script "echo '<!-- mine -->' >>\"\$1\"; exit 3"
vivm 1 pvguest </dev/null
said "the editor '$EDITOR' failed"
kept=$(sed -n 's/^.*Your text is in //p' "$dir/vivm.err")
grep -q "mine" "$kept" || fail "the text is not in '$kept'"
rm "$kept"

# somebody else defines meanwhile
script "sed -i \"s#'KiB'>163840<#'KiB'>196608<#\" \"\$1\"; virsh -q -c $uri dumpxml --inactive pvguest |
    sed 's#<on_crash>destroy#<on_crash>restart#' >\"$dir/theirs.xml\"; virsh -q -c $uri define \"$dir/theirs.xml\""
echo k >"$dir/answers"
vivm 1 pvguest <"$dir/answers"
said "^Somebody else has changed the definition meanwhile"
memory_is 163840
rm -f "$state"/*kept*

# killed while editing: the next vivm knows
mkfifo "$dir/gate"
script "sed -i \"s#'KiB'>163840<#'KiB'>212992<#\" \"\$1\"; echo >\"$dir/gate\"; exec sleep 1000" ":"
"$VIVM" pvguest </dev/null >"$dir/vivm.out" 2>&1 &
victim=$!
read -r line <"$dir/gate"
vivm 1 pvguest </dev/null
said "somebody else edits it"
kill -9 $victim
wait $victim
echo c >"$dir/answers"
vivm 0 pvguest <"$dir/answers"
said "There is an edit that was not defined, in $state/pvguest\..*draft.xml"
memory_is 212992
no_draft

# a signal that can be caught
script "echo '<!-- mine -->' >>\"\$1\"; echo >\"$dir/gate\"; exec sleep 1000"
"$VIVM" pvguest </dev/null >"$dir/vivm.out" 2>"$dir/vivm.err" &
victim=$!
read -r line <"$dir/gate"
kill $victim
status=0
wait $victim || status=$?
[ $status = 143 ] || fail "SIGTERM: status $status"
said "stopped. Your text is in $state/pvguest"
grep -q mine "$(sed -n 's/^.*Your text is in //p' "$dir/vivm.err")" || fail "the text is lost"
rm -f "$state"/*draft*

# its life
vivm 0 start pvguest
vivm 0 list
printed "^pvguest *running"
vivm 1 start pvguest
said "^vivm: could not start 'pvguest': "
mkfifo "$dir/keys"
"$VIVM" console pvguest <"$dir/keys" >"$dir/console" 2>"$dir/vivm.err" &
console=$!
exec 3>"$dir/keys"
until_true grep -q "shell in the guest" "$dir/console"
printf 'echo $((6 * 7))-from-vivm\n' >&3
until_true grep -q "^42-from-vivm" "$dir/console"
printf '\035' >&3
wait $console || fail "console: status $?"
exec 3>&-
if grep -q "<graphics" "$dir/pvguest.xml"; then
    vivm 0 vnc --print pvguest
    printed "^127.0.0.1::59"
fi
vivm 0 stop pvguest
is_state pvguest "shut off (shutdown)" || fail "not shut off"
until_true nothing_left
vivm 0 start --paused pvguest
is_state pvguest "paused (user)" || fail "not paused"
vivm 0 stop --force pvguest
until_true nothing_left

# from options; the errors of each side
vivm 0 define --name other --kernel "$KERNEL" --initrd "$INITRD" --memory 128 --vcpus 1 --emulator "$XENNER"
vivm 0 list --names
printed "^other$"
vivm 1 define --name other --kernel "$KERNEL" --emulator "$XENNER"
said "^vivm: libvirt refuses it: "
vivm 1 define --name x --kernel k --memory 1
said "^vivm: -m: 1024 KiB is too little"
printf '<!DOCTYPE d [<!ENTITY a "a">]><domain>&a;</domain>' >"$dir/bomb.xml"
vivm 1 define "$dir/bomb.xml"
said "bomb.xml: has a DOCTYPE"
vivm 1 --connect bogus:///x list
said "^vivm: could not connect to 'bogus:///x': "
vivm 1 frobnicate x
said "no command 'frobnicate'"
exit 0
