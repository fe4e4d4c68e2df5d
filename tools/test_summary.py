#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up all suites of a log folder; the last line is "N passed, N failed, N skipped".

Reads every *.xml (JUnit of ctest; the cases of a cmocka program count one by one) and steps.tsv (builds and gates).
Exit code 1 on a failure, when nothing passed, and with CI=true on a skip that test/ci-skips.txt does not list.
--timeout: the run was cut short; that counts as a failure and the slowest tests so far are named.
"""
import os
import re
import sys
import xml.etree.ElementTree as ET

CASES = {state: re.compile(r"^\[ +%s +\] (?:\S+: )?(\d+) test\(s\)" % state.upper(), re.M)
         for state in ("passed", "failed", "skipped")}
OK_CASE = re.compile(r"^\[ +OK +\] ", re.M)
SKIPPED_CASE = re.compile(r"^\[ +SKIPPED +\] ([A-Za-z_]\w*)$", re.M)
CTEST_LINE = re.compile(r"Test +#\d+: (\S+) \.*\**(?:\S| )*? +([\d.]+) sec")


class Sum:
    def __init__(self):
        self.count = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed, self.skipped, self.times = [], [], []

    def add(self, state, name, n=1):
        self.count[state] += n
        if n and state == "failed":
            self.failed.append(name)

    def add_case(self, suite, case):
        """One ctest test: its cmocka cases where its output shows them, else one."""
        name = f"{suite}/{case.get('name')}"
        self.times.append((float(case.get("time") or 0), name))
        output = case.findtext("system-out") or ""
        state = {"run": "passed", "notrun": "skipped", "disabled": "skipped"}.get(case.get("status"), "failed")
        counts = {s: sum(int(n) for n in CASES[s].findall(output)) for s in CASES}
        if state == "skipped" or not sum(counts.values()):
            self.add(state, name)
            if state == "skipped":
                self.skipped.append(case.get("name"))
            if state == "failed":  # a program that died half-way: what it finished before counts
                self.count["passed"] += len(OK_CASE.findall(output))
            return
        if state == "failed" and counts["failed"] == 0:
            counts["failed"] = 1  # all cases passed, then it crashed, leaked or timed out
        for s, n in counts.items():
            self.add(s, name, n)
        self.skipped += [f"{case.get('name')}.{c}" for c in dict.fromkeys(SKIPPED_CASE.findall(output))]


def ctest_log_times(path, suite):
    with open(path, encoding="utf-8", errors="replace") as f:
        return [(float(m.group(2)), f"{suite}/{m.group(1)}") for m in CTEST_LINE.finditer(f.read())]


def allowed_skips(path):
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as f:
        return {line.split(None, 1)[0] for line in f if line.strip() and not line.startswith("#")}


def read(folder, total):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".xml"):
            for case in ET.parse(path).getroot().iter("testcase"):
                total.add_case(name[:-4], case)
        elif name.endswith(".ctest.log") and not os.path.exists(path.replace(".ctest.log", ".xml")):
            total.times += ctest_log_times(path, name[:-10])
        elif name == "steps.tsv":
            with open(path, encoding="utf-8") as f:
                for state, step, seconds in (line.rstrip("\n").split("\t") for line in f):
                    total.add(state, step)
                    total.times.append((float(seconds), step))


def main(argv):
    folder = argv[1]
    total = Sum()
    if os.path.isdir(folder):
        read(folder, total)
    if "--timeout" in argv:
        total.add("failed", "the time limit of the whole run")
    print("slowest:")
    for seconds, name in sorted(total.times, reverse=True)[:10]:
        print(f"  {seconds:8.1f} s  {name}")
    for name in total.failed:
        print(f"FAILED {name}")
    bad_skips = []
    if total.skipped:
        listed = allowed_skips(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/ci-skips.txt"))
        for name in sorted(set(total.skipped)):
            print(f"skipped {name}")
            if os.environ.get("CI") == "true" and name not in listed:
                bad_skips.append(name)
        for name in bad_skips:
            print(f"FAILED {name}: skipped, and not listed in test/ci-skips.txt")
    total.count["failed"] += len(bad_skips)
    total.count["skipped"] -= min(len(bad_skips), total.count["skipped"])
    line = "{passed} passed, {failed} failed, {skipped} skipped".format(**total.count)
    if os.path.isdir(folder):
        with open(os.path.join(folder, "sum"), "w", encoding="utf-8") as f:
            f.write(line + "\n")
    print(line, flush=True)
    return 1 if total.count["failed"] or not total.count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
