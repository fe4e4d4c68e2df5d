#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo with SOAK_SEEDS (20) seeds from SOAK_FIRST_SEED (1) on; at most one in twenty may fail. Prints a table.
set -uo pipefail
cd "$(dirname "$0")/../.."
tools/build.sh release tfdc || exit 1
first=${SOAK_FIRST_SEED:-1} n=${SOAK_SEEDS:-20} failed=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT
part() { sed -n "s/^$1 *//p" "$said" | head -n 1; }
printf '%5s  %-7s  %-18s  %-48s  %s\n' SEED SCORE FOUND "FALSE ALARMS" SECONDS
for ((seed = first; seed < first + n; seed++)); do
  SECONDS=0
  if tools/demo.sh --fast --seed "$seed" >"$said" 2>&1; then score=passed; else score=FAILED; fi
  [ "$score" = passed ] || failed=$((failed + 1))
  printf '%5d  %-7s  %-18s  %-48s  %d\n' "$seed" "$score" "$(part 'faults found')" \
    "$(part 'false alarms' | sed 's/ (at most.*//')" "$SECONDS"
  [ "$score" = passed ] || sed 's/^/       /' "$said"
done
echo "demo seeds: $n, $failed failed"
[ "$failed" -le $((n / 20)) ]
