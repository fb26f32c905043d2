#!/bin/sh
# xenguest-mkimage: every operation and every option, what they make compared as trees; no guest is needed.
. "$(dirname "$0")/lib.sh"
golden=$(cd "$(dirname "$0")" && pwd)/golden
export SOURCE_DATE_EPOCH=1000000000
umask 022
mkdir "$work/in"
cd "$work/in"

mk()
{
    status=0
    "$MKIMAGE" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = 0 ] && [ ! -s "$work/err" ] || fail "xenguest-mkimage $*: status $status"
}

# refuse COMPLAINT ARGS: one line, status 1, nothing printed or left behind.
refuse()
{
    want=$1
    shift
    status=0
    ls -A >"$work/before"
    "$MKIMAGE" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = 1 ] || fail "status $status for: $*"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "not one line of error for: $*"
    grep -qF -- "$want" "$work/err" || fail "no '$want' for: $*"
    [ ! -s "$work/out" ] || fail "output for: $*"
    ls -A | diff "$work/before" - || fail "something else is there after: $*"
}

# The line of the configuration, exactly.
has()
{
    mk "dump-$1" g.xg
    grep -qxF -- "$2" "$work/out" || fail "$1 has no line '$2': $(cat "$work/out")"
}

has_not()
{
    mk "dump-$1" g.xg
    ! grep -q -- "$2" "$work/out" || fail "$1 has '$2'"
}

# The image, as GNU tar unpacks it, in $work/tree.
unpack()
{
    rm -rf tree
    mkdir tree
    tar -C tree -xf "${1:-g.xg}" || fail "tar does not take ${1:-g.xg}"
}

member()
{
    unpack
    cmp -s "tree/$1" "$2" || fail "$1 is not $2"
}

no_member()
{
    unpack
    [ ! -e "tree/$1" ] || fail "$1 is there"
}

# Everything is made in here; what the helper keeps is beside it.
printf 'kernel\n' >kernel
head -c 1000 /dev/zero | tr '\0' r >ramdisk
printf 'dtb' >dtb
printf 'other\n' >other
printf 'a file: with a colon\n' >'a:b'
printf '#!/bin/sh\necho pre\n' >10-pre
printf '#!/bin/sh\necho script\n' >20-script
printf '#!/bin/sh\necho first' >10-script
printf '#!/bin/sh\necho post\n' >10-post
printf 'vif = []\n' >part.cfg
printf 'broken' >broken.cfg
echo content | gzip -n >root.tar.gz

# --- create, and each option by itself
mk create g.xg
mk check g.xg
has xenconfig 'memory = 512'
has xenconfig 'vcpus = 1'
has xenconfig '# kernel = ""'
has paramsconfig 'GUEST_AUTOBOOT="1"'
has diskconfig 'DISK_SIZE="0"'
tar -tf g.xg | grep -qx './guest.cfg' || fail "members are not named ./"

mk update g.xg --set-param=FOO='a "b" $c'
has paramsconfig 'FOO="a \"b\" \$c"'
(unpack; . tree/params.cfg; [ "$FOO" = 'a "b" $c' ]) || fail "a shell reads another value"
mk update g.xg --set-param=FOO=1 --set-param=FOO=2 --set-param=BAR=
has paramsconfig 'FOO="2"'
has paramsconfig 'BAR=""'
mk update g.xg --set-param=FOO
has_not paramsconfig FOO
mk update g.xg --set-param=A=1 --guest-config-reset
has_not paramsconfig A=
mk update g.xg --set-param=A=1 --guest-reset-config --set-param=B=1
has_not paramsconfig A=
has paramsconfig 'B="1"'

