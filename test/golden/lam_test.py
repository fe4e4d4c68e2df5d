#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tfdc replay` of the machine data of a Lam 9600 etcher into a `tfdc dev`, against NumPy: lam_test.py TFDC.

Every U point of every run is calculated anew from the CSV, by the definitions in docs/eq-functions.md: whether it can
be judged, and its value. A value may differ by 1e-12 x max(|value|, scale): scale = mean |x| for means, medians and
area over its span, sd for std and range, sd(x)/sd(t) for the slope.
The data are not part of the project: $TFDC_SHARED/lam9600, else <source>/../shared/data/lam9600; skipped without them.
"""
import collections
import csv
import decimal
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import numpy as np

SOURCE = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SHARED = os.environ.get("TFDC_SHARED") or os.path.normpath(os.path.join(SOURCE, "../shared/data"))
FILE = os.path.join(SHARED, "lam9600", "lam9600_machine_long.csv")
MAP = os.path.join(SOURCE, "examples", "lam9600.yaml")
SKIPPED = 77
TOLERANCE = 1e-12
EXACT = {"min", "max", "first", "last", "count", "span"}
WINDOWS = ["run", "step(4)", "step(5)", "step(5).trim(5 s, 2.5 s)"]
STATISTICS = ["mean", "std", "min", "max", "range", "first", "last", "median", "slope", "area"]
NO_SENSORS = {"wafer", "experiment", "fault", "sample", "dup_tail", "Time", "Step_Number"}


# ---- the runs, from the file ----

class Wafer:
    """Times in us, steps, and the rounded readings by sensor."""

    def __init__(self, rows, sensors):
        self.t = np.array([int((decimal.Decimal(r["Time"]) * 1_000_000).to_integral_value()) for r in rows], np.int64)
        self.step = np.array([int(r["Step_Number"]) for r in rows])
        self.x = {s: np.rint(np.array([float(r[s]) for r in rows])) for s in sensors}

    def window(self, text):
        """(start, end, which rows) of run, step(4), step(5).trim(4.7 s, 1 s), run.first(3 s), or None: it did not happen.
        Half-open, but the end of the run takes the sample at it."""
        name, _, cut = text.partition(".")
        if name == "run":
            start, end = self.t[0], self.t[-1]
        else:
            at = np.flatnonzero(self.step == int(re.fullmatch(r"step\((\d+)\)", name)[1]))
            if len(at) == 0:
                return None
            assert np.array_equal(at, np.arange(at[0], at[-1] + 1)), "a step that comes twice"
            start, end = self.t[at[0]], self.t[at[-1] + 1] if at[-1] + 1 < len(self.t) else self.t[-1]
        if cut:
            m = re.fullmatch(r"(trim|first)\(([\d.]+) s(?:, ([\d.]+) s)?\)", cut)
            first, last = (int(decimal.Decimal(d or "0") * 1_000_000) for d in m.groups()[1:])
            start, end = (start + first, end - last) if m[1] == "trim" else (start, min(end, start + first))
        return start, end, (self.t >= start) & ((self.t < end) | ((self.t == end) & (end == self.t[-1])))


def read_wafers():
    with open(FILE, newline="", encoding="utf-8") as f:
        reader = csv.DictReader(f)
        sensors = [c for c in reader.fieldnames if c not in NO_SENSORS]
        rows = list(reader)
    wafers, dropped = collections.OrderedDict(), 0
    for r in rows:
        dropped += r["dup_tail"] == "1"
        if r["dup_tail"] != "1":
            wafers.setdefault(r["wafer"], []).append(r)
    return {w: Wafer(r, sensors) for w, r in wafers.items()}, sensors, dropped


# ---- one point ----

def twice_max_gap(t):
    return 5 * int(2 * np.median(np.diff(t))) if len(t) > 1 else 0


def quality(t, start, end):
    """The part of the window that samples cover: gaps of more than 5 median intervals are holes."""
    if len(t) == 0:
        return 0.0
    steps = np.diff(np.concatenate(([start], t, [end])))
    return steps[2 * steps <= twice_max_gap(t)].sum() / (end - start) if end > start else 1.0


class Window:
    """What the sensors share in one window of a wafer."""

    def __init__(self, wafer, start, end, rows):
        self.start, self.end, self.rows, self.t = start, end, rows, wafer.t[rows]
        self.can_be_judged = len(self.t) >= 3 and quality(self.t, start, end) >= 0.8
        if self.can_be_judged:
            self.tl = (self.t - self.t[0]).astype(np.longdouble) / 1_000_000


class Series:
    """One sensor in a window that can be judged, and what its statistics share."""

    def __init__(self, wafer, sensor, window):
        self.start, self.end, self.t, self.tl = window.start, window.end, window.t, window.tl
        self.x = wafer.x[sensor][window.rows]
        self.xl = self.x.astype(np.longdouble)
        self.mean, self.sd = float(self.xl.mean()), float(self.xl.std(ddof=1))
        self.size = float(np.abs(self.xl).mean())

    def slope(self):
        d = self.tl - self.tl.mean()
        return float((d * (self.xl - self.xl.mean())).sum() / (d * d).sum()), self.sd / float(self.tl.std(ddof=1))

    def area(self):
        steps = np.diff(self.t)
        parts = (self.xl[1:] + self.xl[:-1]) / 2 * (steps.astype(np.longdouble) / 1_000_000)
        return float(parts[2 * steps <= twice_max_gap(self.t)].sum()), self.size * float(self.tl[-1])

    def value(self, stat):
        """And the scale of its tolerance."""
        x = self.x
        return {"mean": lambda: (self.mean, self.size), "std": lambda: (self.sd, self.sd),
                "range": lambda: (x.max() - x.min(), self.sd), "median": lambda: (np.median(x), self.size),
                "min": lambda: (x.min(), 0), "max": lambda: (x.max(), 0), "first": lambda: (x[0], 0),
                "last": lambda: (x[-1], 0), "count": lambda: (len(x), 0),
                "span": lambda: ((self.end - self.start) / 1_000_000, 0), "slope": self.slope,
                "area": self.area}[stat]()


WINDOW = r"(?:run|step\(\d+\))(?:\.\w+\([^()]*\))?"
SENSORS_EQ = re.compile(rf"(\w+)\((\w+) in ({WINDOW})(?:, min_n=3, min_good=0\.8)?\)")
SPAN_EQ = re.compile(rf"if\(count\((\w+) in ({WINDOW}), min_n=3, min_good=0\.8\) > 0, span\(({WINDOW})\), 0 s\)")


def parse_eq(eq):
    """(statistic, sensor, window) of mean(X in step(4)) and the like; of the time that a covered window takes."""
    m = SENSORS_EQ.fullmatch(eq)
    if m:
        return m.groups()
    m = SPAN_EQ.fullmatch(eq)
    assert m and m[2] == m[3], eq
    return "span", m[1], m[2]


# ---- the program ----

class Dev:
    def __init__(self, tfdc, folder, name):
        args = [tfdc, "dev", "--json", "--data", os.path.join(folder, name + ".db"), "--ingest.listen", "127.0.0.1:0",
                "--http.listen", "127.0.0.1:0"]
        self.log = open(os.path.join(folder, "log"), "ab")
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = f"http://127.0.0.1:{json.loads(self.process.stdout.readline())['http_port']}"

    def call(self, path, body=None):
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data=body), timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{path}: {e.code} {e.read().decode()}") from e

    def equations(self):
        """Of the newest strategies: {strategy: {chart: equation}}."""
        answer = self.call("/api/v1/definitions?kind=strategy&newest=1&bodies=1")
        bodies = {d["id"]: json.loads(d["body"]) for d in answer["definitions"]}
        return {i: {c["chart"]: c["eq"] for c in body["charts"]} for i, body in bodies.items()}

    def runs(self):
        answer = self.call("/api/v1/runs?limit=1000")
        assert "cursor" not in answer
        return answer["runs"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        assert code == 0, code


def replay(tfdc, dev, *options, status=0):
    args = [tfdc, "replay", FILE, "--map", MAP, "--server", dev.url, "--json", *options]
    done = subprocess.run(args, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, (done.returncode, done.stderr)
    return json.loads(done.stdout)


# ---- the comparison ----

class Compare:
    """eqs: the equation of each chart, by chart set."""

    def __init__(self, wafers, eqs):
        self.wafers, self.eqs, self.problems = wafers, eqs, []
        self.values, self.not_judged = 0, 0
        self.known, self.parsed = {}, {}

    def window(self, name, text):
        """None: the step did not happen."""
        if (name, text) not in self.known:
            at = self.wafers[name].window(text)
            self.known[name, text] = at and Window(self.wafers[name], *at)
        return self.known[name, text]

    def series(self, name, sensor, text):
        key = name, sensor, text
        if key not in self.known:
            self.known[key] = Series(self.wafers[name], sensor, self.window(name, text))
        return self.known[key]

    def point(self, name, eq, point):
        stat, sensor, text = self.parsed.get(eq) or self.parsed.setdefault(eq, parse_eq(eq))
        label = f"wafer {name} {point['chart']}"
        window = self.window(name, text)
        if window is None or not window.can_be_judged:
            self.not_judged += 1
            reason = "MISSING_STEP" if window is None else "LOW_QUALITY" if len(window.t) else "NO_DATA"
            if point["verdict"] != "NOT_JUDGED" or point["reason"] != reason:
                self.problems.append(f"{label}: {point['verdict']}({point['reason']}), not NOT_JUDGED({reason})")
            return
        self.values += 1
        value, scale = self.series(name, sensor, text).value(stat)
        bound = 0 if stat in EXACT else TOLERANCE * max(abs(value), scale)
        if point["verdict"] == "NOT_JUDGED" or not abs(point["value"] - value) <= bound:
            self.problems.append(f"{label}: {point['value']!r} {point['verdict']}, not {value!r} within {bound:.3g}")

    def records(self, name, records):
        for record in records:
            for point in record["points"]:
                self.point(name, self.eqs[record["chart_set"]][point["chart"]], point)


def check_wafers_with_holes(points):
    for point in points["3125"]:
        assert point["verdict"] == "NOT_JUDGED" and point["reason"] not in ("", "NONE"), point
    for point in points["3122"]:
        judged = point["verdict"] != "NOT_JUDGED"
        assert judged == ("step5" in point["chart"]), point
        assert judged or point["reason"] not in ("", "NONE"), point


def compare(dev, wafers):
    """The comparison of all records, and the points by wafer."""
    done, points = Compare(wafers, dev.equations()), {}
    for run in dev.runs():
        name = run["context"]["substrate_id"]
        records = dev.call(f"/api/v1/runs/{run['context']['context_id']}")["records"]
        done.records(name, records)
        points[name] = [p for r in records for p in r["points"]]
    return done, points


def check_learned(tfdc, dev, wafers, dropped):
    """The charts that `replay` makes and learns limits for."""
    said = replay(tfdc, dev)
    assert said["lines"]["dropped"] == dropped == 127 and said["lines"]["bad"] == 0, said["lines"]
    assert said["runs_sent"] == len(wafers) == 129 and said["runs_refused"] == said["messages_rejected"] == 0, said
    done, points = compare(dev, wafers)
    total = sum(len(p) for p in points.values())
    assert said["u_points"] == total == said["learned"]["strategies"][0]["charts"] * len(wafers), (said, total)
    check_wafers_with_holes(points)
    print(f"replay: {said['other']['out_of_control']} of 21 faults are out of control, "
          f"{said['good']['out_of_control']} of 108 normals; {said['alarms']} alarms")
    return done


def check_every_statistic(tfdc, dev, wafers, sensors):
    """A strategy of our own, there before the runs."""
    charts = []
    for sensor in sensors[::4]:
        for window in WINDOWS:
            equations = [f"{stat}({sensor} in {window})" for stat in STATISTICS]
            equations.append(f"count({sensor} in {window}, min_n=3, min_good=0.8)")
            charts += [{"chart": f"c{len(charts) + i}", "eq": eq, "limits": {"ucl": 1e12, "lcl": -1e12}}
                       for i, eq in enumerate(equations)]
    strategy = {"strategy": "every", "select": {"tools": ["LAM9600"]}, "charts": charts}
    dev.call("/api/v1/definitions?effective_us=0&author=test", json.dumps(strategy).encode())  # JSON is YAML
    said = replay(tfdc, dev)
    assert said["learned"] is None and said["u_points"] == len(charts) * len(wafers), said
    return compare(dev, wafers)[0]


def main():
    if not os.path.exists(FILE):
        print(f"skipped: {FILE} is not here (TFDC_SHARED)")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    wafers, sensors, dropped = read_wafers()
    failed = False
    with tempfile.TemporaryDirectory(prefix="tfdc-lam-") as folder:
        for check, extra in ((check_learned, dropped), (check_every_statistic, sensors)):
            dev = Dev(sys.argv[1], folder, check.__name__)
            try:
                done = check(sys.argv[1], dev, wafers, extra)
            finally:
                dev.stop()
            print("\n".join(done.problems[:20]))
            print(f"{check.__name__}: {done.values + done.not_judged} U points of {len(wafers)} runs, {done.values} values and "
                  f"{done.not_judged} that cannot be judged: {len(done.problems)} differ")
            failed |= bool(done.problems) or done.values < 25_000
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
