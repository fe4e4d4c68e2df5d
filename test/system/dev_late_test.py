# SPDX-License-Identifier: Apache-2.0
"""Samples and context that come after a run's end, also while the run is being judged: the last revision is judged,
one verdict is current, and an alarm of an earlier revision is taken back."""
import json
import os
import shutil
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from dev_lab import (POINTS, Dev, Hub, Run, chart, is_quiet, now_us, pb, put_strategies, query, read_log, strategy,
                     until)

BLOCKS = 4
DELAY_US = 2_500_000  # longer than it takes to close a re-opened run
# Calls of the judgement of the first revision that are answered late, so that the second is closed meanwhile.
STEPS = {"J1": "store.CONTEXT_GET", "J2": "store.CHUNK_GET", "J3": "store.U_PREV", "J5": "store.U_PUT",
         "J6 stored": "store.ALARM_PUT", "J6 published": "alarm.PUBLISH", "J7": "store.VERDICT_PUT",
         "J8": "workqueue.ACK"}


def samples_between(lowest, highest):
    """Alarms unless the run has so many samples of each SVID."""
    return strategy("whole", "*", [chart("n", "count(press)", lowest - 0.5, highest + 0.5)])


class Fab:
    """One file, one hub, one chamber."""

    def __init__(self, wanted, faults=None, **settings):
        self.folder = tempfile.mkdtemp(prefix="tfdc-late-")
        self.data = os.path.join(self.folder, "fab.db")
        with Dev(self.data) as dev:
            assert dev.stop() == 0
        put_strategies(self.data, samples_between(*wanted))
        self.dev = Dev(self.data, faults=faults, **{"store.free_floor_mb": 0, **settings})
        self.hub = Hub(self.dev.address, [("T1", "C1")])
        self.n = 0

    def run(self, **more):
        self.n += 1
        return Run("T1", "C1", f"run-{self.n}", now_us() - 60_000_000, "R", blocks=BLOCKS, room=3, **more)

    def send(self, run):
        self.hub.give(run)
        self.wait_end(run)

    def wait_end(self, run):
        assert self.hub.wait(lambda: run.ended), f"{self.hub.code} {self.hub.details}"

    def wait_judged(self, revision):
        until(f"revision {revision} judged", alive=self.dev, look=lambda: is_quiet(self.data, open_too=True) and query(
            self.data, "SELECT 1 FROM verdicts WHERE revision = ?", revision))

    def verdicts(self):
        return [(r[0], r[1], json.loads(r[2])) for r in query(
            self.data, "SELECT revision, current, row FROM verdicts ORDER BY revision")]

    def alarms(self):
        return [json.loads(t) for (t,) in query(self.data, "SELECT row FROM alarms")]

    def published(self):
        return [(r["state"], r["reason"], r["update"]) for r in read_log(self.data + ".log")
                if r.get("module") == "alarm"]

    def close(self):
        self.hub.close()
        code = self.dev.stop()
        shutil.rmtree(self.folder)
        return code


