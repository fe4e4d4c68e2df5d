#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo: a simulated fab of 12 chambers on `tfdc dev`, limits learned from its first runs, then the rest with planted
# faults, judged as they come, and the score.
#   tools/demo.sh [--seed N] [--data FOLDER] [--brief]
# --data keeps the files there; else they go to a temporary folder, and only the report stays, in build/demo. --brief
# prints the score alone.
set -euo pipefail
cd "$(dirname "$0")/.."
tfdc=$PWD/build/release/tfdc
seed=1 data= brief=
while [ "$#" -gt 0 ]; do
  case $1 in
    --seed) seed=$2; shift ;;
    --data) data=$2; shift ;;
    --brief) brief=1 ;;
    *) sed -n '3,7s/^# *//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
work=${data:-$(mktemp -d "${TMPDIR:-/tmp}/tfdc-demo.XXXXXX")}
mkdir -p "$work"
dev=
finish() {
  status=$?
  if [ -n "$dev" ]; then
    kill -TERM "$dev" 2>/dev/null && wait "$dev" || true
  fi
  if [ "$status" -ne 0 ] && [ -s "$work/dev.log" ] && grep -q '"level":"error"' "$work/dev.log"; then
    grep '"level":"error"' "$work/dev.log" | tail -n 5 >&2
  fi
  [ -n "$data" ] || rm -rf "$work"
  exit "$status"
}
trap finish EXIT
say() { [ -n "$brief" ] || printf '\n== %s\n' "$*"; }
quiet() { if [ -n "$brief" ]; then "$@" >/dev/null; else "$@"; fi; }

SECONDS=0
say "tfdc dev on $work/fab.db"
rm -f "$work"/fab.db*
mkfifo "$work/ready"
"$tfdc" dev --json --data "$work/fab.db" --ingest.listen 127.0.0.1:0 --http.listen 127.0.0.1:0 \
  --log.level warn >"$work/ready" 2>"$work/dev.log" &
dev=$!
read -r ready <"$work/ready" || { cat "$work/dev.log" >&2; exit 1; }
rm "$work/ready"
port_of() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" <<<"$ready"; }
hub=127.0.0.1:$(port_of ingest_port)
server=http://127.0.0.1:$(port_of http_port)
sim=("$tfdc" sim --seed "$seed" --hub "$hub" --server "$server")

say "12 chambers, the first 25 runs of each recipe: no faults yet"
quiet "${sim[@]}" --phase learn
say "limits from them"
quiet "$tfdc" learn --server "$server" --no-rejudge
say "the other runs, with faults, judged as they come"
quiet "${sim[@]}" --phase after --truth "$work/truth.json"
say "what was found"
status=0
"${sim[@]}" --score "$work/truth.json" || status=$?
if [ -z "$brief" ]; then
  report=${data:-$PWD/build/demo}/report.html
  mkdir -p "${report%/*}"
  say "the report"
  "$tfdc" report --server "$server" --title "tFDC demo, seed $seed" --out "$report"
  say "$SECONDS s; the report is $report"
fi
exit "$status"
