# SPDX-License-Identifier: Apache-2.0
"""The commands that do something, as people type them, against a running `tfdc dev` and on a file."""
import csv
import io
import json
import os
import unittest

from cli_lab import BAD, RUNS, Fab, lines, tfdc
from dev_lab import until


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
        until("judged again", lambda: cls.judgement() > 1, alive=cls.dev)

    @classmethod
    def judgement(cls):
        """The one that all runs have; 0 while they differ."""
        found = {r["verdict"]["judgement"] for r in cls.dev.json("/api/v1/runs")["runs"]}
        return found.pop() if len(found) == 1 else 0

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

    def test_a_wide_table_of_points_has_a_line_for_each_run(self):
        rows = self.csv("charts", "--strategy", "first", "--wide")
        point = {(r["context_id"], f"{r['chart']} [{r['unit']}]" if r["unit"] else r["chart"]): r["value"]
                 for r in self.csv("charts", "--strategy", "first")}
        names = list(rows[0])[12:]
        self.assertIn("press_ETCH_mean [mTorr]", names)
        self.assertEqual((RUNS, len(point)), (len(rows), RUNS * len(names)))
        self.assertEqual(point, {(r["context_id"], name): r[name] for r in rows for name in names})
        two = self.csv("charts", "--strategy", "first", "--wide", "--chart", "temp_ETCH_min", "--chart", "temp_ETCH_max")
        self.assertEqual(["late", "temp_ETCH_min", "temp_ETCH_max"], [n.split()[0] for n in list(two[0])[11:]])

    def test_a_chart_shows_its_points_between_their_limits(self):
        out = self.ok("charts", "press_ETCH_mean", "--strategy", "first", "--plot", "--limit", str(RUNS - BAD)).stdout
        title, *rows = out.splitlines()
        self.assertRegex(title, r"^ENDED +RUN +PARTITION +WAFER +VERDICT +VALUE +LCL +CENTRE +UCL +SCORE")
        self.assertEqual(RUNS - BAD, len(rows))
        self.assertRegex(rows[0], f"run-{BAD} .*[|].*[|].*>")
        self.assertRegex(rows[1], r"OK .*[|].*o.*[|]")

    def test_points_are_found_by_what_they_are(self):
        def wafers(*args):
            rows = lines(self.ok("charts", "press_ETCH_mean", "--strategy", "first", "--json", *args))
            return [r["substrate_id"] for r in rows]
        bad = next(r["points"][0]["verdict"] for r in lines(self.ok("charts", "press_ETCH_mean", "--json", "--wafer",
                                                                    f"run-{BAD}")))
        self.assertEqual([f"run-{BAD}"], wafers("--verdict", bad))
        self.assertEqual([f"run-{i}" for i in range(10, 20)], wafers("--wafer", "run-1?", "--recipe", "R", "--lot", "L*"))
        self.assertEqual(["run-18", "run-19"], wafers("--wafer", "run-1?", "--limit", "2"))
        self.assertEqual([], wafers("--lot", "L2"))

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
                (2, ["export", "nothing"], "charts, trace or definitions"), (2, ["export", "trace"], "which runs"),
                (2, ["export", "trace", "run-1", "--lot", "L1"], "either IDs or options"),
                (2, ["export", "trace", "--lot", "L1", "--wide"], "one run"), (4, ["export", "trace", "run-99"], "run-99"),
                (4, ["export", "trace", "run-1", "--svid", "tmep"], 'the nearest is "temp"'),
                (4, ["export", "charts", "--strategy", "first", "--chamber", "T1:C9"], "no such chamber"),
                (4, ["charts", "--strategy", "frist"], "did you mean first?"),
                (4, ["charts", "press_ETCH_mean", "--strategy", "frst"], "no strategy frst; did you mean first?"),
                (4, ["charts", "press_ETCH_meen", "--strategy", "first"], "did you mean press_ETCH_mean?"),
                (4, ["charts", "nothing"], "no chart nothing"),
                (2, ["export", "charts", "--strategy", "first", "--svid", "temp"], "no --svid with `export charts`")):
            with self.subTest(args=args):
                self.assertIn(text, self.fails(status, *args))

    def test_the_file_gives_what_the_server_gives(self):
        for args in (["export", "trace", f"run-{BAD}"], ["export", "charts", "--strategy", "first"],
                     ["charts", "press_ETCH_mean", "--strategy", "first"]):
            on_file = tfdc(*args, *self.a_copy(args[1]))
            self.assertEqual((0, self.ok(*args).stdout), (on_file.returncode, on_file.stdout), on_file.stderr)


