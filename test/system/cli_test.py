# SPDX-License-Identifier: Apache-2.0
"""The commands as people type them, against a running `tfdc dev` and on a file."""
import csv
import io
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


class Exporting(Fab):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        job = cls.dev.json("/api/v1/learn?rejudge=1&strategy=first", b"")["job"]
        until("learning", lambda: cls.dev.json(f"/api/v1/jobs/{job}")["state"] == "done", alive=cls.dev)
        until("judged again", lambda: all(r["verdict"]["judgement"] == 2
                                          for r in cls.dev.json("/api/v1/runs")["runs"]), alive=cls.dev)

    def csv(self, *args):
        out = self.ok("export", *args).stdout
        self.assertTrue(out.endswith("\r\n"))
        return list(csv.DictReader(io.StringIO(out, newline="")))

    def test_traces_have_the_very_bits_that_were_sent(self):
        rows = self.csv("trace", f"run-{BAD}")
        for svid, unit in (("press", "mTorr"), ("temp", "Cel")):
            values = [r["value"] for r in rows if r["svid"] == svid]
            self.assertEqual([v.hex() if v == v else "" for v in self.sent[svid]],
                             [float(v).hex() if v else "" for v in values])
            self.assertEqual({unit}, {r["unit"] for r in rows if r["svid"] == svid})
        self.assertEqual(({"", "ETCH"}, "0.010000"), ({r["step"] for r in rows}, rows[1]["elapsed_s"]))

    def test_a_wide_table_has_a_column_for_each_svid_with_its_unit(self):
        rows = self.csv("trace", f"run-{BAD}", "--wide")
        self.assertEqual(["context_id", "time", "elapsed_s", "step", "press [mTorr]", "temp [Cel]"], list(rows[0]))
        self.assertEqual([v.hex() for v in self.sent["temp"]], [float(r["temp [Cel]"]).hex() for r in rows])
        self.assertEqual("", rows[3]["press [mTorr]"])
        only = self.csv("trace", f"run-{BAD}", "--wide", "--svid", "temp")
        self.assertEqual("temp [Cel]", list(only[0])[-1])

    def test_traces_of_many_runs_are_chosen_by_what_they_are(self):
        rows = self.csv("trace", "--wafer", "run-1?", "--svid", "temp")
        self.assertEqual(10, len({r["context_id"] for r in rows}))
        named = lines(self.ok("export", "trace", "run-10", "run-11", "--svid", "temp", "--json"))
        self.assertEqual([("temp", 800), ("temp", 800)], [(s["svid"], len(s["v"])) for s in named])

    def test_points_are_those_that_the_api_gives(self):
        rows = self.csv("charts", "--strategy", "first", "--chart", "press_ETCH_mean", "--chart", "press_ETCH_std")
        given = self.dev.json("/api/v1/charts?strategy=first&tool=T1&chamber=C1&chart=press_ETCH_mean"
                              "&chart=press_ETCH_std&limit=1000")["points"]
        self.assertEqual(2 * RUNS, len(rows))
        expected = [(g["context_id"], p["chart"], p["value"].hex(), p["ucl"].hex(), p["unit"], p["verdict"])
                    for g in given for p in g["points"]]
        self.assertEqual(expected, [(r["context_id"], r["chart"], float(r["value"]).hex(), float(r["ucl"]).hex(),
                                     r["unit"], r["verdict"]) for r in rows])
        one = self.csv("charts", "--strategy", "first", "--wafer", f"run-{BAD}", "--chart", "press_ETCH_mean")
        self.assertEqual([f"run-{BAD}"], [r["substrate_id"] for r in one])

    def test_a_chart_shows_its_points_between_their_limits(self):
        out = self.ok("charts", "press_ETCH_mean", "--strategy", "first", "--plot", "--limit", str(RUNS - BAD)).stdout
        title, *rows = out.splitlines()
        self.assertRegex(title, r"^ENDED +RUN +PARTITION +WAFER +VERDICT +VALUE +LCL +CENTRE +UCL +SCORE")
        self.assertEqual(RUNS - BAD, len(rows))
        self.assertRegex(rows[0], f"run-{BAD} .*[|].*[|].*>")
        self.assertRegex(rows[1], r"OK .*[|].*o.*[|]")

    def test_a_file_is_written_whole_or_not_at_all(self):
        path = f"{self.folder}/out.csv"
        self.fails(4, "export", "trace", f"run-{BAD}", "--svid", "press", "--svid", "nothing", "-o", path)
        self.assertEqual([], [f for f in os.listdir(self.folder) if f.startswith("out.csv")])
        self.ok("export", "trace", f"run-{BAD}", "-o", path)
        with open(path, encoding="utf-8", newline="") as f:
            self.assertEqual(1601, len(f.readlines()))
        self.assertFalse(os.path.exists(path + ".part"))

    def test_what_is_wrong_is_named(self):
        for status, args, text in (
                (2, ["export", "nothing"], "charts or trace"), (2, ["export", "trace"], "which runs"),
                (2, ["export", "trace", "run-1", "--lot", "L1"], "either IDs or options"),
                (2, ["export", "trace", "--lot", "L1", "--wide"], "one run"), (4, ["export", "trace", "run-99"], "run-99"),
                (4, ["export", "trace", "run-1", "--svid", "tmep"], 'the nearest is "temp"'),
                (4, ["export", "charts", "--strategy", "first", "--chamber", "T1:C9"], "no such chamber"),
                (2, ["export", "charts", "--strategy", "first", "--svid", "temp"], "export trace")):
            with self.subTest(args=args):
                self.assertIn(text, self.fails(status, *args))

    def test_the_file_gives_what_the_server_gives(self):
        for args in (["export", "trace", f"run-{BAD}"], ["export", "charts", "--strategy", "first"],
                     ["charts", "press_ETCH_mean", "--strategy", "first"]):
            on_file = tfdc(*args, *self.a_copy(args[1]))
            self.assertEqual((0, self.ok(*args).stdout), (on_file.returncode, on_file.stdout), on_file.stderr)


if __name__ == "__main__":
    unittest.main()
