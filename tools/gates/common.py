# SPDX-License-Identifier: Apache-2.0
"""What the gates share: the files of a tree, C text without comments and strings, the allow-list, the verdict."""
import fnmatch
import os
import re
import sys

SKIP_DIRS = {".git", "build", "__pycache__", "node_modules", "planted"}
HERE = os.path.dirname(os.path.abspath(__file__))
TOKEN = re.compile(r'//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def root_of(argv):
    """The tree to look at: the first argument that is no option, else the project."""
    given = [a for a in argv[1:] if not a.startswith("-")]
    return os.path.abspath(given[0] if given else os.path.join(HERE, "../.."))


def files(root, suffixes=None, under=("",)):
    """Relative paths in order, below the folders `under`, ending as one of `suffixes` (None: all)."""
    found = []
    for folder, dirs, names in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS and not d.startswith("build-"))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if (suffixes is None or name.endswith(tuple(suffixes))) and path.startswith(tuple(under)):
                found.append(path)
    return found


def text_of(root, path):
    """The text, or None for a binary file."""
    with open(os.path.join(root, path), "rb") as f:
        data = f.read()
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def blank(match):
    """Keeps the lines and the quotes, drops what is between."""
    token = match.group(0)
    if token[0] in "\"'":
        return token[0] * 2
    return "\n" * token.count("\n") or " "


def code_of(text):
    return TOKEN.sub(blank, text)


def without_directives(code):
    """C code without preprocessor lines (continued lines too), line numbers kept."""
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: "\n" * m.group(0).count("\n"), code, flags=re.M)


def allowed(gate):
    """fn(path, word): does tools/gates/allow.txt grant it? Rows: gate, path pattern, word, reason."""
    rows = []
    with open(os.path.join(HERE, "allow.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                rows.append(line.split(None, 3)[:3])
    rows = [r for r in rows if r[0] == gate]
    return lambda path, word: any(fnmatch.fnmatch(path, r[1]) and r[2] == word for r in rows)


def finish(gate, looked_at, problems, remarks=()):
    """Prints the problems and ends the program: 0 fine, 1 problems, 2 the gate saw nothing at all."""
    for line in remarks:
        print(f"{gate}: note: {line}")
    for line in problems:
        print(f"{gate}: {line}")
    if not looked_at:
        print(f"{gate}: looked at nothing")
        sys.exit(2)
    print(f"{gate}: {looked_at} looked at, {len(problems)} wrong")
    sys.exit(1 if problems else 0)
