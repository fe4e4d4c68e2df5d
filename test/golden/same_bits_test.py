#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same runs give the same U records bit for bit, whatever the CPU: same_bits_test.py SAME_BITS_TOOL [--write].

The tool runs as it is and with glibc told that the CPU has no FMA and AVX2. Its digest must be the one in
same_bits.txt too, which all presets and compilers share; after an intended change of the numbers or of the record
format, --write renews it.
"""
import os
import pathlib
import subprocess
import sys

KEPT = pathlib.Path(__file__).with_name("same_bits.txt")
# The second name of each is that of glibc before 2.33; names that glibc does not know are passed over.
WITHOUT = "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA_Usable,-AVX2_Usable"


def run(tool, tunables):
    env = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    if tunables:
        env["GLIBC_TUNABLES"] = tunables
    done = subprocess.run([tool], env=env, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def has_fma():
    try:
        return " fma " in pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def main():
    tool = sys.argv[1]
    plain, without = run(tool, None), run(tool, WITHOUT)
    if "--write" in sys.argv:
        KEPT.write_text(plain["records"] + "\n", encoding="ascii")
    print(plain["records"], plain["runs"])
    problems = []
    if without["records"] != plain["records"]:
        problems.append(f"without FMA and AVX2: {without['records']}")
    kept = KEPT.read_text(encoding="ascii").strip()
    if plain["records"] != kept:
        problems.append(f"same_bits.txt has {kept}: if the numbers were meant to change, renew it with --write")
    if without["libm"] != plain["libm"]:
        print("the C library's own numbers differ between the two, so the second run took another path")
    elif has_fma():
        problems.append("the C library gives the same numbers with and without FMA: the tunable has no effect here")
    else:
        print("this CPU has no FMA: both runs took the same path")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