mk update g.xg --xen-name=hello
has xenconfig 'name = "hello"'
mk update g.xg --xen-name=
has xenconfig '# name = ""'
mk update g.xg --xen-kernel=kernel
has xenconfig 'kernel = "files/kernel"'
member files/kernel kernel
mk update g.xg --kernel=other
member files/kernel other
mk update g.xg --xen-kernel=
has xenconfig '# kernel = ""'
no_member files/kernel
mk update g.xg --xen-ramdisk=ramdisk --xen-device-tree=dtb
has xenconfig 'ramdisk = "files/ramdisk.img"'
has xenconfig 'device_tree = "files/guest.dtb"'
member files/ramdisk.img ramdisk
member files/guest.dtb dtb
mk update g.xg --xen-ramdisk= --xen-device-tree=
no_member files/ramdisk.img
no_member files/guest.dtb
has_not xenconfig files/
mk update g.xg --xen-memory=1024 --xen-vcpus=4 --xen-root=/dev/xvda1
has xenconfig 'memory = 1024'
has xenconfig 'vcpus = 4'
has xenconfig 'root = "/dev/xvda1"'
mk update g.xg --xen-extra=earlyprintk=xenboot --xen-extra=console=hvc0
mk update g.xg --xen-extra=rw
has xenconfig 'extra = "earlyprintk=xenboot console=hvc0 rw"'
mk update g.xg --xen-clean-extra --xen-extra='a="b c"'
has xenconfig "extra = 'a=\"b c\"'"
mk update g.xg --xen-clean-extra
has xenconfig '# extra = ""'
mk update g.xg --xen-disk=/dev/vg/lv
has xenconfig "disk = ['phy:/dev/vg/lv,xvda,w']"
mk update g.xg --xen-disk=
has_not xenconfig phy:
mk update g.xg --xen-append=part.cfg
has xenconfig 'vif = []'
mk update g.xg --xen-add-file=other:sub/dir/f --xen-add-file=a:b:c
member files/sub/dir/f other
member files/c a:b
mk update g.xg --xen-rm-file=sub
no_member files/sub
mk update g.xg --xen-rm-file=c --xen-memory= --xen-vcpus=
has_not xenconfig '^memory'
has xenconfig '# vcpus = ""'
mk update g.xg --xen-kernel=kernel --xen-reset-config --xen-name=x
no_member files/kernel
has xenconfig 'memory = 512'
has xenconfig 'name = "x"'
has_not xenconfig vif

mk update g.xg --init-pre=10-pre --init-script=20-script --init-script=10-script --init-post=10-post
member init.pre/10-pre 10-pre
member init.d/20-script 20-script
member init.post/10-post 10-post
[ -x tree/init.d/20-script ] || fail "a script that cannot be run"
mk dump-init g.xg
cat >want <<'END'
### init.pre/10-pre
#!/bin/sh
echo pre
### init.d/10-script
#!/bin/sh
echo first
### init.d/20-script
#!/bin/sh
echo script
### init.post/10-post
#!/bin/sh
echo post
END
cmp "$work/out" want || fail "dump-init is another one"
mk update g.xg --init-script= --init-pre=
no_member init.d/20-script
no_member init.pre/10-pre
[ -d tree/init.d ] || fail "init.d is gone"

mk update g.xg --disk-size=2 --disk-device=/dev/sdb
has diskconfig 'DISK_SIZE="2"'
has diskconfig 'DISK_DEVICE="/dev/sdb"'
mk update g.xg --disk-add-file=root.tar.gz:root.tar.gz --disk-add-part=1:500M:ext4:root.tar.gz \
    --disk-add-part=2:1G:vfat: --disk-add-part=4:500M::
has diskconfig 'DISK_PART1="500M:ext4:root.tar.gz"'
has diskconfig 'DISK_PART2="1G:vfat:"'
has diskconfig 'DISK_PART4="500M::"'
member disk/root.tar.gz root.tar.gz
mk extract-disk-file g.xg root.tar.gz
cmp "$work/out" root.tar.gz || fail "extract-disk-file gives something else"
mk update g.xg --disk-rm-part=1 --disk-rm-file=root.tar.gz
has_not diskconfig '^DISK_PART1'
no_member disk/root.tar.gz
mk update g.xg --disk-size=0
has_not diskconfig '^DISK_PART'
has diskconfig 'DISK_SIZE="0"'
mk update g.xg --disk-size=1000M --disk-device=/dev/sdc --disk-reset-config
has diskconfig 'DISK_DEVICE=""'
"$MKIMAGE" update g.xg --disk-size=1 --disk-add-part=1:1::a.img 2>"$work/err" || fail "a content may come later"
grep -q "warning: g.xg: disk.cfg: DISK_PART1's disk/a.img is not in the image" "$work/err" || fail "no warning"
refuse "DISK_PART1's disk/a.img is not in the image" check g.xg