class Late(unittest.TestCase):
    def fab(self, *args, **kwargs):
        fab = Fab(*args, **kwargs)
        self.addCleanup(lambda: self.assertEqual(0, fab.close()))
        return fab

    def late_while_judging(self, op):
        """One sample block is missing at the first close: an alarm; the late block makes the run whole."""
        whole = (BLOCKS + 1) * POINTS
        fab = Fab((whole, whole), faults=f"{op}:delay={DELAY_US}:1")
        run = fab.run()
        fab.send(run)
        run.add_late_block()
        fab.hub.more(run)
        fab.wait_end(run)
        fab.wait_judged(2)
        return fab

    def check_taken_back(self, step, fab):
        verdicts = fab.verdicts()
        self.assertEqual([(2, "OK")], [(r, v["verdict"]) for r, current, v in verdicts if current], (step, verdicts))
        self.assertEqual(["OOC"], [v["verdict"] for r, _, v in verdicts if r == 1] or ["OOC"], step)
        self.assertEqual([("CLEARED", "REVISED")], [(a["state"], a["reason"]) for a in fab.alarms()], step)
        states = fab.published()
        self.assertEqual(("CLEARED", "REVISED"), states[-1][:2], (step, states))
        self.assertEqual(("OPEN", "OOC"), states[0][:2], (step, states))
        self.assertEqual(sorted(s[2] for s in states), [s[2] for s in states], "updates of an alarm rise")
        records = query(fab.data, "SELECT revision, count(*) FROM u_records GROUP BY revision ORDER BY revision")
        self.assertEqual([(1, 1), (2, 1)], records, step)

    def test_samples_that_come_while_the_run_is_judged(self):
        with ThreadPoolExecutor(len(STEPS)) as pool:
            for step, fab in zip(STEPS, list(pool.map(self.late_while_judging, STEPS.values()))):
                with self.subTest(step=step):
                    self.check_taken_back(step, fab)
                self.assertEqual(0, fab.close())

    def test_samples_that_come_after_the_verdict(self):
        whole = (BLOCKS + 1) * POINTS
        fab = self.fab((whole, whole))
        run = fab.run()
        fab.send(run)
        fab.wait_judged(1)
        self.assertEqual(["OPEN"], [a["state"] for a in fab.alarms()])
        run.add_late_block()
        fab.hub.more(run)
        fab.wait_end(run)
        fab.wait_judged(2)
        self.check_taken_back("after", fab)
        self.assertEqual(1, fab.dev.metric("tfdc_runs_reopened_total"))

    def test_late_samples_that_make_a_good_run_bad_open_an_alarm(self):
        fab = self.fab((1, BLOCKS * POINTS))
        run = fab.run()
        fab.send(run)
        fab.wait_judged(1)
        self.assertEqual([], fab.alarms())
        run.add_late_block()
        fab.hub.more(run)
        fab.wait_end(run)
        fab.wait_judged(2)
        self.assertEqual([(1, 0, "OK"), (2, 1, "OOC")], [(r, c, v["verdict"]) for r, c, v in fab.verdicts()])
        self.assertEqual([("OPEN", "OOC", 1)], [(a["state"], a["reason"], a["bad_runs"]) for a in fab.alarms()])

    def test_each_late_delivery_is_a_revision(self):
        fab = self.fab((1, (BLOCKS + 2) * POINTS))
        run = fab.run()
        fab.send(run)
        for revision in (2, 3, 4):
            run.add_late_block()
            fab.hub.more(run)
            fab.wait_end(run)
            fab.wait_judged(revision)
        want = [(1, 0, "OK"), (2, 0, "OK"), (3, 0, "OK"), (4, 1, "OOC")]
        self.assertEqual(want, [(r, c, v["verdict"]) for r, c, v in fab.verdicts() if r in (1, 2, 3, 4)])

    def test_an_amended_context_is_judged_again(self):
        fab = self.fab((1, BLOCKS * POINTS))
        run = fab.run()
        fab.send(run)
        fab.wait_judged(1)
        run.add(amendment=pb.Amendment(context=pb.Context(lot_id="L2")))
        fab.hub.more(run)
        fab.wait_end(run)
        fab.wait_judged(2)
        self.assertEqual([(1, 0, "L1"), (2, 1, "L2")], [(r, c, v["lot_id"]) for r, c, v in fab.verdicts()])

    def test_after_the_grace_period_samples_are_rejected(self):
        fab = self.fab((1, BLOCKS * POINTS), **{"ingest.grace_s": 0})
        run = fab.run()
        fab.send(run)
        fab.wait_judged(1)
        with Hub(fab.dev.address, [("T1", "C1")]) as late:  # its own hub has forgotten the run
            run.add_late_block()
            late.give(run)
            late.more(run)
            self.assertTrue(late.wait(lambda: run.rejects))
        self.assertEqual([(run.seq, "TOO_LATE")], [r[:2] for r in run.rejects])
        self.assertEqual(1, fab.dev.metric("tfdc_ingest_rejects_total", code="TOO_LATE"))
        other = fab.run()
        fab.send(other)
        fab.wait_judged(1)
        self.assertEqual([(1, 1, "OK"), (1, 1, "OK")], [(r, c, v["verdict"]) for r, c, v in fab.verdicts()])


if __name__ == "__main__":
    unittest.main(verbosity=2)
