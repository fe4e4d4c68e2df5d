# SPDX-License-Identifier: Apache-2.0
"""`tfdc sim`: a small fab through `tfdc dev`: learned, its faults found; the same seed gives the same bytes."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from dev_lab import TFDC, WAIT_S, Dev, until

SMALL = ["--tools", "1", "--chambers", "2", "--svids", "12", "--run-seconds", "30", "--faults", "8", "--size", "9-15"]


class Sim(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tfdc-sim-")
        self.addCleanup(shutil.rmtree, self.folder)

    def dev(self, name="fab.db"):
        dev = Dev(f"{self.folder}/{name}")
        self.addCleanup(dev.__exit__)
        return dev

    def run_tfdc(self, *args, code=0):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TFDC_")}
        done = subprocess.run([TFDC, *args], capture_output=True, text=True, env=env, timeout=2 * WAIT_S, check=False)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def sim(self, dev, *args):
        return json.loads(self.run_tfdc("sim", "--json", "--hub", dev.address, *SMALL, *args))

    def server(self, dev):
        return ["--server", f"http://127.0.0.1:{dev.ready['http_port']}"]

    def read(self, name):
        with open(f"{self.folder}/{name}", encoding="utf-8") as f:
            return f.read()

    def checksums(self, dev):
        """Of the stored chunks of the newest runs, by the hub's run id."""
        found = {}
        for run in dev.json("/api/v1/runs?newest=1&limit=10")["runs"]:
            context = run["context"]
            detail = dev.json(f"/api/v1/runs/{context['context_id']}")
            found[context["run_id"]] = [c["checksum"] for c in detail["chunks"]]
        return found

    def test_faults_are_found_and_normal_runs_do_not_alarm(self):
        dev, truth = self.dev(), f"{self.folder}/truth.json"
        learning = self.sim(dev, "--phase", "learn")
        self.assertEqual((100, 0), (learning["runs"], learning["rejects"]))
        self.run_tfdc("learn", *self.server(dev), "--no-rejudge", "--json")
        self.sim(dev, "--phase", "after", "--truth", truth)
        score = json.loads(self.run_tfdc("sim", "--score", truth, *self.server(dev), "--json", "--max-false", "0.05"))
        self.assertEqual((True, 8, 8), (score["passed"], score["found"], score["planted"]), score)
        self.assertGreater(score["normal_judged"], 50)
        self.assertLess(score["bytes_per_point"], 3)
        self.assertEqual({"p50", "p95", "p99"}, set(score["latency_ms"]))
        self.assertEqual(0, min(f["alarmed_runs"] == 0 for f in score["faults"]))
        said = self.run_tfdc("sim", "--score", truth, *self.server(dev), "--max-false", "0.05")
        self.assertIn("8 of 8 planted", said)
        self.assertIn("lost step", said)
        # The scorer says no where a fault was not found: here, of runs that nobody planted.
        other = json.loads(self.read("truth.json"))
        fault = next(f for f in other["faults"] if f["kind"] == "offset")
        faulty = {r for f in other["faults"] for r in f["runs"]}
        fault["runs"] = [next(r["run_id"] for r in other["runs"] if not r["learning"] and r["run_id"] not in faulty
                              and (r["tool"], r["chamber"]) == (fault["tool"], fault["chamber"]))]
        with open(f"{self.folder}/other.json", "w", encoding="utf-8") as f:
            json.dump(other, f)
        said = self.run_tfdc("sim", "--score", f"{self.folder}/other.json", *self.server(dev), code=1)
        self.assertIn("missed: offset", said)
        self.assertIn("FAILED", said)

    def test_the_same_seed_gives_the_same_truth_and_the_same_bytes(self):
        few = ["--runs", "60", "--learn-runs", "10", "--faults", "4"]
        first, second = self.dev("a.db"), self.dev("b.db")
        a = self.sim(first, *few, "--seed", "5", "--truth", f"{self.folder}/a.json")
        b = self.sim(second, *few, "--seed", "5", "--truth", f"{self.folder}/b.json", "--threads", "1")
        self.assertEqual((120, a["digest"], a["points"]), (b["runs"], b["digest"], b["points"]))
        self.assertEqual(self.read("a.json"), self.read("b.json"))
        until("all judged", lambda: first.json("/api/v1/status")["unjudged"] == 0, alive=first)
        self.assertEqual(10, len(self.checksums(first)))
        self.assertEqual(self.checksums(first), self.checksums(second))
        again = self.sim(first, *few, "--seed", "5")  # all of it is there already
        self.assertEqual((120, a["digest"]), (again["runs"], again["digest"]))
        self.assertEqual(120, first.json("/api/v1/status")["store"]["contexts"])
        other = self.sim(self.dev("c.db"), *few, "--seed", "6", "--truth", f"{self.folder}/c.json")
        self.assertNotEqual(a["digest"], other["digest"])
        self.assertNotEqual(self.read("a.json"), self.read("c.json"))

    def test_a_live_fab_stops_in_order(self):
        dev = self.dev()
        sim = subprocess.Popen([TFDC, "sim", "--json", "--hub", dev.address, *SMALL, "--speed", "1"],
                               stdout=subprocess.PIPE, text=True)
        try:
            until("a run", lambda: dev.json("/api/v1/status")["store"]["open_contexts"] > 0, alive=sim)
            sim.send_signal(signal.SIGINT)
            said = json.loads(sim.communicate(timeout=WAIT_S)[0])
        finally:
            if sim.poll() is None:
                sim.kill()
                sim.communicate()
        self.assertEqual((0, True), (sim.returncode, said["stopped"]))
        runs = dev.json("/api/v1/runs")["runs"]
        self.assertEqual([("abort", "CLOSED")] * said["runs"],
                         [(r["context"]["end_reason"], r["context"]["state"]) for r in runs])
        self.assertFalse(any(r["context"].get("historical") for r in runs))

    def test_what_cannot_be_is_told(self):
        self.run_tfdc("sim", "--svids", "1", code=2)
        self.run_tfdc("sim", "--speed", "fast", code=2)
        self.run_tfdc("sim", "--phase", "later", code=2)
        self.run_tfdc("sim", "--faults", "100000", code=2)
        self.run_tfdc("sim", *SMALL, "--hub", "127.0.0.1:1", "--patience", "0.2", code=3)
        with open(f"{self.folder}/no.json", "w", encoding="utf-8") as f:
            f.write('{"v": 1}')
        dev = self.dev()
        self.run_tfdc("sim", "--score", f"{self.folder}/no.json", *self.server(dev), code=1)


if __name__ == "__main__":
    unittest.main()
