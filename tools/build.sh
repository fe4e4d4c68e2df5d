#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures a preset when needed and builds targets of it: tools/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
mkdir -p build
log=build/configure-$preset.log
if ! cmake --preset "$preset" >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  exit 1
fi
targets=()
if [ "$#" -gt 0 ]; then
  targets=(--target "$@")
fi
exec cmake --build "build/$preset" -j "${TFDC_JOBS:-$(nproc)}" "${targets[@]}"
