# SPDX-License-Identifier: Apache-2.0
"""The HTTP API of `tfdc dev`: what its lists, charts and traces answer, and how it refuses."""
import itertools
import json
import math
import shutil
import sqlite3
import tempfile
import unittest
from urllib.parse import urlencode

from dev_lab import POINTS, Dev, Hub, Run, chart, is_quiet, now_us, put_strategies, query, strategy, until

RUNS, BLOCKS = 5, 3
CHAMBERS = [("T1", "C1"), ("T1", "C2")]


class ApiCase(unittest.TestCase):
    """One process with a few judged runs for all cases of a class."""
    FAULTS = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tfdc-api-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = f"{cls.folder}/fab.db"
        with Dev(cls.data) as first:  # makes the file
            first.stop()
        put_strategies(cls.data, strategy("level", "R", [chart("mean", "mean(press)", 45, 55),
                                                         chart("n", "count(temp)", 1, 1e6)]))
        cls.dev = Dev(cls.data, faults=cls.FAULTS)
        cls.addClassCleanup(cls.dev.__exit__)
        begin, wave = now_us() - 3_600_000_000, itertools.count()
        cls.runs = [Run("T1", c, f"{c}-{i}", begin + i * 60_000_000, "R", blocks=BLOCKS,
                        noise=lambda: math.nan if next(wave) % 97 == 5 else float(next(wave) % 11))
                    for c in ("C1", "C2") for i in range(RUNS)]
        sent = {}  # name -> values, before the hub drops what is acked
        for s, name in ((11, "press"), (12, "temp")):
            sent[name] = [v for m in cls.runs[0].messages.values() if m.HasField("block") for c in m.block.columns
                          if c.svid == s for v in c.values]
        cls.sent = sent
        with Hub(cls.dev.address, CHAMBERS, historical=True) as hub:
            hub.send_all(cls.runs)
        until("all judged", cls.all_judged, alive=cls.dev)

    @classmethod
    def all_judged(cls):
        runs = cls.dev.json("/api/v1/runs")["runs"]
        return len(runs) == len(cls.runs) and all(r["verdict"] for r in runs)

    def get(self, path, **params):
        status, text = self.dev.http(f"{path}?{urlencode(params, doseq=True)}")
        self.assertEqual(200, status, text)
        return json.loads(text)

    def refused(self, status, code, path, **params):
        got, text = self.dev.http(f"{path}?{urlencode(params, doseq=True)}")
        error = json.loads(text)["error"]
        self.assertEqual((status, code), (got, error["code"]), text)
        return error["text"]

    def run_id(self, name):
        runs = self.get("/api/v1/runs")["runs"]
        return next(r["context"]["context_id"] for r in runs if r["context"]["run_id"] == name)


class Charts(ApiCase):
    KEY = {"strategy": "level", "tool": "T1", "chamber": "C1"}

    def test_points_stand_in_run_order_and_page_by_page(self):
        points = self.get("/api/v1/charts", **self.KEY)["points"]
        self.assertEqual(RUNS, len(points))
        self.assertEqual(sorted(p["order_us"] for p in points), [p["order_us"] for p in points])
        self.assertEqual([f"C1-{i}" for i in range(RUNS)], [p["substrate_id"] for p in points])
        self.assertEqual({("R", "R", "L1", bool)},
                         {(p["partition"], p["recipe_id"], p["lot_id"], type(p["late"])) for p in points})
        self.assertEqual([["mean", "n"]] * RUNS, [[c["chart"] for c in p["points"]] for p in points])
        self.assertEqual({"OK"}, {p["points"][0]["verdict"] for p in points} - {"OOC"})
        paged, cursor = [], None
        while True:
            page = self.get("/api/v1/charts", limit=2, **self.KEY, **({"cursor": cursor} if cursor else {}))
            self.assertLessEqual(len(page["points"]), 2)
            paged += page["points"]
            cursor = page.get("cursor")
            if cursor is None:
                break
        self.assertEqual(points, paged)

    def test_charts_and_times_are_chosen(self):
        points = self.get("/api/v1/charts", chart=["n", "none"], **self.KEY)["points"]
        self.assertEqual([["n"]] * RUNS, [[c["chart"] for c in p["points"]] for p in points])
        times = [p["order_us"] for p in points]
        some = self.get("/api/v1/charts", **{"from": times[1], "to": times[3]}, **self.KEY)["points"]
        self.assertEqual(times[1:3], [p["order_us"] for p in some])
        self.assertEqual([], self.get("/api/v1/charts", partition="other", **self.KEY)["points"])

    def test_wrong_parameters_are_named(self):
        for left_out in self.KEY:
            key = {k: v for k, v in self.KEY.items() if k != left_out}
            self.assertIn(f"parameter {left_out} is needed", self.refused(400, "USAGE", "/api/v1/charts", **key))
        self.assertIn("no pattern", self.refused(400, "BAD_ID", "/api/v1/charts", **{**self.KEY, "tool": "T*"}))
        self.assertIn('nearest is "chart"', self.refused(400, "USAGE", "/api/v1/charts", charts="n", **self.KEY))
        self.assertIn("limit", self.refused(400, "USAGE", "/api/v1/charts", limit=10001, **self.KEY))
        for path, params in (("charts", self.KEY), ("runs", {}), ("alarms", {}), ("chambers", {})):
            self.assertIn("cursor", self.refused(400, "USAGE", f"/api/v1/{path}", cursor="x", **params))
        self.assertIn("tool is given twice",
                      self.refused(400, "USAGE", "/api/v1/charts", **{**self.KEY, "tool": ["T1", "T1"]}))


