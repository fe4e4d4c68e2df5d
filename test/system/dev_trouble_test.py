# SPDX-License-Identifier: Apache-2.0
"""A full disk, a store that cannot be had, SIGTERM at a bad moment: the process says what is wrong, loses nothing that was
acked, and goes on when it can."""
import fcntl
import json
import os
import random
import re
import resource
import select
import subprocess
import time
import unittest

import grpc

from dev_fab import BLOCKS, CHAMBERS, Fab
from dev_lab import POINTS, Dev, Hub, query, read_log, until


class Disk(Fab):
    def test_a_full_disk_delays_and_loses_nothing(self):
        dev = self.dev(**{"ingest.chunk_bytes": 4096})
        hub = self.hub(dev)
        before = resource.prlimit(dev.process.pid, resource.RLIMIT_FSIZE)
        size = max(os.path.getsize(p) for p in (self.data, self.data + "-wal"))
        resource.prlimit(dev.process.pid, resource.RLIMIT_FSIZE, (size + 65536, before[1]))
        noise = random.Random(1)
        runs = [self.run_of(chamber=c, noise=lambda: noise.gauss(0, 1)) for c in ("C1", "C2")]
        for _ in range(3):  # until one does not fit any more
            for run in runs:
                hub.give(run)
            status, text = until("the disk is full", alive=dev, look=lambda: self.not_ready_or_ended(dev, runs))
            if status == 503:
                break
            runs = [self.run_of(chamber=c, noise=lambda: noise.gauss(0, 1)) for c in ("C1", "C2")]
        self.assertEqual(503, status)
        self.assertIn("the disk is full", text)
        until("counted", lambda: dev.metric("tfdc_ingest_retries_total", **{"class": "io"}) > 0, alive=dev)
        self.assertGreater(dev.metric("tfdc_store_errors_total", **{"class": "io"}), 0)
        until("told", lambda: dev.metric("tfdc_ingest_paused", reason="store") == 1, alive=dev)
        self.assertEqual(200, dev.get("/health/live")[0])
        said = [r for r in dev.log() if r.get("module") == "collector" and r["level"] == "error"]
        self.assertIn("DISK_FULL", json.dumps(said))
        self.check_documented("DISK_FULL")
        resource.prlimit(dev.process.pid, resource.RLIMIT_FSIZE, before)
        self.assertTrue(hub.wait(lambda: all(r.ended for r in runs)))
        self.wait_quiet(dev)
        for run in runs:
            self.assertEqual("OK", self.verdict(run)["verdict"])
        self.check_goes_on(dev, hub)
        self.assertEqual(200, dev.get("/health/ready")[0])
        self.assertEqual(0, dev.stop())

    @staticmethod
    def not_ready_or_ended(dev, runs):
        answer = dev.get("/health/ready")
        return answer if answer[0] == 503 or all(r.ended for r in runs) else None

    def test_a_start_waits_for_a_full_disk_and_says_so(self):
        dev = Dev(self.data, before=["prlimit", "--fsize=32768"], **{"store.free_floor_mb": 0}, ready=False)
        self.addCleanup(lambda: dev.process.returncode is None and dev.kill())
        until("it says why", lambda: any(r.get("error") == "DISK_FULL" for r in dev.log()), alive=dev)
        self.assertEqual(0, dev.stop(), "it can be stopped while it waits")
        self.check_goes_on(self.dev())

    def test_a_stop_does_not_wait_for_a_full_disk(self):
        dev = self.dev()
        noise = random.Random(1)
        run = self.run_of(chamber="C1", noise=lambda: noise.gauss(0, 1))
        hub = self.hub(dev)
        hub.give(run, hold=1)
        until("taken", lambda: dev.metric("tfdc_ingest_points_total") == 2 * BLOCKS * POINTS, alive=dev)
        size = os.path.getsize(self.data + "-wal")
        resource.prlimit(dev.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        self.stop_refused(dev, "DISK_FULL")
        again = self.dev()
        hub = self.hub(again)
        hub.send_all([run])
        self.wait_quiet(again)
        self.assertEqual("OK", self.verdict(run)["verdict"])

    def stop_refused(self, dev, code):
        began = time.monotonic()
        self.assertEqual(0, dev.stop(), dev.log()[-3:])
        self.assertLess(time.monotonic() - began, 28)
        said = [r for r in dev.log() if "not stored" in r.get("msg", "")]
        self.assertEqual([code], [r["error"] for r in said], dev.log()[-5:])

    def free_mb(self):
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize // (1 << 20)

    def reserve(self, mb):
        """A file of so many MB that are not written, to be deleted later."""
        with open("/proc/mounts", encoding="utf-8") as f:
            mounts = [line.split()[1:3] for line in f]
        kind = max((m for m in mounts if (self.folder + "/").startswith(m[0].rstrip("/") + "/")), key=lambda m: len(m[0]))
        if kind[1] == "tmpfs" or mb > 500_000:
            self.skipTest(f"a file of {mb} MB cannot be reserved on {kind[1]}")
        path = os.path.join(self.folder, "ballast")
        if subprocess.run(["fallocate", "-l", f"{mb}MiB", path], capture_output=True, check=False).returncode != 0:
            self.skipTest(f"{kind[1]} reserves no space")
        return path

    def test_at_the_free_disk_floor_ingest_waits_until_space_returns(self):
        free_mb = self.free_mb()
        ballast = self.reserve(free_mb // 2)
        dev = self.dev(**{"store.free_floor_mb": free_mb * 5 // 8})  # an eighth above it ingest goes on
        hub = self.hub(dev)
        run = self.run_of(chamber="C1")
        hub.give(run)
        self.check_waits_at_floor(dev, run)
        os.unlink(ballast)
        self.assertTrue(hub.wait(lambda: run.ended))
        self.wait_quiet(dev)
        self.assertEqual("OK", self.verdict(run)["verdict"])
        until("ready again", lambda: dev.get("/health/ready") == (200, "ok\n"), alive=dev)
        until("the metric too", lambda: dev.metric("tfdc_ingest_paused") == 0, alive=dev)
        until("it says so", lambda: any("above the floor again" in r.get("msg", "") for r in dev.log()), alive=dev)
        self.check_goes_on(dev, hub)

    def check_waits_at_floor(self, dev, run):
        until("not ready", lambda: "store.free_floor_mb" in dev.get("/health/ready")[1], alive=dev)
        until("a run waits", lambda: dev.metric("tfdc_ingest_retries_total", **{"class": "busy"}) > 0, alive=dev)
        self.assertEqual(503, dev.get("/health/ready")[0])
        until("it says so", lambda: any("store.free_floor_mb" in r.get("msg", "") for r in dev.log()), alive=dev)
        self.assertEqual(1, dev.metric("tfdc_ingest_paused", reason="disk_floor"))
        self.assertTrue(json.loads(dev.get("/api/v1/status")[1])["below_floor"])
        self.assertEqual((False, 0, []), (run.known, run.acked, run.rejects))
        self.check_documented("DISK_FLOOR")

    def test_at_the_free_disk_floor_it_starts_and_stops(self):
        dev = self.dev(**{"store.free_floor_mb": self.free_mb() + (1 << 16)})
        run = self.run_of(chamber="C1")
        self.hub(dev).give(run)
        self.check_waits_at_floor(dev, run)
        self.stop_refused(dev, "DISK_FLOOR")
        lower = self.dev()
        self.hub(lower).send_all([run])
        self.wait_quiet(lower)
        self.assertEqual("OK", self.verdict(run)["verdict"])


class Start(Fab):
    """What a start cannot have ends it with a text that names it; what runs already is not disturbed."""

    def refused(self, data, **settings):
        with Dev(data, **settings) as dev:
            self.assertIsNone(dev.ready)
            self.assertIn(dev.wait(), range(1, 64))
            return "\n".join(r.get("text", "") for r in dev.log())

    def test_a_file_that_another_process_serves(self):
        dev = self.dev()
        text = self.refused(self.data)
        self.assertIn(f"in use by process {dev.process.pid}", text)
        self.check_goes_on(dev)

    def test_a_start_waits_for_who_holds_the_file_and_says_so(self):
        with open(self.data + "-writer", "r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            for again in (False, True):
                dev = Dev(self.data, ready=False, **{"store.free_floor_mb": 0})
                self.addCleanup(lambda d=dev: d.process.returncode is None and d.kill())
                until("it says why", alive=dev, look=lambda: len(
                    [r for r in dev.log() if r.get("error") == "TIMEOUT" and "another process" in json.dumps(r)]) > again)
                if not again:
                    self.assertEqual(0, dev.stop(), "it can be stopped while it waits")
        until("it goes on", lambda: select.select([dev.process.stdout], [], [], 0)[0], alive=dev)
        self.assertTrue(json.loads(dev.process.stdout.readline())["ready"])
        self.assertEqual(0, dev.stop())
        self.check_goes_on(self.dev())

    def test_an_address_that_is_in_use(self):
        dev = self.dev()
        for key in ("ingest.listen", "http.listen"):
            with self.subTest(key=key):
                text = self.refused(os.path.join(self.folder, "other.db"), **{key: dev.address})
                self.assertIn(f"cannot listen {'on' if key[0] == 'i' else 'at'} {dev.address}", text)
        self.check_goes_on(dev)

    def test_a_folder_where_the_file_should_be(self):
        folder = os.path.join(self.folder, "data")
        os.mkdir(folder)
        self.assertRegex(self.refused(folder), f"{folder}: .*Is a directory")


class Stop(Fab):
    """SIGTERM at a bad moment: exit code 0 within 28 s, and nothing is lost."""

    def stop(self, dev):
        began = time.monotonic()
        self.assertEqual(0, dev.stop(), dev.log()[-3:])
        self.assertLess(time.monotonic() - began, 28)

    def test_while_runs_are_open(self):
        dev = self.dev()
        runs = [self.run_of(chamber=c) for c in ("C1", "C2")]
        with Hub(dev.address, CHAMBERS) as hub:
            for run in runs:
                hub.give(run, hold=2)
            points = 2 * 2 * BLOCKS * POINTS
            until("all taken", lambda: dev.metric("tfdc_ingest_points_total") == points, alive=dev)
            self.stop(dev)
            self.assertTrue(hub.wait(lambda: hub.over))
            self.assertEqual(grpc.StatusCode.UNAVAILABLE, hub.code)
        for run in runs:
            self.assertEqual(max(run.block_seqs), run.acked, "everything was stored and acked before the end")
        again = self.dev()
        self.hub(again).send_all(runs)
        self.wait_quiet(again)
        for run in runs:
            self.assertEqual("OK", self.verdict(run)["verdict"])

    def test_while_a_run_is_judged(self):
        for op in ("store.CHUNK_GET", "store.U_PUT", "store.ALARM_PUT", "alarm.PUBLISH", "store.VERDICT_PUT",
                   "workqueue.ACK"):
            with self.subTest(op=op):
                dev = Dev(self.data, faults=f"{op}:delay=1500000:1", **{"store.free_floor_mb": 0})
                run, after = self.run_of(chamber="C1", bad=True), self.run_of(chamber="C1", recipe="PART")
                with dev, Hub(dev.address, CHAMBERS) as hub:
                    hub.send_all([run])
                    hub.send_all([after])  # waits behind it
                    self.stop(dev)
                self.assertIn('"clean": true', json.dumps(dev.log()))
                again = self.dev()
                self.wait_quiet(again)
                self.assertEqual("OOC", self.verdict(run)["verdict"])
                self.assertEqual("OK", self.verdict(after)["verdict"])
                self.assertEqual(0, again.stop())
        alarms = [json.loads(t) for (t,) in query(self.data, "SELECT row FROM alarms WHERE recipe = 'FULL'")]
        told = {r["alarm_id"] for r in read_log(self.data + ".log") if r.get("module") == "alarm"}
        self.assertGreater(len(alarms), 0)
        self.assertTrue({a["alarm_id"] for a in alarms} <= told)

    def test_right_after_the_start(self):
        for _ in range(5):
            self.stop(self.dev())
        self.assertEqual([], [r for r in read_log(self.data + ".log") if re.search("not finished", r.get("msg", ""))])


if __name__ == "__main__":
    unittest.main(verbosity=2)
