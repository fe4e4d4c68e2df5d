#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The long runs. One line a run in `runs`: a command that exits 0 when it passed; a missing script is left out by name.
set -uo pipefail
cd "$(dirname "$0")/../.."
export SOAK_SEEDS=${SOAK_SEEDS:-20}
tools/build.sh release || exit 1
runs=(
  "test/soak/demo_seeds.sh"
  "test/soak/kills.sh"
  "test/soak/simulation.sh"
)
failed=0
for run in "${runs[@]}"; do
  if [ ! -x "${run%% *}" ]; then
    echo "soak: $run is not there"
    failed=$((failed + 1))
    continue
  fi
  echo "== $run"
  $run || failed=$((failed + 1))
done
echo "soak: ${#runs[@]} runs, $failed failed"
[ "$failed" -eq 0 ]
