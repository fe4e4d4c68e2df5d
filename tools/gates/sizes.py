#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files and functions stay readable: sizes.py [ROOT] [--list].

Over 900 lines a file or 100 a function fails; over 500 or 50 is listed with --list, else counted.
"""
import re
import sys

from common import code_of, files, finish, root_of, text_of, without_directives

FILE_SOFT, FILE_HARD, FUNCTION_SOFT, FUNCTION_HARD = 500, 900, 50, 100


def functions(code):
    """(line, name, number of lines) of the function bodies at file scope."""
    depth, start, head = 0, 0, ""
    for m in re.finditer(r"[{};]", code):
        if m.group(0) == "{":
            if depth == 0:
                head, opened = code[start:m.start()], m.start()
            depth += 1
        elif m.group(0) == "}":
            depth -= 1
            if depth == 0:
                name = re.search(r"(\w+)\s*\(", head)
                if name and "=" not in head:
                    yield code.count("\n", 0, opened) + 1, name.group(1), code.count("\n", opened, m.end()) + 1
                start = m.end()
        elif depth == 0:
            start = m.end()


def main():
    root = root_of(sys.argv)
    problems, remarks, looked_at = [], [], 0
    for path in files(root, (".c", ".h", ".py", ".sh"), ("src/", "include/", "test/", "fuzz/", "bench/", "tools/")):
        looked_at += 1
        text = text_of(root, path) or ""
        lines = text.count("\n")
        if lines > FILE_SOFT:
            (problems if lines > FILE_HARD else remarks).append(f"{path}: {lines} lines")
        if not path.endswith((".c", ".h")):
            continue
        for line, name, length in functions(without_directives(code_of(text))):
            if length > FUNCTION_SOFT:
                (problems if length > FUNCTION_HARD else remarks).append(f"{path}:{line}: {name}: {length} lines")
    if "--list" not in sys.argv and remarks:
        remarks = [f"{len(remarks)} over the soft limits (tools/gates/sizes.py --list)"]
    finish("sizes", looked_at, problems, remarks)


if __name__ == "__main__":
    main()
