#!/bin/sh
# setup.sh [LIST]: installs what tools/LIST (default: packages.txt) names, as root or through sudo, and
# nothing when all is there.
set -eu
list=$(dirname "$0")/${1:-packages.txt}
missing=
for p in $(grep -v '^#' "$list"); do
    dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    run=
elif sudo -n true 2>/dev/null; then
    run=sudo
else
    echo "setup: these Debian packages are missing; install them as root:" >&2
    echo "  apt-get install$missing" >&2
    exit 1
fi
echo "setup: installing$missing"
$run apt-get -qq update
$run env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing \
    </dev/null >/dev/null
