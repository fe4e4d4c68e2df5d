#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for FUZZ_SECONDS (60). New inputs go to build/fuzz-corpus, findings to build/fuzz-findings.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/build.sh fuzz
mkdir -p build/fuzz-findings
failed=()
found=0
while IFS= read -r program; do
  name=${program##*/fuzz_}
  found=$((found + 1))
  corpus=build/fuzz-corpus/$name
  mkdir -p "$corpus"
  echo "== $name"
  "$program" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/fuzz-findings/$name-" "$corpus" "fuzz/corpus/$name" || failed+=("$name")
done < <(find build/fuzz -type f -name 'fuzz_*' -perm -u+x | sort)
if [ "${#failed[@]}" -gt 0 ]; then
  echo "fuzz: findings in ${failed[*]}: see build/fuzz-findings" >&2
  exit 1
fi
echo "fuzz: $found targets, no finding"
[ "$found" -gt 0 ]
