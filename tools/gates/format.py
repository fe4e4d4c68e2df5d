#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All C files are laid out as .clang-format says: format.py [ROOT] [--fix]."""
import os
import subprocess
import sys

from common import files, finish, root_of


def main():
    root = root_of(sys.argv)
    paths = files(root, (".c", ".h"))
    mode = ["-i"] if "--fix" in sys.argv else ["--dry-run", "-Werror"]
    problems = []
    if "--fix" in sys.argv:
        paths = paths * 2  # a comment that was broken anew may need a second pass
    for at in range(0, len(paths), 40):
        done = subprocess.run(["clang-format", "--style=file", *mode, *paths[at:at + 40]], cwd=root, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            bad = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "clang-format-violations" in line})
            problems += [f"{path}: `make format` lays it out" for path in bad] or [done.stderr.strip()]
    finish("format", len(paths), problems)


if __name__ == "__main__":
    main()
