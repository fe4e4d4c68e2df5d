#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing: tools/setup.sh [build] [test]. Without one: both lists.
set -euo pipefail

build_packages=(make gcc libc6-dev cmake ninja-build pkg-config ccache python3
  libgrpc-dev libprotobuf-c-dev protobuf-c-compiler libprotobuf-dev protobuf-compiler
  libuv1-dev libmicrohttpd-dev libcurl4-openssl-dev libssl-dev openssl
  libjansson-dev libyaml-dev libcyaml-dev libsqlite3-dev sqlite3
  libxxhash-dev libzstd-dev liblz4-dev libsnappy-dev libsleef-dev liblapacke-dev libcmocka-dev)
test_packages=(clang clang-format libclang-rt-14-dev chromium chromium-driver fonts-dejavu-core
  python3-grpcio python3-protobuf python3-numpy python3-jsonschema python3-yaml strace procps)

wanted=()
for list in "${@:-build}"; do
  case "$list" in
  build) wanted+=("${build_packages[@]}") ;;
  test) wanted+=("${test_packages[@]}") ;;
  *)
    echo "setup: unknown list '$list' (build, test)" >&2
    exit 2
    ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is not Debian; install the equivalents of: ${wanted[*]}" >&2
  exit 0
fi

# dpkg-query fails for packages it has never heard of; those are missing all the same.
installed=" $({ dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null || true; } |
  sed -n 's/^ii *//p' | tr '\n' ' ')"
missing=()
for package in "${wanted[@]}"; do
  case "$installed" in
  *" $package "*) ;;
  *) missing+=("$package") ;;
  esac
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: run this as root, then try again:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing() {
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}
if ! install_missing >"$log" 2>&1 </dev/null; then
  tail -n 40 "$log" >&2
  echo "setup: installation failed" >&2
  exit 1
fi
echo "setup: done"
