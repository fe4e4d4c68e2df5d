# SPDX-License-Identifier: Apache-2.0
"""`tfdc replay` as people use it: every way to write a CSV, lines that are broken, maps, a system that runs or not."""
import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from dev_lab import SOURCE, TFDC, WAIT_S, Dev

BASE_US = 1_790_000_000_000_000
BAD_LINES, UNAVAILABLE, NOT_FOUND, USAGE = 5, 3, 4, 2  # exit status
PRESS = [8.25, 12.5, -0.75, 1e-3, 1234.5, 7.0]
TEMP = [21.5, 22.25, 23.0, None, 24.125, 25.0]  # None: missing reading
STEPS = ["STRIKE", "STRIKE", "ETCH", "ETCH", "ETCH", "ETCH"]
RUNS = ["L1/W1", "L1/W2", "L2/W1"]


def rows_of(run):
    """(seconds since the run's start, us since 1970, step, press, temp)"""
    for k in range(6):
        seconds = k * 0.5
        yield seconds, BASE_US + RUNS.index(run) * 100_000_000 + int(seconds * 1e6), STEPS[k], PRESS[k], TEMP[k]


def iso(us):
    return f"2026-09-21T{us // 3_600_000_000 % 24:02}:{us // 60_000_000 % 60:02}:{us % 60_000_000 / 1e6:09.6f}"


def table(header, rows, separator=",", decimal=".", end="\n", quote=csv.QUOTE_MINIMAL, bom=False):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=quote)
    writer.writerow(header)
    for row in rows:
        writer.writerow(["" if v is None else str(v).replace(".", decimal) if isinstance(v, float) else v for v in row])
    return ("\ufeff" if bom else "").encode() + out.getvalue().encode()


def wide(time, **style):
    """time: of a row, from (seconds, us)."""
    rows = [(r.split("/")[0], r.split("/")[1], time(s, us), step, p, "NaN" if t is None else t)
            for r in RUNS for s, us, step, p, t in rows_of(r)]
    return table(["Lot", "Wafer", "Time", "Step", "Press, raw", "Temp"], rows, **style)


def long(by_sensor=False, **style):
    rows = [(r.split("/")[0], r.split("/")[1], iso(us), step, name, "NaN" if v is None else v, unit)
            for r in RUNS for _, us, step, p, t in rows_of(r)
            for name, v, unit in (("Press, raw", p, "mTorr"), ("Temp", t, "Cel"))]
    if by_sensor:
        rows.sort(key=lambda row: (row[0], row[1], row[4], row[2]))
    return table(["Lot", "Wafer", "Time", "Step", "Sensor", "Value", "Unit"], rows, **style)


