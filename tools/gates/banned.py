#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that this project does not make, and mutable state of the whole process: banned.py [ROOT]."""
import re
import sys

from common import allowed, code_of, files, finish, root_of, text_of, without_directives

EVERYWHERE = {
    "strcpy": "snprintf or memcpy", "strcat": "snprintf or tfdc_buf", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "stpcpy": "memcpy", "gets": "fgets", "strtok": "a cursor", "strtok_r": "a cursor", "atoi": "strtol, checked",
    "atol": "strtol, checked", "atoll": "strtoll, checked", "atof": "strtod, checked", "alloca": "an arena",
    "rand": "a seeded generator of your own", "srand": "a seeded generator of your own",
    "random": "a seeded generator of your own", "setjmp": "return codes", "longjmp": "return codes",
    "system": "posix_spawn", "popen": "posix_spawn",
    "sleep": "wait for the event", "usleep": "wait for the event", "nanosleep": "wait for the event",
    "clock_nanosleep": "wait for the event", "signal": "sigaction",
}
CLOCK = {name: "the clock port, or the time in the event"
         for name in ("time", "clock_gettime", "gettimeofday", "clock", "timespec_get")}
PRINTING = {name: "a returned error (libraries neither print nor log)"
            for name in ("printf", "fprintf", "vprintf", "vfprintf", "puts", "fputs", "putchar", "perror")}
LIBRARIES = tuple(f"src/{m}/" for m in ("base", "mebo", "eq", "spc", "model", "core"))
SCRIPT_SLEEP = {".py": re.compile(r"\b(time\.sleep|asyncio\.sleep)\s*\("), ".sh": re.compile(r"^\s*(sleep)\s", re.M)}


def call_pattern(names):
    return re.compile(r"(?<![\w.])(?<!->)(" + "|".join(sorted(names)) + r")\s*\(")


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def calls(path, code, names, granted):
    for m in call_pattern(names).finditer(code):
        before = code[:m.start()].rstrip()
        declared = re.search(r"[\w*]$", before) and not re.search(r"\b(return|else|do|case)$", before)
        if not declared and not granted(path, m.group(1)):
            yield f"{path}:{line_of(code, m.start())}: {m.group(1)}: use {names[m.group(1)]}"


def is_mutable(declaration):
    """A file-scope or static declaration without its initialiser: may the variable change?"""
    declarator = declaration.rsplit("*", 1)[1] if "*" in declaration else declaration
    return not re.search(r"\bconst\b", declarator)


def globals_of(code):
    """(offset, declaration) of variables at file scope, and of `static` ones inside functions."""
    depth, start, body = 0, 0, ""
    for m in re.finditer(r"[{};]", code):
        here = code[start:m.start()] if depth == 0 else ""
        if m.group(0) == "{":
            body += here
            depth += 1
        elif m.group(0) == "}":
            depth -= 1
            start = m.end()
            if depth == 0 and "(" in body.split("=")[0]:
                body = ""
        elif depth == 0:
            yield m.start(), (body + here).strip()
            body, start = "", m.end()
    for m in re.finditer(r"(?<=[{};])\s*static\s+[^;{(=]*(?=[;={])", code):
        if code.count("{", 0, m.start()) > code.count("}", 0, m.start()):
            yield m.start() + len(m.group(0)) - len(m.group(0).lstrip()), m.group(0).strip()


def mutable_globals(path, code):
    for at, statement in globals_of(without_directives(code)):
        declaration = statement.split("=")[0].strip()
        if not declaration or re.match(r"(typedef|extern|_Static_assert|static_assert)\b", declaration):
            continue
        if "(" in declaration or re.fullmatch(r"(struct|union|enum)\s*\w*", declaration):
            continue
        if len(declaration.replace("[", " ").split()) > 1 and is_mutable(declaration):
            yield f"{path}:{line_of(code, at)}: mutable for the whole process: {' '.join(declaration.split())}"


def main():
    root = root_of(sys.argv)
    granted = allowed("banned")
    problems, looked_at = [], 0
    for path in files(root, (".c", ".h"), ("src/", "test/", "fuzz/", "bench/", "tools/", "include/", "examples/")):
        looked_at += 1
        code = code_of(text_of(root, path) or "")
        own_test = re.search(r"_(test|tool|bench)\.[ch]$", path)
        problems += calls(path, code, EVERYWHERE, granted)
        if path.startswith("src/") and not own_test:
            problems += calls(path, code, CLOCK, granted)
            problems += mutable_globals(path, code)
        if path.startswith(LIBRARIES) and not own_test:
            problems += calls(path, code, PRINTING, granted)
    for path in files(root, tuple(SCRIPT_SLEEP), ("test/",)):
        looked_at += 1
        text = text_of(root, path) or ""
        for m in SCRIPT_SLEEP[path[path.rindex("."):]].finditer(text):
            problems.append(f"{path}:{line_of(text, m.start(1))}: {m.group(1)}: wait for the event")
    finish("banned", looked_at, problems)


if __name__ == "__main__":
    main()