# --- one of all, against the golden image; directories and files are the same
all()
{
    mk "$@" --set-param=GUEST_AUTOBOOT=0 --set-param=NET='bridge br0' \
        --xen-name=all --xen-kernel=kernel --xen-ramdisk=ramdisk --xen-device-tree=dtb --xen-memory=256 \
        --xen-vcpus=2 --xen-root=/dev/xvda1 --xen-extra=console=hvc0 --xen-disk=/dev/sda3 \
        --xen-append=part.cfg --xen-add-file=other:more/other --init-pre=10-pre --init-script=20-script \
        --init-post=10-post --disk-size=1 --disk-device=/dev/sdb --disk-add-part=1:900M:ext4:root.tar.gz \
        --disk-add-part=3:100M:swap: --disk-add-file=root.tar.gz:root.tar.gz
}
all create all.xg
[ -z "${UPDATE_GOLDEN:-}" ] || cp all.xg "$golden/all.xg"
touch -d @1000000000 kernel ramdisk dtb other root.tar.gz 10-pre 20-script 10-post
mkdir all.d
all create all.d
unpack all.xg
diff -r tree all.d || fail "a directory differs from a file"
cmp all.xg "$golden/all.xg" || fail "all.xg is not the golden one"
mk pack all.d packed.xg
unpack packed.xg
diff -r tree all.d || fail "a packed directory differs"
mk extract all.d y.d
echo changed >>y.d/guest.cfg
! grep -q changed all.d/guest.cfg || fail "two directories share a file"
mk extract all.xg x.d
diff -r x.d all.d || fail "an extracted file differs"
mk extract-config all.xg c.d
[ ! -e c.d/disk ] || fail "extract-config brings the disk"
cp -a all.d d.d && rm -r d.d/disk
diff -r c.d d.d || fail "extract-config differs"
mk update all.d --xen-name=new
grep -qx 'name = "new"' all.d/guest.cfg || fail "a directory is not updated"
mk update all.d --xen-name=all
diff -r tree all.d || fail "an update changes more than it should"
ls -A | grep -q '^\.' && fail "something is left behind: $(ls -A)"

# --- an image as a shell's tar makes it: other owners, no disk/, comments and order of its own
mk check "$golden/shell.xg"
cp "$golden/shell.xg" s.xg
mk update s.xg --xen-memory=96
unpack "$golden/shell.xg" && mv tree before
unpack s.xg
diff -r before tree >diff.out
cat >want <<'END'
diff -r before/guest.cfg tree/guest.cfg
3c3
< memory	=   64   # MB
---
> memory = 96   # MB
END
cmp diff.out want || fail "an update changes more than its line: $(cat diff.out)"
mk extract-disk-file s.xg root.img
[ "$(cat "$work/out")" = disk ] || fail "disk-files/ is not read"

# --- memory does not grow with the image
yes 'of 200 MB' | head -c 200000000 >big.img
(ulimit -v 180000; mk create big.xg --disk-add-file=big.img:big.img; mk update big.xg --xen-memory=100
    mk extract big.xg big.d) || exit 1
cmp big.img big.d/disk/big.img || fail "a big file is another one"

# --- no room: the old image stays, and nothing else
cp big.xg before.xg
(ulimit -f 50000; refuse "could not write" update big.xg --xen-memory=77) || exit 1
(ulimit -f 50000; refuse "could not" extract big.xg big2.d) || exit 1
cmp big.xg before.xg || fail "an update without room changes the image"
rm before.xg
status=0
"$MKIMAGE" dump-xenconfig g.xg >/dev/full 2>"$work/err" || status=$?
[ "$status" = 1 ] && grep -q "stdout: could not write to it" "$work/err" || fail "a full stdout: $status"
rm -r big.img big.xg big.d

# --- partial
mk partial p.d --xen-memory=64 --init-script=20-script
[ "$(cd p.d && find . -type f | sort | tr '\n' ' ')" = "./guest.cfg ./init.d/20-script " ] ||
    fail "a partial directory has more: $(find p.d)"
[ "$(cat p.d/guest.cfg)" = "memory = 64" ] || fail "a partial guest.cfg has more"
mk partial p.d --set-param=X=1
[ "$(cat p.d/params.cfg)" = 'X="1"' ] || fail "a partial params.cfg has more"
refuse "p.d: disk.cfg: there is no such member" dump-diskconfig p.d
mk partial q.d --xen-vcpus=2
refuse "q.d: params.cfg: there is no such member" pack q.d q.xg

