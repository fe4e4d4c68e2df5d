# SPDX-License-Identifier: Apache-2.0
"""The guides that show a terminal: every command in them is run, and prints what they say."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from dev_lab import SOURCE, TFDC, WAIT_S, Dev

PROGRESS = re.compile(r"^\d+ (of \d+ )?[a-z ]+, \d+ s\n", re.M)  # of a machine that has much to do
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def commands_of(block):
    """(command, what it prints) of a console block; lines that begin with "> " go on with the command."""
    command, output = None, []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, output
            command, output = line[2:], []
        elif line.startswith("> ") and not output:
            command += "\n" + line[2:]
        else:
            output.append(line)
    yield command, output


def pattern_of(output):
    """A line of three dots stands for any lines, three dots in a line for any text."""
    return "".join(r"(?:.*\n)*?" if line.strip() == "..." else
                   ".*?".join(map(re.escape, line.split("..."))) + "\n" for line in output)


class FirstStrategy(unittest.TestCase):
    GUIDE, DATA = "first-strategy.md", "etch.db"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tfdc-guide-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.symlink(f"{SOURCE}/examples", f"{self.folder}/examples")
        os.mkdir(f"{self.folder}/bin")
        os.symlink(TFDC, f"{self.folder}/bin/tfdc")
        self.status = 0

    def run_command(self, command, dev):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TFDC_") or k == "TFDC_SANITIZE"}
        env |= {"PATH": f"{self.folder}/bin:{env['PATH']}", "TFDC_HTTP_LISTEN": f"127.0.0.1:{dev.ready['http_port']}"}
        done = subprocess.run(["bash", "-c", f"(exit {self.status})\n{command}"], cwd=self.folder, env=env, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_S, encoding="utf-8")
        self.status = done.returncode
        return re.sub(r" +$", "", PROGRESS.sub("", done.stdout), flags=re.M)

    def test_each_command_prints_what_the_guide_says(self):
        with open(f"{SOURCE}/docs/guide/{self.GUIDE}", encoding="utf-8") as f:
            blocks = FENCE.findall(f.read())
        self.assertEqual([("sh", f"tfdc dev --data {self.DATA}\n")], [b for b in blocks if b[0] == "sh"])
        n = 0
        with Dev(f"{self.folder}/{self.DATA}") as dev:
            for kind, text in blocks:
                if kind == "yaml":
                    name = re.match(r"# (\S+)\n", text)
                    with open(f"{self.folder}/{name[1]}", "w", encoding="utf-8") as f:
                        f.write(text)
                for command, output in commands_of(text) if kind == "console" else ():
                    n += 1
                    said = self.run_command(command, dev)
                    if not re.fullmatch(pattern_of(output), said):
                        self.fail(f"$ {command}\nprints\n{said}\nand not\n" + "\n".join(output))
        self.assertLess(10, n)


if __name__ == "__main__":
    unittest.main()
