#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the release preset and runs every bench_* program; each prints its own figures.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/build.sh release
found=0
while IFS= read -r program; do
  found=$((found + 1))
  echo "== ${program##*/}"
  "$program"
done < <(find build/release -type f -name 'bench_*' -perm -u+x | sort)
if [ "$found" -eq 0 ]; then
  echo "bench: no bench_* program was built" >&2
  exit 1
fi
