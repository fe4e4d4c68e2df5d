#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone and twice, with the project's flags: headers.py [ROOT]."""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

from common import files, finish, root_of

FLAGS = shlex.split("-std=c17 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror "
                    "-Wno-unused-function -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DTFDC_VERSION=\"0\"")


def include_flags(root):
    """The project's folders, then the system ones that the build uses (generated code, libraries)."""
    flags = [f"-I{os.path.join(root, d)}" for d in ("src", "include", "test") if os.path.isdir(os.path.join(root, d))]
    database = os.path.join(root, "build/dev/compile_commands.json")
    if os.path.exists(database):
        with open(database, encoding="utf-8") as f:
            commands = [shlex.split(entry["command"]) for entry in json.load(f)]
        seen = {}
        for words in commands:
            for word, following in zip(words, words[1:] + [""]):
                if word.startswith("-I") and len(word) > 2:
                    seen[word] = None
                elif word == "-isystem":
                    seen["-isystem" + following] = None
        flags += [s for s in seen if "/inc/" not in s]
    return flags


def check(root, path, flags):
    unit = f'#include "{os.path.join(root, path)}"\n#include "{os.path.join(root, path)}"\ntypedef int only_a_header;\n'
    done = subprocess.run(["gcc", *FLAGS, *flags, "-x", "c", "-fsyntax-only", "-"], input=unit, text=True,
                          capture_output=True, check=False)
    return None if done.returncode == 0 else f"{path}: does not stand alone:\n{done.stderr.strip()[:2000]}"


def main():
    root = root_of(sys.argv)
    flags = include_flags(root)
    paths = [p for p in files(root, (".h",), ("src/", "include/", "test/support/")) if not p.endswith("_test.h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda p: check(root, p, flags), paths))
    finish("headers", len(paths), [f for f in found if f])


if __name__ == "__main__":
    main()
