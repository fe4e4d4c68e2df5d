#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every gate; each is a program of its own and says what it looked at. All run, also after a failure.
# TFDC_RESULTS: a file to which each gate's verdict is added. test/gates proves that each of them bites.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
gate() {
  local name=$1 began=$SECONDS verdict=passed
  shift
  "$@" || verdict=failed
  [ "$verdict" = passed ] || failed=$((failed + 1))
  if [ -n "${TFDC_RESULTS:-}" ]; then
    printf '%s\tgate-%s\t%s\n' "$verdict" "$name" "$((SECONDS - began))" >>"$TFDC_RESULTS"
  fi
}

if [ ! -f build/dev/compile_commands.json ]; then
  tools/build.sh dev >build/lint-build.log 2>&1 || tail -n 30 build/lint-build.log >&2
fi
gate layers python3 tools/check_layers.py
gate banned python3 tools/gates/banned.py
gate headers python3 tools/gates/headers.py
gate format python3 tools/gates/format.py
gate sizes python3 tools/gates/sizes.py
gate paths python3 tools/gates/texts.py paths
gate spdx python3 tools/gates/texts.py spdx
gate todo python3 tools/gates/texts.py todo
echo "lint: $failed gates failed"
[ "$failed" -eq 0 ]
