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

from dev_lab import POINTS, Dev, Hub, Run, chart, now_us, put_strategies, strategy, until

RUNS, BLOCKS = 5, 3
CHAMBERS = [("T1", "C1"), ("T1", "C2")]


class ApiCase(unittest.TestCase):
    """One process with a few judged runs for all cases of a class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tfdc-api-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = f"{cls.folder}/fab.db"
        with Dev(cls.data) as first:  # makes the file
            first.stop()
        put_strategies(cls.data, strategy("level", "R", [chart("mean", "mean(press)", 45, 55),
                                                         chart("n", "count(temp)", 1, 1e6)]))
        cls.dev = Dev(cls.data)
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
        self.assertEqual({("R", "R", "L1", False)},
                         {(p["partition"], p["recipe_id"], p["lot_id"], p["late"]) for p in points})
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


if __name__ == "__main__":
    unittest.main()