# --- signatures; the key is only for this
key=$golden/test-key
mk create sg.xg --xen-kernel=kernel --init-pre=10-pre
refuse "sg.xg: it is not signed" verify sg.xg "$key.pub"
mk sign sg.xg "$key.sec"
mk verify sg.xg "$key.pub"
[ "$(cat "$work/out")" = "sg.xg: signed, timestamp:1000000000 file:manifest hashed" ] || fail "verify says something else"
mk extract sg.xg sg.d
mk verify sg.d "$key.pub"
mk pack sg.d sg2.xg
mk verify sg2.xg "$key.pub"
(cd sg.d && sha256sum --quiet -c signature/manifest) || fail "sha256sum does not agree"
[ "$(grep -c '  \./' sg.d/signature/manifest)" = 5 ] || fail "not all members are signed"
# forged: what, the member that is named
forge()
{
    rm -rf forged && cp -a sg.d forged && (cd forged && eval "$1") || fail "$1"
    refuse "forged: $2" verify forged "$key.pub"
}
forge "echo x >>guest.cfg" "guest.cfg: it is not what was signed"
forge "chmod +x files/kernel" "files/kernel: it is not what was signed"
forge "chmod -x init.pre/10-pre" "init.pre/10-pre: it is not what was signed"
forge "echo x >files/a" "files/a: it is not what was signed"
forge "echo x >zzz" "zzz: it is not what was signed"
forge "echo x >signature/x" "signature/x: it is not what was signed"
forge "rm disk.cfg" "disk.cfg: it is not what was signed"
forge "rm params.cfg" "params.cfg: it is not what was signed"
forge "ln -sf kernel files/link" "files/link: it is not what was signed"
forge "mv files/kernel files/k; ln -s k files/kernel" "files/k: it is not what was signed"
forge "rm signature/manifest" "it is not signed"
forge "sed -i s/5/6/ signature/manifest" "the signature: it is not right"
forge "sed -i '3s/1000000000/1000000001/' signature/manifest.minisig" "the signature: it is not right"
forge "sed -i 2d signature/manifest.minisig" "the signature: it is damaged"
forge ": >signature/manifest.minisig" "the signature: it is damaged"
refuse "not a public key of minisign" verify sg.xg kernel
refuse "not a public key of minisign" verify sg.xg "$key.sec"
refuse "not a secret key of minisign" sign sg.xg "$key.pub"
refuse "nothing" verify sg.xg nothing
"$MKIMAGE" update sg.xg --xen-memory=77 2>"$work/err" || fail "update of a signed image"
grep -q "warning: sg.xg: it is no longer signed" "$work/err" || fail "no warning that the signature goes"
refuse "sg.xg: it is not signed" verify sg.xg "$key.pub"
if command -v minisign >/dev/null; then
    (cd sg.d && minisign -q -V -m signature/manifest -p "$key.pub") || fail "minisign does not agree"
    printf 'secret\nsecret\n' | minisign -G -p other.pub -s other.sec >/dev/null 2>&1
    refuse "the signature: it was made with another key" verify sg.d other.pub
    echo secret | "$MKIMAGE" sign sg.xg other.sec || fail "a key with a password"
    mk verify sg.xg other.pub
    echo wrong >wrong
    status=0
    "$MKIMAGE" sign sg.xg other.sec <wrong 2>"$work/err" || status=$?
    [ "$status" = 1 ] && grep -q "other.sec: wrong password" "$work/err" || fail "a wrong password is taken"
    minisign -q -S -W -s "$key.sec" -m sg.d/signature/manifest >/dev/null 2>&1 </dev/null ||
        minisign -S -s "$key.sec" -m sg.d/signature/manifest >/dev/null || fail "minisign does not sign"
    mk verify sg.d "$key.pub"
fi

# --- encryption, with a gpg of our own
export GNUPGHOME="$work/gpg"
mkdir -m 700 "$GNUPGHOME"
if command -v gpg >/dev/null; then
    gpg --batch --quiet --passphrase '' --quick-gen-key 'alice <alice@example.org>' future-default - never \
        2>"$work/err" || fail "gpg makes no key"
    [ ! -e enc.gpg ] || fail "there is an enc.gpg"
    mk encrypt all.xg enc.gpg alice@example.org
    ! grep -q console=hvc0 enc.gpg || fail "nothing is encrypted"
    mk decrypt enc.gpg dec.xg
    cmp all.xg dec.xg || fail "decrypted to something else"
    refuse "enc.gpg: it is there already" encrypt all.xg enc.gpg alice@example.org
    refuse "bob@example.org: there is no such key" encrypt all.xg enc2.gpg alice@example.org bob@example.org
    refuse "usage: xenguest-mkimage encrypt" encrypt all.xg enc2.gpg
    refuse "all.d: a directory: pack it first" encrypt all.d enc2.gpg alice@example.org
    refuse "kernel: not a tar that can be read" encrypt kernel enc2.gpg alice@example.org
    refuse "all.xg: No data" decrypt all.xg dec2.xg
    gpg --batch --quiet --encrypt -r alice@example.org -o k.gpg kernel
    refuse "k.gpg: what is in it is not an image" decrypt k.gpg dec2.xg
    head -c "$(($(stat -c %s enc.gpg) - 50))" enc.gpg >cut.gpg
    refuse "cut.gpg: " decrypt cut.gpg dec2.xg
    gpgconf --kill all
    rm enc.gpg dec.xg k.gpg cut.gpg
