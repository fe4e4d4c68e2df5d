#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demo: a simulated fab of 12 chambers on `tfdc dev`, limits learned from its first runs, then the rest with planted
# faults, judged as they come; the score and the report. Fails when a fault is missed or over 2 % of normal runs alarm.
#   tools/demo.sh [--seed N] [--data FOLDER] [--fast]
# --data keeps the files there; else they go to a temporary folder, and only the report stays, in build/demo. --fast sends
# the runs as fast as it goes, prints the score alone, and makes no report.
set -euo pipefail
cd "$(dirname "$0")/.."
tfdc=${TFDC:-$PWD/build/release/tfdc}
seed=1 data='' fast=''
while [ "$#" -gt 0 ]; do
  case $1 in
    --seed) seed=${2:?} && shift ;;
    --data) data=${2:?} && shift ;;
    --fast) fast=1 ;;
    *) sed -n '3,7s/^# *//p' "$0" >&2 && exit 2 ;;
  esac
  shift
done
work=${data:-$(mktemp -d "${TMPDIR:-/tmp}/tfdc-demo.XXXXXX")}
mkdir -p "$work"
dev=''
finish() {
  local status=$?
  if [ -n "$dev" ]; then
    kill -TERM "$dev" 2>/dev/null && wait "$dev" || true
  fi
  [ "$status" -eq 0 ] || grep '"level":"error"' "$work/dev.log" 2>/dev/null | tail -n 5 >&2 || true
  [ -n "$data" ] || rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM
say() { [ -n "$fast" ] || printf '\n== %s\n' "$*"; }
# Prints what the command prints, or nothing when only the score is wanted.
show() { if [ -n "$fast" ]; then "$@" >/dev/null 2>"$work/said" || { cat "$work/said" >&2; return 1; }; else "$@"; fi; }

SECONDS=0
say "tfdc dev on $work/fab.db"
rm -f "$work"/fab.db* "$work/ready"
mkfifo "$work/ready"
"$tfdc" dev --json --data "$work/fab.db" --ingest.listen 127.0.0.1:0 --http.listen 127.0.0.1:0 \
  --log.level warn >"$work/ready" 2>"$work/dev.log" &
dev=$!
read -r ready <"$work/ready" || { cat "$work/dev.log" >&2; exit 1; }
rm "$work/ready"
port_of() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" <<<"$ready"; }
server=http://127.0.0.1:$(port_of http_port)
sim=("$tfdc" sim --seed "$seed" --hub "127.0.0.1:$(port_of ingest_port)" --server "$server")
# 240 times as fast as the tools: some 30 runs a second, each judged as it comes.
speed=240
[ -z "$fast" ] || speed=historical

say "12 chambers, the first 25 runs of each recipe: no faults yet"
show "${sim[@]}" --phase learn
say "charts and limits from them"
show "$tfdc" learn --server "$server" | sed '/^strategy /,$d' # the table; without the charts left out
say "the other runs, with faults, judged as they come"
show "${sim[@]}" --phase after --speed "$speed" --truth "$work/truth.json"
say "what was found"
status=0
"${sim[@]}" --score "$work/truth.json" || status=$?
if [ -z "$fast" ]; then
  report=${data:-$PWD/build/demo}/report.html
  mkdir -p "${report%/*}"
  say "the report"
  "$tfdc" report --server "$server" --title "tFDC demo, seed $seed" --out "$report"
  say "$SECONDS s; open $report"
fi
exit "$status"
