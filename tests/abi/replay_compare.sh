#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares what two builds of replay_dump (one for each library) print for each recording.
# usage: replay_compare.sh DUMP_OURS DUMP_STOCK RECORDING[.zst]...
set -eu
ours=$1 stock=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ $# -gt 0 ] || exit 77
for recording; do
    case $recording in
    *.zst) zstd -dqf "$recording" -o "$dir/rec" ;;
    *) cp "$recording" "$dir/rec" ;;
    esac
    "$ours" "$dir/rec" >"$dir/ours"
    "$stock" "$dir/rec" >"$dir/stock" 2>/dev/null
    grep -q '^group 0' "$dir/stock"
    diff "$dir/stock" "$dir/ours"
    echo "$(basename "$recording"): $(wc -l <"$dir/ours") lines agree"
done