COMMON = "run: [Lot, Wafer]\nlot: {column: Lot}\nwafer: {column: Wafer}\nstep: {name: Step}\n"
LONG = "layout: long\nlong: {svid: Sensor, value: Value, unit: Unit}\ntime: {column: Time, unit: iso8601}\n"
# name: (file, the rest of its map, are its times absolute)
VARIANTS = {
    "seconds": (wide(lambda s, us: s), "time: {column: Time, unit: s}\n", False),
    "minutes": (wide(lambda s, us: f"{s / 60:.12f}"), "time: {column: Time, unit: min}\n", False),
    "milliseconds": (wide(lambda s, us: int(s * 1000)), "time: {column: Time, unit: ms}\n", False),
    "iso": (wide(lambda s, us: iso(us)), "time: {column: Time, unit: iso8601}\n", True),
    "iso-zone": (wide(lambda s, us: iso(us + 7_200_000_000).replace("T", " ") + "+02:00"),
                 "time: {column: Time, unit: iso8601}\n", True),
    "epoch-ms": (wide(lambda s, us: us // 1000), "time: {column: Time, unit: epoch_ms}\n", True),
    "epoch-us-crlf": (wide(lambda s, us: us, end="\r\n"), "time: {column: Time, unit: epoch_us}\n", True),
    "german": (wide(lambda s, us: s, separator=";", decimal=",", end="\r\n", bom=True),
               "time: {column: Time, unit: s}\n", False),
    "tab-quoted": (wide(lambda s, us: s, separator="\t", quote=csv.QUOTE_ALL, bom=True),
                   "time: {column: Time, unit: s}\n", False),
    "pipe-cr": (wide(lambda s, us: s, separator="|", end="\r"), "time: {column: Time, unit: s}\n", False),
    "no-header": (wide(lambda s, us: s).split(b"\n", 1)[1],
                  "columns: [Lot, Wafer, Time, Step, 'Press, raw', Temp]\ntime: {column: Time, unit: s}\n", False),
    "long": (long(), LONG, True),
    "long-by-sensor": (long(by_sensor=True), LONG, True),
    "long-german": (long(separator=";", decimal=",", end="\r\n", bom=True), LONG, True),
}


class ReplayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tfdc-replay-")
        cls.dev = Dev(f"{cls.folder}/fab.db")

    @classmethod
    def tearDownClass(cls):
        code = cls.dev.stop()
        shutil.rmtree(cls.folder)
        assert code == 0, code

    def write(self, name, content):
        path = f"{self.folder}/{name}"
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def replay(self, *args, server=True):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TFDC_")}
        where = ["--server", f"http://127.0.0.1:{self.dev.ready['http_port']}"] if server else []
        return subprocess.run([TFDC, "replay", *args, *where], env=env, capture_output=True, text=True, timeout=2 * WAIT_S,
                              check=False)

    def replayed(self, *args, status=0, server=True):
        """The summary."""
        done = self.replay(*args, "--json", server=server)
        self.assertEqual(status, done.returncode, done.stderr)
        return json.loads(done.stdout), done.stderr

    def runs_of(self, tool):
        return self.dev.json(f"/api/v1/runs?tool={tool}")["runs"]

    def traces_of(self, tool, absolute):
        """{run: (steps, {svid: [(us since 1970 or since the run's start, value)]})}"""
        found = {}
        for run in self.runs_of(tool):
            c = run["context"]
            zero = 0 if absolute else c["start_us"]
            trace = self.dev.json(f"/api/v1/runs/{c['context_id']}/trace")
            series = {s["svid"]: [(t - zero, v) for t, v in zip(s["t_us"], s["v"])] for s in trace["series"]}
            steps = [(s["name"], s["start_us"] - zero) for s in c["steps"]]
            found[f"{c['lot_id']}/{c['substrate_id']}"] = (steps, series)
        return found

    def wanted(self, absolute):
        found = {}
        for run in RUNS:
            rows = list(rows_of(run))
            at = [us if absolute else int(s * 1e6) for s, us, *_ in rows]
            series = {"Press, raw": list(zip(at, PRESS)), "Temp": list(zip(at, TEMP))}
            found[run] = ([("STRIKE", at[0]), ("ETCH", at[2])], series)
        return found

    def test_every_way_to_write_it_gives_the_same_runs(self):
        for name, (content, rest, absolute) in VARIANTS.items():
            with self.subTest(name):
                path = self.write(f"{name}.csv", content)
                yaml = self.write(f"{name}.yaml", f"tool: {{constant: {name}}}\n" + COMMON + rest)
                said, errors = self.replayed(path, "--map", yaml, "--no-learn", status=BAD_LINES)
                self.assertEqual((3, 0, 0), (said["runs_sent"], said["lines"]["bad"], said["waiting"]), errors)
                self.assertEqual(3, said["without_strategy"])  # which is why it is no success
                self.assertEqual(36, said["points"])
                self.assertEqual(self.wanted(absolute), self.traces_of(name, absolute))

    def test_broken_lines_are_named_and_the_rest_goes_on(self):
        lines = wide(lambda s, us: s).decode().splitlines()
        lines[2] = lines[2].replace("12.5", "12.5.1")  # a number that is none: the second sample of L1/W1 is missing
        lines.insert(5, 'L1,W1,1.6,ETCH,"5')           # an open quote, to the end of the line
        lines.insert(6, "L1,W1,1.7")                   # too few fields
        lines.insert(9, "L1,W1,0.25,ETCH,1,2")         # time goes back
        lines.append("L2,W1,9,ETCH,\x00,1")
        path = self.write("broken.csv", "\n".join(lines) + "\n")
        yaml = self.write("broken.yaml", "tool: {constant: broken}\n" + COMMON + "time: {column: Time, unit: s}\n")
        written = f"{self.folder}/bad.txt"
        metrics = f"{self.folder}/replay.prom"
        said, errors = self.replayed(path, "--map", yaml, "--no-learn", "--bad-lines", written, "--metrics", metrics,
                                     status=BAD_LINES)
        bad = {b["line"]: b["why"] for b in said["lines"]["first_bad"]}
        self.assertEqual(said["lines"]["bad"], 5, bad)
        for line, why in ((3, "is no number"), (6, "quote"), (7, "3 fields"), (10, "time does not rise"), (23, "NUL")):
            self.assertIn(why, bad.pop(line))
        self.assertEqual({}, bad)
        bad = {b["line"]: b["why"] for b in said["lines"]["first_bad"]}
        for line in bad:
            self.assertIn(f"broken.csv:{line}: ", errors)
        with open(written, encoding="utf-8", errors="replace") as f:
            self.assertEqual(sorted(bad), sorted(int(line.split("\t")[0]) for line in f.read().splitlines()))
        with open(metrics, encoding="utf-8") as f:
            counts = dict(line.rsplit(" ", 1) for line in f if not line.startswith("#"))
        self.assertEqual("5", counts['tfdc_replay_lines_total{result="bad"}'].strip())
        self.assertEqual("17", counts['tfdc_replay_lines_total{result="used"}'].strip())
        self.assertEqual(3, said["runs_sent"])
        got = self.traces_of("broken", False)
        want = self.wanted(False)
        for series in want["L1/W1"][1].values():
            del series[1]
        self.assertEqual(want, got)
        self.assertEqual(200, self.dev.http("/health/ready")[0])
        after = self.write("after.yaml", "tool: {constant: after}\n" + COMMON + "time: {column: Time, unit: s}\n")
        said, _ = self.replayed(self.write("after.csv", wide(lambda s, us: s)), "--map", after, "--no-learn",
                                status=BAD_LINES)
        self.assertEqual((3, 0), (said["runs_sent"], said["lines"]["bad"]))

    def test_check_sends_nothing(self):
        path = self.write("check.csv", wide(lambda s, us: s) + b"L3,W9,x,ETCH,1,2\n")
        yaml = self.write("check.yaml", "tool: {constant: check}\n" + COMMON + "time: {column: Time, unit: s}\n")
        said, _ = self.replayed(path, "--map", yaml, "--check", status=BAD_LINES)
        self.assertEqual((3, 1), (said["runs"], said["lines"]["bad"]))
        self.assertEqual([], self.runs_of("check"))

    def test_a_run_that_contradicts_what_is_there_is_refused_alone(self):
        rows = [("R1", iso(BASE_US + k * 1_000_000), "POLY", 1.0 + k) for k in range(4)]
        more = [("R2", iso(BASE_US + (k + 60) * 1_000_000), "POLY", 1.0 + k) for k in range(4)]
        yaml = self.write("same.yaml", "tool: {constant: same}\nrun: Run\nrecipe: {column: Recipe}\n"
                                       "time: {column: Time, unit: iso8601}\n")
        header = ["Run", "Time", "Recipe", "P"]
        first = self.write("same1.csv", table(header, rows))
        second = self.write("same2.csv", table(header, [(r, t, "METAL", p) for r, t, _, p in rows] + more))
        said, _ = self.replayed(first, "--map", yaml, "--no-learn", status=BAD_LINES)
        self.assertEqual((1, 0), (said["runs_sent"], said["runs_refused"]))
        said, _ = self.replayed(second, "--map", yaml, "--no-learn", status=BAD_LINES)
        self.assertEqual((1, 1), (said["runs_sent"], said["runs_refused"]))
        self.assertIn("RUN_CONFLICT", said["first_reject"])
        said, _ = self.replayed(first, "--map", yaml, "--no-learn", status=BAD_LINES)  # the same again is no new run
        self.assertEqual((1, 0), (said["runs_sent"], said["runs_refused"]))
        self.assertEqual(2, len(self.runs_of("same")))

    def test_without_a_system_this_process_judges(self):
        data = f"{self.folder}/own.db"
        example = f"{SOURCE}/examples/etch.csv"
        here = ["--data", data, "--http.listen", "127.0.0.1:0"]
        said, errors = self.replayed(example, *here, server=False)
        self.assertTrue(said["map_guessed"])
        self.assertIn("--print-map > map.yaml", errors)
        self.assertEqual((36, 36), (said["runs_sent"], said["runs_judged"]))
        group = said["learned"]["groups"][0]
        self.assertEqual((25, "POLY"), (group["n_runs"], group["partition"]))
        self.assertEqual(2, said["verdicts"]["OOC"] + said["verdicts"]["ACTION"])
        self.assertEqual(1, said["alarms"])
        self.assertEqual(said["u_points"], 36 * said["learned"]["strategies"][0]["charts"])
        yaml = self.write("kept.yaml", self.replay(example, "--print-map", server=False).stdout)
        again, _ = self.replayed(example, "--map", yaml, *here, server=False)
        self.assertFalse(again["map_guessed"])
        self.assertIsNone(again["learned"])  # there is a strategy now
        for key in ("map", "runs", "verdicts", "u_points", "u_points_judged", "alarms"):
            self.assertEqual(said[key], again[key], key)
        text = self.replay(example, *here, server=False).stdout
        self.assertIn("judged        36 of 36 runs", text)

    def test_files_of_several_tools_keep_strategies_of_their_own(self):
        with open(f"{SOURCE}/examples/etch.csv", encoding="utf-8") as f:
            text = f.read()
        charts = {}
        for tool, chamber in (("ETCH-01", "B"), ("ETCH-02", "B"), ("ETCH-02", "C")):
            path = self.write("tool.csv", text.replace("ETCH-01,A,", f"{tool},{chamber},"))
            said, errors = self.replayed(path)
            self.assertEqual(36, said["runs_judged"], errors)
            charts[tool, chamber] = said["learned"]["strategies"][0]
        self.assertEqual(3, len({s["strategy"] for s in charts.values()}), charts)
        said, _ = self.replayed(self.write("tool.csv", text.replace("ETCH-01,A,", "ETCH-01,B,")))
        self.assertIsNone(said["learned"])
        more = text.replace("ETCH-01,A,", "ETCH-01,B,").replace(",L77", ",L88").replace("2026-11-24", "2026-11-25")
        said, _ = self.replayed(self.write("more.csv", more))  # later runs are judged by the limits that are there
        self.assertEqual((None, 36, 0), (said["learned"], said["runs_judged"], said["without_strategy"]))

    def test_what_cannot_be_done_is_said(self):
        path = self.write("fine.csv", wide(lambda s, us: s))
        wrong = self.write("wrong.yaml", "run: Wafer\ntimes: {column: Time, unit: s}\n")
        absent = self.write("absent.yaml", "run: Wafers\ntime: {column: Time, unit: s}\n")
        cases = [
            ([path, "--map", wrong], USAGE, "wrong.yaml: line 2 column 1"),
            ([path, "--map", absent], USAGE, 'did you mean "Wafer"?'),
            ([path, "--map", f"{self.folder}/none.yaml"], NOT_FOUND, "none.yaml"),
            ([f"{self.folder}/none.csv"], NOT_FOUND, "none.csv"),
            ([self.folder], USAGE, "is a directory"),
            ([], USAGE, "FILE.csv is missing"),
            ([self.write("empty.csv", "")], 1, "empty"),
            ([self.write("utf16.csv", "a,b\n".encode("utf-16"))], 1, "UTF-16"),
            ([self.write("zip.csv", b"PK\x03\x04....")], 1, "spreadsheet"),
            ([self.write("texts.csv", "a,b\nx,y\n")], USAGE, "no column looks like a time"),
            (["/dev/stdin"], USAGE, "not a pipe"),
            ([path, "--server", "127.0.0.1:1"], UNAVAILABLE, "start `tfdc dev` there"),
        ]
        for args, status, text in cases:
            with self.subTest(text):
                done = subprocess.run([TFDC, "replay", *args], input="", capture_output=True, text=True, timeout=WAIT_S,
                                      check=False)
                self.assertEqual(status, done.returncode, done.stderr)
                self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
