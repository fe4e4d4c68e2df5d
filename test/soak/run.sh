#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The long runs. One line a run in `runs`: a command that exits 0 when it passed.
set -uo pipefail
cd "$(dirname "$0")/../.."
tools/build.sh dev || exit 1
runs=(
  "ctest --test-dir build/dev -R (kill|crash|sim_story) --repeat until-fail:${SOAK_REPEATS:-20} --output-on-failure"
  "env TFDC_SIM_SEEDS=${SOAK_SIM_SEEDS:-3000} build/dev/test/sim/sim_seeds_test"
  "test/soak/demo_seeds.sh"
)
failed=0
for run in "${runs[@]}"; do
  echo "== $run"
  $run || failed=$((failed + 1))
done
echo "soak: ${#runs[@]} runs, $failed failed"
[ "$failed" -eq 0 ]
