#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no committed text may hold: texts.py paths|spdx|todo [ROOT].

paths: folders of one developer's machine, hosts of package registries. spdx: sources without their licence line.
todo: notes of unfinished work, leftovers of a merge.
"""
import re
import sys

from common import files, finish, root_of, text_of

REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io", "deb." + "debian.org",
              "proxy.golang" + ".org", "ghcr" + ".io", "docker" + ".io")
PATHS = re.compile(r"(?<![\w.$}])/(?:work|root|home)/|" + "|".join(re.escape(r) for r in REGISTRIES))
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|^(?:<{7}|>{7}) ")
SOURCES = (".c", ".h", ".py", ".sh", ".proto", ".cql", ".js", ".css")


def lines_with(pattern, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        m = pattern.search(line)
        if m:
            yield f"{path}:{number}: {m.group(0)}"


def main():
    gate = sys.argv[1]
    root = root_of(sys.argv[1:])
    problems, looked_at = [], 0
    for path in files(root, SOURCES if gate == "spdx" else None):
        text = text_of(root, path)
        if text is None:
            continue
        looked_at += 1
        if gate == "spdx":
            if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.splitlines()[:3]):
                problems.append(f"{path}: no SPDX-License-Identifier in its first lines")
        else:
            problems += lines_with(PATHS if gate == "paths" else UNFINISHED, path, text)
    finish(gate, looked_at, problems)


if __name__ == "__main__":
    main()
