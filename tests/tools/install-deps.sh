#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what building and testing need from Debian 12's archive; does nothing, and needs neither
# root nor a network, when all of it is there. Run as root, or as a user who may sudo.
#
#   tests/tools/install-deps.sh          install what is missing
#   tests/tools/install-deps.sh --list   print the packages
#
# The kernel for dom0 and real Xen (the oracle) are not installed: they are downloaded as packages
# and unpacked below build/ (dom0/image/fetch-packages.sh).
set -eu

BUILD_PACKAGES="
    gcc make binutils clang lld python3 xz-utils gzip
    libxen-dev libelf-dev zlib1g-dev liblzma-dev libzstd-dev liblz4-dev
    libjansson-dev libmnl-dev libnftables-dev liburing-dev libgcc-s1 libseccomp-dev
"
IMAGE_PACKAGES="
    busybox-static kmod e2fsprogs nftables dnsmasq-base
    grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools lz4
"
TEST_PACKAGES="
    qemu-system-x86 qemu-utils ovmf python3-pytest python3-pexpect libcmocka-dev xenstore-utils
    clang-format clang-tidy cppcheck shellcheck
"
# One word each, whatever the lines above look like.
# shellcheck disable=SC2086,SC2116
PACKAGES=$(echo $BUILD_PACKAGES $IMAGE_PACKAGES $TEST_PACKAGES)

if [ "${1:-}" = --list ]; then
    # shellcheck disable=SC2086
    printf '%s\n' $PACKAGES
    exit 0
fi

missing=
for package in $PACKAGES; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "install-deps: neither root nor sudo; missing packages:$missing" >&2
        exit 1
    }
    as_root=sudo
fi

echo "install-deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# An index that is too old names packages that are gone from the archive: refresh it and try again.
# shellcheck disable=SC2086
$as_root apt-get -q -y install --no-install-recommends $missing ||
    { $as_root apt-get -q update && $as_root apt-get -q -y install --no-install-recommends $missing; }
