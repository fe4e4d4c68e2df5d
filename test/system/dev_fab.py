# SPDX-License-Identifier: Apache-2.0
"""One file, one `tfdc dev` at a time, two chambers, and the check that a good run is still judged."""
import json
import os
import shutil
import tempfile
import unittest

from dev_lab import (SOURCE, Dev, Hub, Run, any_run_strategy, complete_run_strategy, is_quiet, now_us, put_strategies,
                     query, until)

CHAMBERS = [("T1", "C1"), ("T1", "C2")]
BLOCKS = 8


class Fab(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tfdc-bad-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = os.path.join(self.folder, "fab.db")
        with Dev(self.data) as dev:
            self.assertEqual(0, dev.stop())
        put_strategies(self.data, complete_run_strategy(), any_run_strategy())
        self.n = 0

    def dev(self, **settings):
        dev = Dev(self.data, **{"store.free_floor_mb": 0, **settings})
        self.addCleanup(lambda: dev.process.returncode is None and dev.kill())
        self.assertIsNotNone(dev.ready, dev.log())
        return dev

    def hub(self, dev):
        hub = Hub(dev.address, CHAMBERS)
        self.addCleanup(hub.close)
        return hub

    def run_of(self, chamber="C2", recipe="FULL", **more):
        self.n += 1
        return Run("T1", chamber, f"run-{self.n}", now_us() - 60_000_000 + self.n, recipe, **more)

    def wait_quiet(self, dev, open_too=True):
        until("all judged", lambda: is_quiet(self.data, open_too), alive=dev)

    def verdict(self, run):
        rows = query(self.data, "SELECT row FROM verdicts WHERE current = 1 AND wafer = ?", run.run_id)
        self.assertEqual(1, len(rows), f"verdicts of {run.run_id}")
        return json.loads(rows[0][0])

    def check_goes_on(self, dev, hub=None):
        """A good run is judged OK."""
        run = self.run_of()
        (hub or self.hub(dev)).send_all([run])
        self.wait_quiet(dev)
        self.assertEqual("OK", self.verdict(run)["verdict"])
        self.assertEqual("ok", query(self.data, "PRAGMA integrity_check")[0][0])

    def check_documented(self, code):
        with open(f"{SOURCE}/docs/errors.md", encoding="utf-8") as f:
            self.assertIn(f"| `{code}` |", f.read())
