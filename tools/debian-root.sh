#!/bin/sh
# debian-root.sh DIR PACKAGE,...: Debian 12 with these packages in the new folder DIR. Needs root, debootstrap,
# and the network: the mirror is $DEBIAN_MIRROR, else the one that apt uses for this release.
set -eu
root=$1 packages=$2 release=bookworm
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "debian-root: needs root, for debootstrap" >&2; exit 1; }

apt_mirror()
{
    apt-get indextargets --format '$(REPO_URI)' "Codename: $release" "Component: main" \
        "Created-By: Packages" 2>/dev/null | head -n 1
}
[ -n "${DEBIAN_MIRROR:=$(apt_mirror)}" ] || DEBIAN_MIRROR=http://deb.debian.org/debian
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "debian-root: installing Debian into a folder (takes minutes)"
if ! debootstrap --variant=minbase --include="$packages" "$release" "$root" "$DEBIAN_MIRROR" \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    exit 1
fi
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* \
    "$root"/usr/share/locale/* "$root"/usr/share/man/*