class Applying(Fab):
    ETCH = """\
strategy: {id}
select: {{tools: [T1], recipes: [R]}}
rules: [beyond(1)]
charts:
- chart: level
  eq: {eq}
  limits: {{centre: 50, lcl: 45, ucl: 52}}
"""

    def write(self, name, text):
        path = f"{self.folder}/{self.id()}-{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def etch(self, name, eq="mean(press)"):
        return self.ETCH.format(id=name, eq=eq)

    def test_a_dry_run_shows_the_difference_and_stores_nothing(self):
        path = self.write("a.yaml", self.etch("dry"))
        out = self.ok("apply", path, "--dry-run").stdout
        self.assertRegex(out, r"strategy dry: create, version 1, for runs from 20..-.*Z \(dry run: nothing was stored\)")
        self.assertIn("\n+strategy: dry\n", out)
        self.assertEqual("", self.fails_or_finds("dry"))
        self.assertRegex(self.ok("apply", path).stdout, "strategy dry: create, version 1, for runs from")
        self.assertIn("strategy dry: unchanged, version 1\n", self.ok("apply", path).stdout)
        many = "".join(f"- {{chart: c{i}, eq: max(press)}}\n" for i in range(20))
        self.ok("apply", self.write("b.yaml", self.etch("dry") + many))
        changed = self.ok("apply", "--dry-run", self.write("c.yaml", self.etch("dry", "mean(temp)") + many)).stdout
        self.assertIn("version 2 -> 3", changed)
        self.assertIn("\n-  eq: mean(press)\n+  eq: mean(temp)\n", changed)
        self.assertIn("\n ...\n", changed)
        self.assertNotIn("c15", changed)

    def fails_or_finds(self, name):
        done = tfdc("export", "definitions", name, "--server", self.server)
        self.assertEqual(4 if done.stdout == "" else 0, done.returncode)
        return done.stdout

    def test_errors_name_the_file_its_line_and_the_place_in_the_equation(self):
        good = self.write("good.yaml", self.etch("fine"))
        for name, text, says in (
                ("1.yaml", self.etch("bad", "mean(pres)"), ':6:7: charts[0]: 1:6:'),
                ("2.yaml", self.etch("one") + "---\n" + self.etch("bad", "mean(press) + 1 s"), ":14:7: charts[0]: 1:"),
                ("3.yaml", self.etch("bad").replace("beyond", "beyont"), ":3:9: rules[0]"),
                ("4.yaml", "strategy: [", ":2:1: "), ("5.yaml", "charts: []", ":1:1: ")):
            with self.subTest(name=name):
                path = self.write(name, text)
                for files in ([path], [good, path], [path, good]):
                    self.assertIn(f"{path}{says}", self.fails(2, "apply", *files))
        self.assertEqual("", self.fails_or_finds("fine"), "nothing is stored where one file is wrong")
        self.assertIn("no-such.yaml", self.fails(4, "apply", good, "no-such.yaml"))
        self.assertIn("NUL", self.fails(1, "apply", self.write("6.yaml", "a\0b")))
        self.assertIn("above 4 MiB", self.fails(1, "apply", "-", stdin="#" * (4 << 20) + "\n"))

    def test_several_files_and_standard_input_are_one_change(self):
        limits = """\
limits: both
groups:
- partition: R
  tool_type: ETCH
  charts:
  - {chart: level, s: 0.5, dof: 24, width_lo: 4, width_up: 4, centres: [{chamber: "T1:C1", centre: 50, n: 25}]}
"""
        first, second = self.write("1.yaml", limits), self.write("2.yaml", self.etch("both") + "\n\n")
        changes = json.loads(self.ok("apply", first, second, "--json", "--author", "Ada", "--comment", "why").stdout)
        self.assertEqual({("strategy", 1), ("limits", 1)}, {(c["kind"], c["to_version"]) for c in changes["changes"]})
        stored = lines(self.ok("export", "definitions", "both", "--json"))
        self.assertEqual([("Ada", "why")] * 2, [(d["author"], d["comment"]) for d in stored])
        piped = self.ok("apply", "-", stdin=self.ok("export", "definitions", "both").stdout).stdout
        self.assertEqual(["limits both: unchanged, version 1", "strategy both: unchanged, version 1"],
                         sorted(piped.splitlines()))
        only = self.ok("export", "definitions", "both", "--kind", "limits").stdout
        self.assertNotIn("strategy:", only)
        self.assertIn("<stdin>:2:1: ", self.fails(2, "apply", "-", stdin="strategy: ["))

    def test_charts_lists_what_is_in_force(self):
        self.ok("apply", "-", stdin=self.etch("listed"))
        out = self.ok("charts", "--strategy", "listed").stdout
        self.assertRegex(out, r"STRATEGY +VERSION +CHART .*\nlisted +1 +level +yes +45\.\.52 +mean\(press\)")
        one = lines(self.ok("charts", "--strategy", "listed", "--json"))
        self.assertEqual([("listed", "level")], [(c["strategy"], c["chart"]["chart"]) for c in one])
        self.assertIn("did you mean level?", self.fails(4, "charts", "levl"))

    def test_it_works_on_a_file_as_on_a_server(self):
        where = self.a_copy()
        done = tfdc("apply", "-", *where, stdin=self.etch("local"))
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("strategy: local", tfdc("export", "definitions", "local", *where).stdout)


