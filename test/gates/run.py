#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a gate bites: run.py GATE. It must pass on planted/clean and fail, naming the file, on each of its plants.

What cannot be committed as it is (a long file, a path of one machine) is written to a temporary folder here.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, "../../tools")
COMMANDS = {"layers": ["check_layers.py"], "banned": ["gates/banned.py"], "headers": ["gates/headers.py"],
            "format": ["gates/format.py"], "sizes": ["gates/sizes.py"], "paths": ["gates/texts.py", "paths"],
            "spdx": ["gates/texts.py", "spdx"], "todo": ["gates/texts.py", "todo"]}
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
WRITTEN = {
    "sizes": {"long_file": LICENCE + "extern int x;\n" * 901,
              "long_function": LICENCE + "int f(void) {\n" + "  ;\n" * 100 + "  return 1;\n}\n"},
    "paths": {"home": LICENCE + "/* see /" + "home/somebody/notes */\n",
              "registry": LICENCE + "/* from py" + "pi.org */\n"},
}


def run(gate, root):
    script, *arguments = COMMANDS[gate]
    done = subprocess.run([sys.executable, os.path.join(TOOLS, script), *arguments, root], text=True,
                          capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def plants(gate, scratch):
    folder = os.path.join(HERE, "planted", gate)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        yield name, os.path.join(folder, name)
    for name, text in WRITTEN.get(gate, {}).items():
        root = os.path.join(scratch, name)
        os.makedirs(os.path.join(root, "src/base"))
        with open(os.path.join(root, "src/base/x.c"), "w", encoding="utf-8") as f:
            f.write(text)
        yield name, root


def main():
    gate = sys.argv[1]
    failed, count = 0, 0
    code, output = run(gate, os.path.join(HERE, "planted/clean"))
    if code != 0:
        failed += 1
        print(f"{gate}: the clean tree does not pass:\n{output}")
    with tempfile.TemporaryDirectory() as scratch:
        for name, root in plants(gate, scratch):
            count += 1
            code, output = run(gate, root)
            bites = code == 1 and re.search(r"/x[._]", output) is not None
            failed += not bites
            print(f"{gate}: {name}: {'found' if bites else 'NOT FOUND'}")
            if not bites:
                print(output)
    sys.exit(1 if failed or not count else 0)


if __name__ == "__main__":
    main()