class Traces(ApiCase):
    def trace(self, run, **params):
        return self.get(f"/api/v1/runs/{self.run_id(run)}/trace", **params)

    def values(self, name):
        return [None if math.isnan(v) else v for v in self.sent[name]]

    def test_all_samples_come_back_and_missing_ones_are_null(self):
        trace = self.trace("C1-0")
        self.assertEqual(self.run_id("C1-0"), trace["context_id"])
        self.assertTrue(trace["complete"])
        self.assertEqual([("press", "mTorr"), ("temp", "Cel")], [(s["svid"], s["unit"]) for s in trace["series"]])
        start = self.runs[0].start_us
        for s in trace["series"]:
            self.assertEqual(self.values(s["svid"]), s["v"])
            self.assertEqual([start + i * 10_000 for i in range(BLOCKS * POINTS)], s["t_us"])
        self.assertIn(None, trace["series"][0]["v"] + trace["series"][1]["v"])

    def test_named_series_come_in_the_order_asked_for(self):
        series = self.trace("C1-0", svid=["temp", "press"])["series"]
        self.assertEqual(["temp", "press"], [s["svid"] for s in series])
        self.assertEqual(self.values("temp"), series[0]["v"])

    def test_thinned_out_series_keep_their_extremes(self):
        for most in (2, 3, 50, BLOCKS * POINTS - 1):
            for s in self.trace("C1-0", max=most)["series"]:
                self.assertLessEqual(len(s["v"]), most)
                self.assertEqual(len(s["t_us"]), len(s["v"]))
                self.assertEqual(sorted(set(s["t_us"])), s["t_us"])
                numbers = [v for v in s["v"] if v is not None]
                whole = [v for v in self.values(s["svid"]) if v is not None]
                self.assertEqual((min(whole), max(whole)), (min(numbers), max(numbers)))
        whole = self.trace("C1-0", max=BLOCKS * POINTS)
        self.assertEqual(self.trace("C1-0"), whole)

    def test_what_is_not_there_is_named(self):
        path = f"/api/v1/runs/{self.run_id('C1-0')}/trace"
        self.assertIn('nearest is "press"', self.refused(404, "NOT_FOUND", path, svid="pres"))
        self.assertIn("given twice", self.refused(400, "USAGE", path, svid=["temp", "temp"]))
        self.assertIn("max", self.refused(400, "USAGE", path, max=1))
        self.assertIn("no run", self.refused(404, "NOT_FOUND", f"/api/v1/runs/{'0' * 32}/trace"))
        self.assertIn("32 hex", self.refused(400, "BAD_ID", "/api/v1/runs/abc/trace"))

    def test_a_corrupt_chunk_is_said_and_the_service_goes_on(self):
        bad, lost = self.run_id("C2-1"), self.run_id("C2-2")
        with sqlite3.connect(self.data, timeout=30) as db:
            db.execute("UPDATE chunks SET blob = zeroblob(blob_n) WHERE context_id = ?", (bytes.fromhex(bad),))
            db.execute("DELETE FROM chunks WHERE context_id = ?", (bytes.fromhex(lost),))
        db.close()
        text = self.refused(400, "CORRUPT", f"/api/v1/runs/{bad}/trace")
        self.assertIn("chunk 1 of 1", text)
        self.assertIn(bad, text)
        self.assertIn("no longer kept", self.refused(404, "NOT_FOUND", f"/api/v1/runs/{lost}/trace"))
        self.assertEqual(200, self.dev.http("/health/ready")[0])


