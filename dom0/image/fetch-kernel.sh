#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Debian's kernel, as dom0 and guests run it, below DIR: vmlinuz, lib/modules/VERSION with depmod's
# tables. Not installed on this machine.
#
#   fetch-kernel.sh DIR
set -eu

dir=$1
here=$(dirname "$0")
"$here/fetch-packages.sh" "$dir" linux-image-amd64

version=$(ls "$dir/root/lib/modules")
rm -rf "${dir:?}/lib"
mkdir "$dir/lib"
mv "$dir/root/lib/modules" "$dir/lib/modules"
mv "$dir/root/boot/vmlinuz-$version" "$dir/vmlinuz"
mv "$dir/root/boot/config-$version" "$dir/config"
rm -rf "${dir:?}/root"
depmod -b "$dir" "$version"
echo "$version" > "$dir/version"