fi

# --- the example
XENGUEST_MKIMAGE="$MKIMAGE" sh "$EXAMPLES/debian/make-image.sh" ex.xg kernel ramdisk root.tar.gz ||
    fail "the example is not made"
mk check ex.xg
mk dump-init ex.xg
for s in 10-bridge 10-note 90-log; do
    grep -q "^### init.*/$s" "$work/out" || fail "the example has no $s"
    sh -n "$EXAMPLES/debian/$s" || fail "$s is no script"
done

# --- help
mk help
for o in create check update pack extract extract-config extract-disk-file partial dump-xenconfig \
    dump-diskconfig dump-paramsconfig dump-init sign verify encrypt decrypt; do
    mk help
    grep -q "^  $o " "$work/out" || fail "help has no $o"
    mk $o --help
    grep -q "^Usage: xenguest-mkimage $o " "$work/out" || fail "$o --help says something else"
done

# --- refused
mk create g.xg
refuse "an operation is missing"
refuse "'foo' is no operation" foo
refuse "usage: xenguest-mkimage create XENGUEST [OPTIONS]" create
refuse "usage: xenguest-mkimage check XENGUEST" check g.xg more
refuse "usage: xenguest-mkimage pack DIR FILE" pack p.d
refuse "none.xg: could not open it: No such file or directory" check none.xg
refuse "none.xg: could not open it: No such file or directory" update none.xg
refuse "/dev/null: neither a file nor a directory" check /dev/null
refuse "kernel: not a tar that can be read" check kernel
refuse "kernel: it is there and is not a xenguest image" create kernel
refuse "p.d: the directory is not empty" create p.d
refuse "p.d: the directory is not empty" extract g.xg p.d
refuse "nowhere: could not open it" create nowhere/g.xg
refuse "kernel: it is there and is not a xenguest image" pack x.d kernel
refuse "g.xg: it is not a directory" pack g.xg y.xg
refuse "g.xg: it is not a directory" partial g.xg
refuse "there is no disk/foo" extract-disk-file g.xg foo
refuse "--foo: invalid option" update g.xg --foo
refuse "foo: invalid option" update g.xg foo
refuse "--xen-name requires a value: --xen-name=NAME" update g.xg --xen-name
refuse "--xen-clean-extra takes no value" update g.xg --xen-clean-extra=1
refuse "--xen-memory: '1G' is not a number" update g.xg --xen-memory=1G
refuse "--xen-vcpus: 0 is too little" update g.xg --xen-vcpus=0
refuse "--xen-kernel: none: could not open it" update g.xg --xen-kernel=none
refuse "--xen-kernel: p.d: not a regular file" update g.xg --xen-kernel=p.d
refuse "--set-param: '1X' is not a name" update g.xg --set-param=1X=1
refuse "--xen-append: broken.cfg:1: not a setting" update g.xg --xen-append=broken.cfg
refuse "--xen-add-file: 'other' is not SRC:DST" update g.xg --xen-add-file=other
refuse "files/../../x: a name with .." update g.xg --xen-add-file=other:../../x
refuse "there is no files/x" update g.xg --xen-rm-file=x
refuse "there is no disk/x" update g.xg --disk-rm-file=x
refuse "there is no partition 2" update g.xg --disk-rm-part=2
refuse "partition 5: partitions have numbers from 1 to 4" update g.xg --disk-add-part=5:1:ext4:
refuse "'xfs' is no file system" update g.xg --disk-size=1 --disk-add-part=1:1:xfs:
refuse "'a.zip' is no content" update g.xg --disk-size=1 --disk-add-part=1:1:ext4:a.zip
refuse "take 1001 MB, DISK_SIZE is 1000 MB" update g.xg --disk-size=1 --disk-add-part=1:1001M:ext4:
refuse "'a.img' is the content of partition 1 too" update g.xg --disk-size=1 \
    --disk-add-part=1:1M::a.img --disk-add-part=2:1M::a.img
refuse "'1T' is not a size" update g.xg --disk-size=1T
ln g.xg hard && mkdir evil evil/files && cp g.xg evil/ && ln -s /etc/passwd evil/files/link
refuse "evil: files/link: a symbolic link that leads out of the image, to /etc/passwd" pack evil e.xg
rm evil/files/link && mkfifo evil/files/fifo
refuse "evil: files/fifo: neither a file nor a directory nor a symbolic link" check evil
exit 0
