# SPDX-License-Identifier: Apache-2.0
"""`tfdc dev` as people start it: ready, a run through the ingest API, the answer over HTTP, an orderly end."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

SOURCE, TFDC = os.environ["TFDC_SOURCE_DIR"], os.environ["TFDC_PROGRAM"]


class Dev:
    """A process on its own folder and free ports."""

    def __init__(self, data, *args):
        self.process = subprocess.Popen([TFDC, "dev", "--json", "--data", data, "--ingest.listen", "127.0.0.1:0",
                                         "--http.listen", "127.0.0.1:0", *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.ready = json.loads(line) if line else None

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ready['http_port']}{path}", timeout=30) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=60)
        return self.process.returncode, log

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class DevTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tfdc-dev-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = f"{self.folder}/fab.db"

    def dev(self, *args):
        dev = Dev(self.data, *args)
        self.addCleanup(dev.kill)
        return dev

    def send_a_run(self, dev):
        subprocess.run(["protoc", f"-I{SOURCE}/api", f"--python_out={self.folder}", f"{SOURCE}/api/ingest.proto"],
                       check=True)
        hub = subprocess.run([sys.executable, f"{SOURCE}/examples/hub.py", f"127.0.0.1:{dev.ready['ingest_port']}"],
                             env={**os.environ, "PYTHONPATH": self.folder}, timeout=120, capture_output=True, text=True,
                             check=False)
        self.assertEqual(0, hub.returncode, hub.stderr)

    def wait_for_verdict(self, dev):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            runs = json.loads(dev.get("/api/v1/runs")[1])["runs"]
            if runs and runs[0]["verdict"] is not None:
                return runs
        self.fail("no verdict")

    def test_a_run_is_judged_and_the_process_ends_in_order(self):
        dev = self.dev()
        self.assertEqual((200, "ok\n"), dev.get("/health/ready"))
        self.send_a_run(dev)
        runs = self.wait_for_verdict(dev)
        self.assertEqual((1, "CLOSED", True), (len(runs), runs[0]["context"]["state"], runs[0]["context"]["published"]))
        self.assertIn("tfdc_ingest_points_total 600\n", dev.get("/metrics")[1])
        status, log = dev.stop()
        self.assertEqual(0, status, log)
        self.assertIn('"clean":true', log)
        again = self.dev()
        self.assertEqual(runs, json.loads(again.get("/api/v1/runs")[1])["runs"])
        self.assertEqual(0, again.stop()[0])

    def test_a_second_process_on_the_file_is_refused(self):
        dev = self.dev()
        other = self.dev()
        _, log = other.process.communicate(timeout=60)
        self.assertIsNone(other.ready)
        self.assertEqual(1, other.process.returncode)
        self.assertIn(str(dev.process.pid), log)
        self.assertEqual(200, dev.get("/health/live")[0])

    def test_a_port_in_use_is_named_and_the_file_is_free_again(self):
        first = self.dev()
        other = Dev(f"{self.folder}/other.db", "--http.listen", f"127.0.0.1:{first.ready['http_port']}")
        self.addCleanup(other.kill)
        _, log = other.process.communicate(timeout=60)
        self.assertNotEqual(0, other.process.returncode)
        self.assertIn(str(first.ready["http_port"]), log)
        third = Dev(f"{self.folder}/other.db")
        self.addCleanup(third.kill)
        self.assertIsNotNone(third.ready)


if __name__ == "__main__":
    unittest.main()