class Rejudging(Fab):
    def verdicts(self):
        return {r["context"]["run_id"]: (r["verdict"]["verdict"], r["verdict"]["judgement"])
                for r in lines(self.ok("runs", "--limit", "0", "--json"))}

    def test_runs_get_the_verdicts_of_what_is_in_force_now(self):
        done = self.ok("apply", "-", "--effective", "0", stdin=Applying.ETCH.format(id="etch", eq="mean(press)"))
        self.assertIn("tfdc rejudge", done.stderr)
        self.assertEqual({("NOT_JUDGED", 1)}, set(self.verdicts().values()))
        one = self.ok("rejudge", f"run-{BAD}", "--wait").stdout
        self.assertRegex(one, "run [0-9a-f]{32} is judged again: judgement 2\n")
        self.assertEqual((RUNS - 1, ("OOC", 2)), (list(self.verdicts().values()).count(("NOT_JUDGED", 1)),
                                                  self.verdicts()[f"run-{BAD}"]))
        some = json.loads(self.ok("rejudge", "--wafer", "run-1?", "--wait", "--json").stdout)
        self.assertEqual({"rejudged": 10, "without_trace": 0}, some)
        self.assertEqual(10, [v for v, _ in self.verdicts().values()].count("OK"))
        self.assertEqual("1 runs were judged again\n", self.ok("rejudge", "--verdict", "OOC", "--wait").stdout)
        self.assertEqual(f"{RUNS} runs were judged again\n", self.ok("rejudge", "--all", "--wait").stdout)
        self.assertEqual({f"run-{i}": "OOC" if i == BAD else "OK" for i in range(RUNS)},
                         {run: verdict for run, (verdict, _) in self.verdicts().items()})
        self.assertIn("0 runs are judged again", self.ok("rejudge", "--lot", "nobody").stdout)

    def test_it_asks_for_the_runs_and_for_a_system(self):
        self.assertIn("--all", self.fails(2, "rejudge"))
        self.assertIn("either an ID or", self.fails(2, "rejudge", "run-1", "--all"))
        self.assertIn("no run 'run-99'", self.fails(4, "rejudge", "run-99"))
        on_file = tfdc("rejudge", "--all", *self.a_copy())
        self.assertEqual(3, on_file.returncode)
        self.assertIn("start `tfdc dev --data", on_file.stderr)


if __name__ == "__main__":
    unittest.main()
