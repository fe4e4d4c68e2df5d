#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs everything that must pass and prints the sum as its last line. Long output goes to build/test-logs.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
jobs=${TFDC_TEST_JOBS:-2}
export TFDC_RESULTS="$PWD/$logs/steps.tsv"

# step NAME COMMAND...: one line on the console; the output in a log, shown when it fails.
step() {
  local name=$1 began=$SECONDS status=passed
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null || status=failed
  printf '%s\t%s\t%s\n' "$status" "$name" "$((SECONDS - began))" >>"$TFDC_RESULTS"
  printf '%-16s %-7s %5d s\n' "$name" "$status" "$((SECONDS - began))"
  if [ "$status" = failed ]; then
    tail -n 60 "$logs/$name.log"
    return 1
  fi
}

# suite PRESET [CTEST ARGUMENT...]: the cases are in the JUnit file, so only a missing file is a failure of its own.
suite() {
  local preset=$1 began=$SECONDS
  shift
  echo "$preset: running the tests"
  ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error \
    --test-output-size-passed 4000000 --test-output-size-failed 4000000 \
    --output-junit "$PWD/$logs/$preset.xml" "$@" >"$logs/$preset.ctest.log" 2>&1 </dev/null ||
    sed -n '/\*\*\*/,$p' "$logs/$preset.ctest.log" | tail -n 150
  if [ ! -s "$logs/$preset.xml" ]; then
    printf 'failed\t%s-tests\t%s\n' "$preset" "$((SECONDS - began))" >>"$TFDC_RESULTS"
    tail -n 40 "$logs/$preset.ctest.log"
  fi
  printf '%-16s %5d s\n' "$preset tests" "$((SECONDS - began))"
}

step build-release tools/build.sh release
step build-dev tools/build.sh dev && suite dev
for sanitizer in asan tsan; do
  step "build-$sanitizer" tools/build.sh "$sanitizer" && suite "$sanitizer" -L '^(unit|contract|sim|fuzz)$'
done
tools/lint.sh </dev/null # each gate counts by itself

exec python3 tools/test_summary.py "$logs"
