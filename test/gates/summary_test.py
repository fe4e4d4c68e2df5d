#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sum of all suites counts what it must and fails when it must."""
import os
import subprocess
import sys
import tempfile

SUMMARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/test_summary.py")


def case(name, status, output=""):
    return f'<testcase name="{name}" time="1.5" status="{status}"><system-out>{output}</system-out></testcase>'


CMOCKA = "[==========] 3 test(s) run.\n[  PASSED  ] 3 test(s).\n"
MIXED = ("[  PASSED  ] 1 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  SKIPPED ] needs_a_file\n"
         "[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] a\n[  FAILED  ] b\n")
SKIP = "[  PASSED  ] 1 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  SKIPPED ] needs_a_file\n"
CRASH = "[       OK ] one\n[       OK ] two\nstack smashing\n"
LEAK = CMOCKA + "ERROR: LeakSanitizer\n"
TABLE = (
    # cases, steps, CI, the sum, exit code
    ([case("a", "run", CMOCKA), case("b", "run")], "passed\tlint\t1\n", "", "5 passed, 0 failed, 0 skipped", 0),
    ([case("a", "fail", MIXED)], "", "", "1 passed, 2 failed, 1 skipped", 1),
    ([case("a", "run", SKIP)], "", "", "1 passed, 0 failed, 1 skipped", 0),
    ([case("a", "run", SKIP)], "", "true", "1 passed, 1 failed, 0 skipped", 1),
    ([case("a", "fail", CRASH)], "", "", "2 passed, 1 failed, 0 skipped", 1),
    ([case("a", "fail", LEAK)], "", "", "3 passed, 1 failed, 0 skipped", 1),
    ([case("a", "run", CMOCKA)], "failed\tbuild-asan\t9\n", "", "3 passed, 1 failed, 0 skipped", 1),
    ([], "", "", "0 passed, 0 failed, 0 skipped", 1),
)


def main():
    failed = 0
    for cases, steps, ci, wanted, code in TABLE:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "dev.xml"), "w", encoding="utf-8") as f:
                f.write(f"<testsuite>{''.join(cases)}</testsuite>")
            with open(os.path.join(folder, "steps.tsv"), "w", encoding="utf-8") as f:
                f.write(steps)
            done = subprocess.run([sys.executable, SUMMARY, folder], text=True, capture_output=True, check=False,
                                  env={**os.environ, "CI": ci})
        last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
        if last != wanted or done.returncode != code:
            failed += 1
            print(f"wanted {wanted} ({code}), got {last} ({done.returncode})")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