class Rejudging(ApiCase):
    FAULTS = "kv.WATCH_NEXT:delay=200000"  # the defender hears late of new definitions

    def job(self, path, **params):
        status, text = self.dev.http(f"{path}?{urlencode(params)}", b"")
        self.assertEqual(200, status, text)
        path = f"/api/v1/jobs/{json.loads(text)['job']}"
        until("the job", lambda: self.dev.json(path)["state"] != "running", alive=self.dev)
        job = self.dev.json(path)
        self.assertEqual("done", job["state"], job)
        return job["result"]

    def verdicts(self, **params):
        return {r["context"]["run_id"]: r["verdict"] for r in self.get("/api/v1/runs", **params)["runs"]}

    def quiet(self):
        until("quiet", lambda: is_quiet(self.data), alive=self.dev)

    def versions(self, run):
        records = self.get(f"/api/v1/runs/{self.run_id(run)}")["records"]
        return {u["chart_set"]: {p["eq_version"] for p in u["points"]} for u in records}

    def apply(self, body):
        status, text = self.dev.http("/api/v1/definitions?effective_us=0", body.encode())
        self.assertEqual(200, status, text)

    def test_one_run_gets_the_next_judgement(self):
        path = f"/api/v1/runs/{self.run_id('C2-0')}/rejudge"
        before = self.verdicts()["C2-0"]["judgement"]
        status, text = self.dev.http(path, b"")
        self.assertEqual(200, status, text)
        want = json.loads(text)["judgement"]
        self.assertGreater(want, before)
        until("judged", lambda: self.verdicts()["C2-0"]["judgement"] == want, alive=self.dev)
        self.assertEqual(405, self.dev.http(path)[0])
        self.assertEqual(404, self.dev.http(f"/api/v1/runs/{'0' * 32}/rejudge", b"")[0])

    def test_runs_of_the_filter_are_judged_in_order_by_the_definitions_of_now(self):
        others = {k: v["judgement"] for k, v in self.verdicts(chamber="C2").items()}
        self.apply(STRATEGY.format(id="fresh", eq="mean(press)"))
        self.assertEqual({"rejudged": RUNS, "without_trace": 0}, self.job("/api/v1/rejudge", chamber="C1", recipe="R"))
        self.quiet()
        judged = self.verdicts(chamber="C1", recipe="R")
        self.assertEqual(1, len({v["judgement"] for v in judged.values()}))
        self.assertEqual({False}, {v["late"] for v in judged.values()})
        for run in judged:
            self.assertEqual({1}, self.versions(run)["fresh"], run)
        self.assertEqual(others, {k: v["judgement"] for k, v in self.verdicts(chamber="C2").items()})
        for version in range(2, 5):  # each time the newest definitions judge, however soon after them one asks
            self.apply(STRATEGY.format(id="fresh", eq=f"mean(press) * {version}"))
            self.assertEqual(RUNS, self.job("/api/v1/rejudge", chamber="C1", recipe="R")["rejudged"])
            self.quiet()
            for run in judged:
                self.assertEqual({version}, self.versions(run)["fresh"], run)

    def test_a_run_whose_first_judgement_is_under_way_is_judged_by_the_new_ones_too(self):
        name = "RACE"
        runs = [Run("T1", "C1", f"race-{i}", now_us() - 7_200_000_000 + i * 60_000_000, name, blocks=1)
                for i in range(30)]
        body = STRATEGY.format(id="race", eq="mean(press)").replace("[R]", f"[{name}]")
        with Hub(self.dev.address, CHAMBERS, historical=True) as hub:
            for run in runs[:-1]:
                hub.give(run)
            self.assertTrue(hub.wait(lambda: sum(r.ended for r in runs) >= 15))
            self.apply(body)
            self.job("/api/v1/rejudge", recipe=name)
            hub.send_all(runs[-1:])
            self.assertTrue(hub.wait(lambda: all(r.ended for r in runs)))
        until("all judged", lambda: len(v := self.verdicts(recipe=name)) == len(runs) and all(v.values()),
              alive=self.dev)
        self.quiet()
        for run in runs:
            self.assertEqual({"race": {1}}, self.versions(run.run_id), run.run_id)

    def test_a_run_without_a_trace_keeps_its_verdict(self):
        self.quiet()
        before = self.verdicts(chamber="C2")
        with sqlite3.connect(self.data, timeout=30) as db:
            db.execute("DELETE FROM chunks WHERE context_id = ?", (bytes.fromhex(self.run_id("C2-4")),))
        db.close()
        self.assertEqual({"rejudged": 0, "without_trace": 1}, self.job("/api/v1/rejudge", wafer="C2-4"))
        status, text = self.dev.http(f"/api/v1/runs/{self.run_id('C2-4')}/rejudge", b"")
        self.assertEqual(404, status)
        self.assertIn("no longer kept", text)
        self.quiet()
        self.assertEqual(before["C2-4"], self.verdicts(chamber="C2")["C2-4"])

    def test_wrong_filters_are_refused(self):
        for params, says in (({"verdict": "BAD"}, "verdict"), ({"newest": 1}, "unknown parameter"),
                             ({"from": "x"}, "from")):
            status, text = self.dev.http(f"/api/v1/rejudge?{urlencode(params)}", b"")
            self.assertEqual(400, status)
            self.assertIn(says, text)


