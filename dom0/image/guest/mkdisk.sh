#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The guest's disk: an ext4 file system of 64 MiB with known content and its checksums.
#
#   mkdisk.sh OUTPUT
set -eu

out=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

seq 1 100000 > "$tree/numbers"
mkdir "$tree/deep"
yes "a line of the guest's disk" | head -n 20000 > "$tree/deep/lines"
(cd "$tree" && sha256sum numbers deep/lines > SHA256SUMS)

rm -f "$out.part"
# Fixed identity and no journal start-up work at first mount: the same image each time.
mke2fs -q -t ext4 -d "$tree" -U 7d1f0c52-3c1e-4a53-9d62-1f0d8c0a5e11 -L hospes-demo \
    -E hash_seed=7d1f0c52-3c1e-4a53-9d62-1f0d8c0a5e11,lazy_itable_init=0,root_owner=0:0 "$out.part" 64M
mv "$out.part" "$out"
