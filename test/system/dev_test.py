# SPDX-License-Identifier: Apache-2.0
"""`tfdc dev` as people start it: ready, runs through the ingest API, the answers over HTTP, an orderly end."""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

from dev_lab import SOURCE, Dev, Hub, Run, now_us, until


class DevTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tfdc-dev-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = f"{self.folder}/fab.db"

    def dev(self, data=None, **settings):
        dev = Dev(data or self.data, **settings)
        self.addCleanup(dev.__exit__)
        return dev

    def log_of(self, dev):
        with open(dev.log_path, encoding="utf-8") as f:
            return f.read()

    def send_a_run(self, dev):
        subprocess.run(["protoc", f"-I{SOURCE}/api", f"--python_out={self.folder}", f"{SOURCE}/api/ingest.proto"],
                       check=True)
        hub = subprocess.run([sys.executable, f"{SOURCE}/examples/hub.py", dev.address],
                             env={**os.environ, "PYTHONPATH": self.folder}, timeout=120, capture_output=True, text=True,
                             check=False)
        self.assertEqual(0, hub.returncode, hub.stderr)

    def judged_runs(self, dev, judgement=1):
        runs = dev.json("/api/v1/runs")["runs"]
        return runs if runs and all(r["verdict"] and r["verdict"]["judgement"] >= judgement for r in runs) else None

    def test_a_run_is_judged_and_the_process_ends_in_order(self):
        dev = self.dev()
        self.assertEqual((200, "ok\n"), dev.http("/health/ready"))
        self.send_a_run(dev)
        runs = until("a verdict", lambda: self.judged_runs(dev), alive=dev)
        self.assertEqual((1, "CLOSED", True), (len(runs), runs[0]["context"]["state"], runs[0]["context"]["published"]))
        self.assertIn("tfdc_ingest_points_total 600\n", dev.http("/metrics")[1])
        self.assertEqual(0, dev.stop())
        self.assertIn('"clean":true', self.log_of(dev))
        again = self.dev()
        self.assertEqual(runs, again.json("/api/v1/runs")["runs"])
        self.assertEqual(0, again.stop())

    def test_limits_learned_from_good_runs_find_the_bad_one(self):
        dev = self.dev()
        draw, begin_us = random.Random(1), now_us() - 3_600_000_000
        bad = 33
        runs = [Run("T1", "C1", f"run-{i}", begin_us + i * 60_000_000, "R", noise=lambda: round(draw.gauss(0, 0.5), 2),
                    value=round(50 + draw.gauss(0, 0.2), 2) + (5 if i == bad else 0)) for i in range(36)]
        with Hub(dev.address, [("T1", "C1")], historical=True) as hub:
            hub.send_all(runs)
        until("all judged", lambda: self.judged_runs(dev), alive=dev)
        job = dev.json("/api/v1/learn?rejudge=1", b"")["job"]
        until("learning", lambda: dev.json(f"/api/v1/jobs/{job}")["state"] != "running", alive=dev)
        over = dev.json(f"/api/v1/jobs/{job}")
        self.assertEqual(("done", 36), (over["state"], over["result"]["rejudged"]), over)
        judged = until("all judged again", lambda: self.judged_runs(dev, 2), alive=dev)
        found = {r["context"]["run_id"]: r["verdict"] for r in judged}
        self.assertIn(found[f"run-{bad}"]["verdict"], ("OOC", "ACTION"))
        others = [v for run, v in found.items() if run != f"run-{bad}"]
        self.assertEqual({("OK", False)}, {(v["verdict"], v["late"]) for v in others})
        self.assertEqual([found[f"run-{bad}"]["context_id"]],
                         [a["last_context"] for a in dev.json("/api/v1/alarms")["alarms"]])
        self.assertEqual(0, dev.stop())

    def test_a_second_process_on_the_file_is_refused(self):
        dev = self.dev()
        other = self.dev()
        self.assertIsNone(other.ready)
        self.assertEqual(1, other.wait())
        self.assertIn(str(dev.process.pid), self.log_of(other))
        self.assertEqual(200, dev.http("/health/live")[0])

    def test_a_port_in_use_is_named_and_the_file_is_free_again(self):
        first = self.dev()
        port = first.ready["http_port"]
        other = self.dev(f"{self.folder}/other.db", **{"http.listen": f"127.0.0.1:{port}"})
        self.assertNotEqual(0, other.wait())
        self.assertIn(str(port), self.log_of(other))
        third = self.dev(f"{self.folder}/other.db")
        self.assertIsNotNone(third.ready)


if __name__ == "__main__":
    unittest.main()
