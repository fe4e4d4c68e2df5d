# SPDX-License-Identifier: Apache-2.0
"""`tfdc report` of a small fab with one planted fault and hostile names: what the page holds, and how it looks in a browser."""
import html.parser
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest
import zlib

from dev_lab import TFDC, Dev, Hub, Run, now_us, until

BAD, RUNS = 33, 36
RECIPE = "</title><script>alert(1)</script>'\"&"
VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    """Tags in order, their attributes, the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.wrong, self.text = [], [], [], []
        self.feed(text)
        self.close()
        self.wrong += [f"<{t}> is never closed" for t in self.open]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def count(self, tag, **attrs):
        return sum(t == tag and all(a.get(k.strip("_")) == v for k, v in attrs.items()) for t, a in self.tags)


def colours_of_png(path):
    """The colours of a picture of 8 bits without interlacing: enough for a screenshot."""
    with open(path, "rb") as f:
        data = f.read()
    at, header, packed = 8, None, b""
    while at < len(data):
        n, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        header = data[at + 8:at + 8 + n] if kind == b"IHDR" else header
        packed += data[at + 8:at + 8 + n] if kind == b"IDAT" else b""
        at += n + 12
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    size, raw, colours = {2: 3, 6: 4}[header[9]], zlib.decompress(packed), set()
    row, before = 1 + width * size, bytearray(width * size)
    for y in range(height):
        kind, line = raw[y * row], bytearray(raw[y * row + 1:(y + 1) * row])
        for x, value in enumerate(line):
            left = line[x - size] if x >= size else 0
            up, corner = before[x], before[x - size] if x >= size else 0
            paeth = min((abs(up - corner), 0, left), (abs(left - corner), 1, up),
                        (abs(left + up - 2 * corner), 2, corner))[2]
            line[x] = value + (0, left, up, (left + up) // 2, paeth)[kind] & 255
        colours.update(zip(line[0::size], line[1::size], line[2::size]))
        before = line
    return colours


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tfdc-report-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data, cls.path = f"{cls.folder}/fab.db", f"{cls.folder}/report.html"
        with Dev(cls.data) as dev:
            cls.fill(dev)
            cls.server = f"http://127.0.0.1:{dev.ready['http_port']}"
            cls.summary = json.loads(cls.report("--server", cls.server, "--out", cls.path, "--json").stdout)
            assert dev.stop() == 0
        with open(cls.path, encoding="utf-8") as f:
            cls.text = f.read()
        cls.page = Page(cls.text)

    @classmethod
    def fill(cls, dev):
        draw, begin_us = random.Random(1), now_us() - 3_600_000_000
        runs = [Run("T1", "C1", f"<b>run {i}", begin_us + i * 60_000_000, RECIPE, blocks=3,
                    noise=lambda: round(draw.gauss(0, 0.5), 2),
                    value=round(50 + draw.gauss(0, 0.2), 2) + (5 if i == BAD else 0)) for i in range(RUNS)]
        with Hub(dev.address, [("T1", "C1")], historical=True) as hub:
            hub.send_all(runs)
        until("all judged", lambda: all(r["verdict"] for r in dev.json("/api/v1/runs")["runs"]), alive=dev)
        job = dev.json("/api/v1/learn?rejudge=1", b"")["job"]
        until("learning", lambda: dev.json(f"/api/v1/jobs/{job}")["state"] != "running", alive=dev)
        until("judged again", lambda: all(r["verdict"]["judgement"] >= 2 for r in dev.json("/api/v1/runs")["runs"]),
              alive=dev)

    @staticmethod
    def report(*args):
        return subprocess.run([TFDC, "report", *args], capture_output=True, text=True, timeout=120, check=False)

    def test_the_page_is_whole_and_needs_nothing_else(self):
        self.assertEqual([], self.page.wrong)
        self.assertTrue(self.text.startswith("<!DOCTYPE html>"))
        for tag, attrs in self.page.tags:
            self.assertNotIn(tag, ("link", "img", "iframe", "object", "embed", "base"))
            for name, value in attrs.items():
                self.assertFalse(name.startswith("on"), (tag, name))
                if name in ("href", "src", "action", "data"):
                    self.assertTrue(value.startswith("#"), (tag, name, value))
        self.assertEqual([], [u for u in re.findall(r"url\(([^)]*)\)", self.text) if not u.startswith("#")])
        self.assertNotIn("@import", self.text)
        self.assertEqual([], re.findall(r"https?://(?!127\.0\.0\.1:\d+\b)[^\s<]*", self.text))
        ids = [a["id"] for _, a in self.page.tags if "id" in a]
        self.assertEqual(len(ids), len(set(ids)))
        targets = {a["href"][1:] for t, a in self.page.tags if t in ("a", "use")}
        self.assertEqual(set(), targets - set(ids))
        self.assertEqual(os.path.getsize(self.path), self.summary["bytes"])

    def test_it_holds_the_alarm_with_its_chart_and_traces(self):
        self.assertEqual((RUNS, 1), (self.summary["runs"], self.summary["alarms"]))
        self.assertEqual(RUNS - 1, self.summary["verdicts"]["OK"])
        self.assertEqual(1, self.page.count("article", id="alarm-1"))
        figures = [a["class"] for t, a in self.page.tags if t == "figure"]
        self.assertEqual((self.summary["charts"], self.summary["traces"]),
                         (figures.count("chart u"), figures.count("chart t")))
        self.assertGreaterEqual(figures.count("chart t"), 1)
        self.assertGreaterEqual(self.page.count("path", class_="limit"), 2)
        text = " ".join(self.page.text)
        for words in ("UCL ", "LCL ", "centre ", "8 good runs", "above UCL", "T1:C1", f"wafer <b>run {BAD} (alarmed run)"):
            self.assertIn(words, text)
        self.assertEqual(len(figures), self.page.count("svg", role="img") - 1)  # and the strip of the chamber
        self.assertEqual(len(figures), self.page.count("desc"))

    def test_names_from_outside_are_text(self):
        self.assertEqual(1, self.page.count("script"))
        self.assertGreater(" ".join(self.page.text).count(RECIPE), 2)
        self.assertEqual(0, sum(not a and t == "b" for t, a in self.page.tags) - len(re.findall("<b>", self.text)))
        self.assertNotIn("<b>run", self.text)

    def test_the_file_alone_gives_the_same(self):
        path = f"{self.folder}/file.html"
        again = self.report("--data", self.data, "--http.listen", "127.0.0.1:0", "--out", path, "--json")
        self.assertEqual(0, again.returncode, again.stderr)
        mine = json.loads(again.stdout)
        same = set(mine) - {"path", "bytes"}
        self.assertEqual({k: self.summary[k] for k in same}, {k: mine[k] for k in same})

    def test_filters_choose_and_nothing_is_said_to_be_nothing(self):
        for option, value in (("--chamber", "T2:*"), ("--recipe", "other"), ("--to", "2001-01-01")):
            path = f"{self.folder}/none.html"
            done = self.report("--data", self.data, "--http.listen", "127.0.0.1:0", "--out", path, option, value)
            self.assertEqual(0, done.returncode, done.stderr)
            with open(path, encoding="utf-8") as f:
                self.assertIn("No run fits this selection.", f.read())

    def test_a_file_that_cannot_be_written_leaves_the_old_one(self):
        local = ("--data", self.data, "--http.listen", "127.0.0.1:0")
        failed = self.report(*local, "--out", f"{self.folder}/no/such/report.html")
        self.assertEqual(1, failed.returncode)
        self.assertIn("no/such/report.html", failed.stderr)
        failed = self.report("--data", f"{self.folder}/none.db", "--http.listen", "127.0.0.1:0", "--out", self.path)
        self.assertEqual(3, failed.returncode)
        with open(self.path, encoding="utf-8") as f:
            self.assertEqual(self.text, f.read())

    def test_a_browser_draws_it_and_its_script_runs(self):
        browser = shutil.which("chromium")
        if browser is None:
            self.assertNotEqual("true", os.environ.get("CI"), "no chromium: tools/setup.sh test installs it")
            self.skipTest("no chromium")
        picture = f"{self.folder}/report.png"
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=0.5",
             "--enable-logging=stderr",
             f"--user-data-dir={self.folder}/browser", "--window-size=700,1500", f"--screenshot={picture}",
             f"file://{self.path}"], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual([], [line for line in done.stderr.splitlines() if "CONSOLE" in line])
        colours = colours_of_png(picture)
        for colour in ((0, 114, 178), (194, 65, 12), (251, 227, 214)):  # OK, out of control, the alarm's shade
            self.assertIn(colour, colours)


if __name__ == "__main__":
    unittest.main()
