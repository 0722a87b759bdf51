#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Downloads Debian packages and unpacks them, without installing anything.
#
#   fetch-packages.sh DIR PACKAGE...
#
# Leaves the files in DIR/root and the .deb files in DIR/deb. A package that only depends on another
# one of the same family (linux-image-amd64 on linux-image-6.1.0-NN-amd64) is followed to that one.
# Packages that are in DIR/deb already are not downloaded again, so that a filled DIR/deb also serves
# a machine without a network.
set -eu

[ $# -ge 2 ] || { echo "usage: fetch-packages.sh DIR PACKAGE..." >&2; exit 2; }
dir=$1
shift

mkdir -p "$dir/deb"
rm -rf "$dir/root"
mkdir "$dir/root"

# The package that holds the files behind a name.
real_package() {
    case $1 in
    linux-image-amd64)
        apt-cache depends --important "$1" 2>/dev/null |
            sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1
        ;;
    *) echo "$1" ;;
    esac
}

for name in "$@"; do
    package=$(real_package "$name")
    if [ -z "$package" ]; then
        # No package index (offline): whatever was downloaded for this name.
        package=$(find "$dir/deb" -name "${name%-amd64}*.deb" -printf '%f\n' | sort | tail -n 1 | sed 's/_.*//')
    fi
    [ -n "$package" ] || { echo "fetch-packages: $name: unknown to apt; run apt-get update" >&2; exit 1; }
    if ! ls "$dir/deb/${package}"_*.deb >/dev/null 2>&1; then
        echo "fetch-packages: downloading $package"
        (cd "$dir/deb" && apt-get -qq download "$package" 2>/dev/null) ||
            { echo "fetch-packages: $package: download failed; run apt-get update" >&2; exit 1; }
    fi
    dpkg-deb -x "$(find "$dir/deb" -name "${package}_*.deb" | sort | tail -n 1)" "$dir/root"
done
