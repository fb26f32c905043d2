#!/bin/sh
# fetch-kernel.sh DIR: Debian's stock kernel, downloaded and unpacked (not installed) into DIR/kernel;
# DIR/vmlinuz is its bzImage. Does nothing when it is there.
set -eu
dir=$1
[ ! -e "$dir/vmlinuz" ] || exit 0
mkdir -p "$dir"
work=$(mktemp -d "$dir/kernel.XXXXXX")
trap 'rm -rf "$work"' EXIT
package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
    apt-get -qq update
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
fi
[ -n "$package" ] || { echo "fetch-kernel: apt knows no linux-image-amd64" >&2; exit 1; }
echo "fetch-kernel: downloading $package"
chmod 755 "$work"
if ! (cd "$work" && apt-get -qq download "$package" 2>download.log); then
    # a stale list names a version that is gone: once more with a fresh one
    [ "$(id -u)" = 0 ] && apt-get -qq update
    (cd "$work" && apt-get -qq download "$package")
fi
dpkg-deb -x "$work"/linux-image-*.deb "$work/tree"
rm -f "$work"/*.deb "$work/download.log"
rm -rf "$dir/kernel"
mv "$work/tree" "$dir/kernel"
cp "$dir"/kernel/boot/vmlinuz-* "$dir/vmlinuz.new"
mv "$dir/vmlinuz.new" "$dir/vmlinuz"
