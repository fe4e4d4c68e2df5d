# SPDX-License-Identifier: Apache-2.0
"""The commands as people type them, against a running `tfdc dev` and on a file."""
import json
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
    return subprocess.run([TFDC, *args], input=stdin, env={**clean, **env}, timeout=WAIT_S, capture_output=True,
                          encoding="utf-8", check=False)


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

    def a_copy(self):
        """Options that name a copy of the file, and a server that is not there."""
        name = f"{self.folder}/{self.id()}.db"
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


class Learning(Fab):
    def test_learn_says_what_it_made_and_the_bad_run_is_found(self):
        result = json.loads(self.ok("learn", "--json", "--author", "me").stdout)
        self.assertEqual(("auto-ETCH-R", 1, RUNS), (result["strategy"], result["version"], result["rejudged"]))
        runs = until("judged again", lambda: self.judged(2), alive=self.dev)
        self.assertEqual([f"run-{BAD}"], [r["context"]["run_id"] for r in runs if r["verdict"]["verdict"] != "OK"])
        text = self.ok("learn", "--no-rejudge").stdout
        self.assertIn("strategy auto-ETCH-R version 1, limits version 1", text)
        self.assertRegex(text, r"auto-ETCH-R +R +1 +25 ")

    def test_learn_takes_the_good_runs_from_a_pipe(self):
        runs = lines(self.ok("runs", "--limit", "0", "--json"))
        good = [r["context"]["context_id"] for r in runs if r["context"]["run_id"] != f"run-{BAD}"]
        done = self.ok("learn", "--good", "@-", "--strategy", "piped", "--no-rejudge", "--json", stdin="\n".join(good))
        self.assertEqual([("piped", RUNS - 1)], [(g["strategy"], g["n_runs"]) for g in json.loads(done.stdout)["groups"]])

    def test_what_cannot_be_learned_is_said_with_what_to_do(self):
        self.assertIn("more good runs", self.fails(2, "learn", "--good", "run-1,run-2"))
        self.assertIn("needs the strategy", self.fails(2, "learn", "--charts", "keep"))
        self.assertIn("no strategy nobody", self.fails(4, "learn", "--charts", "keep", "--strategy", "nobody"))
        self.assertIn("did you mean --strategy?", self.fails(2, "learn", "--stratgy", "x"))

    def test_on_a_file_learning_tells_that_nobody_judges_again(self):
        done = tfdc("learn", "--strategy", "of-the-file", *self.a_copy())
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("strategy of-the-file version 1", done.stdout)
        self.assertIn("tfdc rejudge --all", done.stderr)


if __name__ == "__main__":
    unittest.main()
