#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The may-use table of ARCHITECTURE.md, checked on every #include under src: check_layers.py [ROOT].

Tests and their tools (x_test.c, x_fuzz.c, x_tool.c) may use everything. A technology's header stands only in its own folder.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gates"))
from common import allowed, files, finish, root_of, text_of  # noqa: E402

MODULES = ("base", "mebo", "eq", "spc", "model", "core", "port", "run", "adapter", "app")
USES = {
    "base": (), "mebo": ("base",), "eq": ("base",), "spc": ("eq", "base"), "model": ("base",),
    "core": ("spc", "eq", "mebo", "model", "base"), "port": ("model", "base"),
    "run": ("core", "port", "model", "base"), "adapter": ("port", "model", "base"),
    "app": MODULES,
}
PURE = ("base", "mebo", "eq", "spc", "model", "core")
# Header pattern -> the places that may include it.
TECHNOLOGY = (
    (r"grpc/|protobuf-c/|google/|.*\.pb-c\.h$", ("adapter/grpc",)),
    (r"sqlite3\.h$", ("adapter/sqlite",)),
    (r"microhttpd\.h$|curl/", ("adapter/http",)),
    (r"nats/|nats\.h$", ("adapter/nats",)), (r"cassandra\.h$", ("adapter/cassandra",)),
    (r"librdkafka/", ("adapter/kafka",)), (r"hiredis/", ("adapter/redis",)),
    (r"openssl/", ("adapter",)),
    (r"uv\.h$|uv/", ("run", "adapter")),
    (r"xxhash\.h$", ("base", "mebo")),
    (r"zstd(_errors)?\.h$|lz4(hc|frame)?\.h$|snappy-c\.h$", ("mebo",)),
    (r"sleef\.h$|sleefinline", ("eq", "spc/fit")),
    (r"lapacke?\.h$|cblas.*\.h$", ("spc/fit",)),
    (r"jansson\.h$|yaml\.h$|cyaml/", ("model", "app")),
)
# Installed headers (include/) -> their module.
INSTALLED = {"mebo.h": "mebo"}
# Adapters of the simulated world use no technology at all, the event loop included.
BARE_ADAPTERS = ("adapter/mem", "adapter/faulty", "adapter/sim")
C_HEADERS = set("""assert ctype errno fenv float inttypes iso646 limits math stdalign stdarg stdatomic stdbool stddef
stdint stdio stdlib stdnoreturn string tgmath time uchar wchar wctype immintrin cpuid arm_neon""".split())
# libc and the kernel, which every module that is not pure may use.
OS_HEADERS = re.compile(r"(sys|netinet|arpa|linux|net)/|(unistd|fcntl|pthread|signal|poll|dirent|dlfcn|strings|ftw|glob|"
                        r"netdb|sched|semaphore|spawn|termios|pwd|grp|getopt|fnmatch|libgen|locale|langinfo|execinfo|"
                        r"malloc|syslog|utime|ifaddrs|regex|wordexp|search|endian|byteswap)\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)


def place_of(path):
    """'adapter/grpc' for src/adapter/grpc/x.c, 'spc/fit' for src/spc/fit/x.c, 'core' for src/core/judge/x.c."""
    parts = path.split("/")[1:-1]
    if len(parts) > 1 and (parts[0] == "adapter" or parts[:2] == ["spc", "fit"]):
        return "/".join(parts[:2])
    return parts[0] if parts else ""


def project_problem(root, path, place, header):
    """Why `place` may not include the project header, or None."""
    module = INSTALLED.get(header, header.split("/")[0])
    if module not in MODULES:
        beside = os.path.join(root, os.path.dirname(path), header)
        return f'"{header}": write "module/x.h"' if os.path.exists(beside) else technology_problem(place, header)
    mine = place.split("/")[0]
    if module != mine:
        return None if module in USES[mine] else f"{mine} may not use {module} (\"{header}\")"
    if mine == "adapter" and not header.startswith(place + "/"):
        return f"{place} may not use another adapter (\"{header}\")"
    if place == "spc" and header.startswith("spc/fit/"):
        return f"spc may not use spc/fit (\"{header}\")"
    return None


def technology_problem(place, header):
    mine = place.split("/")[0]
    for pattern, places in TECHNOLOGY:
        if re.match(pattern, header):
            ok = (place in places or mine in places) and place not in BARE_ADAPTERS
            return None if ok else f"<{header}> stands only in {', '.join(places)}"
    if header[:-2] in C_HEADERS:
        return None
    if OS_HEADERS.match(header):
        return f"{mine} is pure: no <{header}>" if mine in PURE else None
    return f"<{header}> is not in the may-use table (tools/check_layers.py)"


def main():
    root = root_of(sys.argv)
    granted = allowed("layers")
    problems, looked_at = [], 0
    for path in files(root, (".c", ".h"), ("src/",)):
        if re.search(r"_(test|fuzz|bench|tool)\.[ch]$", path):
            continue
        looked_at += 1
        place = place_of(path)
        if place.split("/")[0] not in MODULES:
            problems.append(f"{path}: src/{place} is no module")
            continue
        text = text_of(root, path) or ""
        for m in INCLUDE.finditer(text):
            header = m.group(2)
            ours = m.group(1) == '"' or header in INSTALLED
            why = (project_problem(root, path, place, header) if ours
                   else technology_problem(place, header))
            if why and not granted(path, header):
                problems.append(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {why}")
    finish("layers", looked_at, problems)


if __name__ == "__main__":
    main()