STRATEGY = """\
strategy: {id}
select: {{tools: [T*], recipes: [R]}}
rules: [beyond(1)]
charts:
- chart: mean
  eq: {eq}
"""
LIMITS = """\
limits: {id}
groups:
- partition: R
  tool_type: ETCH
  charts:
  - {{chart: mean, s: 0.5, dof: 24, width_lo: {width}, width_up: 4, centres: [{{chamber: "T1:C1", centre: 50, n: 25}}]}}
"""


class Definitions(ApiCase):
    def post(self, body, **params):
        status, text = self.dev.http(f"/api/v1/definitions?{urlencode(params)}", body.encode())
        return status, json.loads(text)

    def applied(self, body, **params):
        status, answer = self.post(body, **params)
        self.assertEqual(200, status, answer)
        return answer["changes"]

    def refused_body(self, code, says, body, **params):
        status, answer = self.post(body, **params)
        self.assertEqual((400, code), (status, answer.get("error", {}).get("code")), answer)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, answer["error"]["text"])

    def versions(self, **params):
        return [(d["kind"], d["id"], d["version"]) for d in self.get("/api/v1/definitions", **params)["definitions"]]

    def generation(self):
        rows = query(self.data, "SELECT value FROM kv_value WHERE bucket = 'fdc-config' AND key = 'generation'")
        return int(rows[0][0]) if rows else 0

    def test_versions_count_up_and_unchanged_documents_make_none(self):
        body = STRATEGY.format(id="count", eq="mean(press)") + "---\n" + LIMITS.format(id="count", width=4)
        before, began = self.generation(), now_us()
        planned = self.applied(body, dry_run=1)
        self.assertEqual(["create", "create"], [c["action"] for c in planned])
        self.assertEqual([], self.versions(id="count"))
        self.assertEqual(before, self.generation())
        first = self.applied(body, author="Ada", comment="why")
        self.assertEqual([("strategy", "count", 0, 1, "create"), ("limits", "count", 0, 1, "create")],
                         [(c["kind"], c["id"], c["from_version"], c["to_version"], c["action"]) for c in first])
        self.assertEqual(before + 1, self.generation())
        self.assertTrue(all(c["effective_us"] >= began + 10_000_000 for c in first))
        self.assertEqual("+strategy: count", first[0]["diff"][0])
        self.assertEqual(len(CHAMBERS), first[0]["chambers"])
        again = self.applied(body)
        self.assertEqual([("unchanged", 1, [])] * 2, [(c["action"], c["to_version"], c["diff"]) for c in again])
        self.assertEqual(before + 1, self.generation())
        changed = self.applied(STRATEGY.format(id="count", eq="mean(press)") + "---\n" +
                               LIMITS.format(id="count", width=5))
        self.assertEqual([("unchanged", 1), ("update", 2)], [(c["action"], c["to_version"]) for c in changed])
        self.assertIn("-    width_lo: 4.0", changed[1]["diff"])
        self.assertIn("+    width_lo: 5.0", changed[1]["diff"])
        self.assertIn("   - chart: mean", changed[1]["diff"])
        self.assertEqual(before + 2, self.generation())
        sooner = self.applied(body.split("---")[0], effective_us=0)
        self.assertEqual([("update", 2, 0, [])], [(c["action"], c["to_version"], c["effective_us"], c["diff"]) for c in sooner])
        rows = self.get("/api/v1/definitions", id="count", kind="strategy")["definitions"]
        self.assertEqual([("Ada", "why", True), (None, None, True)],
                         [(d.get("author"), d.get("comment"), d["approved"]) for d in rows])
        self.assertTrue(all("body" not in d for d in rows))
        self.assertEqual([("limits", "count", 2)], self.versions(id="count", kind="limits", newest=1))
        self.assertEqual([("strategy", "count", 1), ("limits", "count", 1)], self.versions(id="count", version=1))

    def test_what_is_given_out_can_be_applied_again(self):
        eq = '"let a = mean(press in step(\\"ETCH\\"));\\na - 1 mTorr\\n"'
        self.applied(STRATEGY.format(id="trip", eq=eq) + "---\n" + LIMITS.format(id="trip", width=4), effective_us=0)
        bodies = self.get("/api/v1/definitions", id="trip", bodies=1)["definitions"]
        self.assertEqual(2, len(bodies))
        for d in bodies:
            self.assertEqual(["unchanged"], [c["action"] for c in self.applied(d["body"])])
        status, text = self.dev.http("/api/v1/definitions?id=trip&yaml=1&newest=1")
        self.assertEqual(200, status)
        self.assertIn("    let a = mean(press in step(\"ETCH\"));\n", text)
        self.assertEqual(["unchanged"] * 2, [c["action"] for c in self.applied(text)])
        everything = self.dev.http("/api/v1/definitions?yaml=1&newest=1")[1]
        self.assertEqual({"unchanged"}, {c["action"] for c in self.applied(everything)})

    def test_errors_have_the_line_of_the_file_and_of_the_equation(self):
        good = STRATEGY.format(id="good", eq="mean(press)") + "---\n"
        for code, says, eq in (
                ("EQ_NAME", ["line 13 column 7: charts[0]: 1:6: ", "press", "(chamber T1:C1)"], "mean(pres)"),
                ("EQ_UNIT", ["line 13 column 7: charts[0]: 1:", "mTorr"], "mean(press) + 1 s"),
                ("EQ_SYNTAX", "line 13 column 7: charts[0]: 2:", "|\n    mean(press) +\n    )"),
                ("DEFINITION", "line 13 column 7: charts[0].eq: must not be empty", '""')):
            self.refused_body(code, says, good + STRATEGY.format(id="bad", eq=eq))
        self.refused_body("DEFINITION", "line 3 column 9: rules[0]: ",
                          STRATEGY.format(id="bad", eq="mean(press)").replace("beyond(1)", "beyont(1)"))
        self.refused_body("DEFINITION", "line 1 column 1: limits: there is no strategy nobody",
                          LIMITS.format(id="nobody", width=1))
        self.refused_body("YAML", "line 2", "strategy: [")
        self.refused_body("DEFINITION", "no strategy and no limit set", "")
        self.refused_body("USAGE", "effective_us", good, effective_us="soon")
        self.refused_body("USAGE", 'nearest is "dry_run"', good, dryrun=1)
        self.refused_body("BAD_TEXT", "author", good, author="a\nb")
        self.assertEqual([], self.versions(id="good"), "nothing is written where one document is wrong")

    def test_dictionaries_of_the_selected_chambers_count(self):
        other = STRATEGY.format(id="other", eq="mean(nothing)").replace("T*", "X*")
        change = self.applied(other, dry_run=1)[0]
        self.assertEqual(0, change["chambers"])
        self.assertIn("no known chamber", change["warnings"][0])
        self.assertEqual([], self.applied(STRATEGY.format(id="other", eq="mean(temp)"), dry_run=1)[0]["warnings"])
        optional = STRATEGY.format(id="other", eq="mean(nothing)\n  optional: true")
        self.refused_body("EQ_NAME", "none of the 2 chambers", optional)

    def test_a_new_version_judges_the_runs_that_come(self):
        self.applied(STRATEGY.format(id="late", eq="mean(press)").replace("[R]", "[NEW]"), effective_us=0)
        run = Run("T1", "C1", "new-run", now_us() - 60_000_000, "NEW", blocks=1)
        with Hub(self.dev.address, CHAMBERS, historical=True) as hub:
            hub.send_all([run])

        def judged():
            found = self.get("/api/v1/runs", recipe="NEW")["runs"]
            return found and found[0]["verdict"]
        self.assertEqual(1, until("a verdict", judged, alive=self.dev)["charts"])

    def test_pages_and_filters(self):
        for i in range(3):
            self.applied(STRATEGY.format(id=f"page{i}", eq="mean(press)"))
        everything, paged, cursor = self.versions(), [], None
        while True:
            page = self.get("/api/v1/definitions", limit=2, **({"cursor": cursor} if cursor else {}))
            paged += [(d["kind"], d["id"], d["version"]) for d in page["definitions"]]
            cursor = page.get("cursor")
            if cursor is None:
                break
        self.assertEqual(everything, paged)
        self.assertIn("kind", self.refused(400, "USAGE", "/api/v1/definitions", kind="limit"))
        self.assertIn("cursor", self.refused(400, "USAGE", "/api/v1/definitions", cursor="x"))
        self.assertIn("id", self.refused(400, "BAD_ID", "/api/v1/definitions", id="a*"))


if __name__ == "__main__":
    unittest.main()
