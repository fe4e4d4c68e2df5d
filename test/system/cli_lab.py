# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: one command, and a `tfdc dev` with runs in it."""
import json
import math
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from dev_lab import TFDC, WAIT_S, Dev, Hub, Run, now_us, until

RUNS, BAD = 36, 33


def tfdc(*args, stdin="", **env):
    """One command, its output captured."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TFDC_") or k == "TFDC_SANITIZE"}
    done = subprocess.run([TFDC, *args], input=stdin.encode(), env={**clean, **env}, timeout=WAIT_S,
                          capture_output=True, check=False)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()  # line ends as they are
    return done


def lines(done):
    """The JSON objects that a list command prints, one a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


class Fab(unittest.TestCase):
    """A `tfdc dev` with one chamber's runs, one of them bad; each class has its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tfdc-cli-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.dev = Dev(f"{cls.folder}/fab.db")
        cls.addClassCleanup(lambda: cls.dev.__exit__())
        cls.send()

    @classmethod
    def send(cls):
        draw, begin_us = random.Random(1), now_us() - 3_600_000_000
        runs = [Run("T1", "C1", f"run-{i}", begin_us + i * 60_000_000, "R", blocks=4,
                    noise=lambda: round(draw.gauss(0, 0.5), 2),
                    value=round(50 + draw.gauss(0, 0.2), 2) + (5 if i == BAD else 0)) for i in range(RUNS)]
        odd = next(m.block for m in runs[BAD].messages.values() if m.HasField("block")).columns[0].values
        odd[:4] = [-0.0, 0.1 + 0.2, 5e-324, math.nan]
        cls.sent = {name: [v for m in runs[BAD].messages.values() if m.HasField("block") for c in m.block.columns
                           if c.svid == number for v in c.values] for number, name in ((11, "press"), (12, "temp"))}
        with Hub(cls.dev.address, [("T1", "C1")], historical=True) as hub:
            hub.send_all(runs)
        cls.quiet()

    @classmethod
    def quiet(cls):
        until("all judged", lambda: cls.dev.json("/api/v1/status")["unjudged"] == 0, alive=cls.dev)

    def judged(self, judgement):
        """All runs, once each was judged so often."""
        runs = lines(self.ok("runs", "--limit", "0", "--json"))
        return runs if all(r["verdict"]["judgement"] >= judgement for r in runs) else None

    @property
    def server(self):
        return f"127.0.0.1:{self.dev.ready['http_port']}"

    def a_copy(self, name=""):
        """Options that name a copy of the file, and a server that is not there."""
        name = f"{self.folder}/{self.id()}{name}.db"
        with sqlite3.connect(self.dev.data) as db, sqlite3.connect(name) as copy:
            db.backup(copy)
        db.close()
        copy.close()
        return "--data", name, "--http.listen", "127.0.0.1:1"

    def ok(self, *args, **how):
        done = tfdc(*args, "--server", self.server, **how)
        self.assertEqual(0, done.returncode, done.stderr)
        return done

    def fails(self, status, *args, **how):
        done = tfdc(*args, "--server", self.server, **how)
        self.assertEqual((status, ""), (done.returncode, done.stdout), done.stderr)
        return done.stderr
