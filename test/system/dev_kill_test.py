# SPDX-License-Identifier: Apache-2.0
"""kill -9 of `tfdc dev` at every step of the life of a run (DESIGN 3.1, I1-I9 and J1-J8), again and again on one file;
a ledger outside the process knows what was acked. `--soak KILLS --seed N` goes on with other seeds and prints a table.
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from dev_lab import (Dev, Hub, Run, any_run_strategy, complete_run_strategy, is_quiet, now_us, put_strategies, query,
                     read_log, until)

WAVE = 3  # runs at once, one a chamber
# Step, call of a port, the highest k: each is killed before and after the k-th call. A wave has 3 runs: its first 3
# context rows are the starts, the ones behind are steps and closes.
CALLS = [("start", "store.CHAMBER_PUT", 2), ("start", "store.CONTEXT_PUT", 3), ("I4", "store.CHUNK_PUT", 8),
         ("I6", "store.CONTEXT_PUT", 12), ("I7", "publish.SEND", 4), ("I8", "store.CONTEXT_MARK_PUBLISHED", 4),
         ("J1", "workqueue.PULL", 3), ("J1", "store.VERDICT_GET", 4), ("J2", "store.CHUNK_GET", 4),
         ("J3", "store.U_PREV", 4), ("J5", "store.U_PUT", 4), ("J6", "store.ALARM_PUT", 2), ("J6", "alarm.PUBLISH", 2),
         ("J7", "store.VERDICT_PUT", 4), ("J8", "workqueue.ACK", 4)]
# Steps without a call: what the hub waits for, then up to so many milliseconds.
MOMENTS = [("I1", "sent", 0), ("I2", "resumed", 1), ("I3", "resumed", 4), ("I5", "acked", 0), ("I9", "ended", 0),
           ("J4", "ended", 3), ("J4", "all ended", 3)]
STEPS = {f"I{i}" for i in range(1, 10)} | {f"J{i}" for i in range(1, 9)}


def kill_points(rng, kills):
    """`kills` points: by call and by moment in turn, each kind once before any comes again."""
    calls, moments, points = [], [], []
    while len(points) < kills:
        if not calls:
            calls = [(step, f"{op}:{how}", most) for step, op, most in CALLS for how in ("kill-before", "kill-after")]
            rng.shuffle(calls)
        if not moments:
            moments = rng.sample(MOMENTS, len(MOMENTS))
        step, what, most = calls.pop()
        points.append((step, f"{what}:{rng.randint(1, most)}", None))
        points.append(moments.pop())
    return points[:kills]


class World:
    """One file and all its lives."""

    def __init__(self, seed, points, comes_back):
        self.seed, self.points, self.comes_back = seed, points, comes_back
        self.rng = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="tfdc-kill-")
        self.data = os.path.join(self.folder, "fab.db")
        self.runs, self.open, self.kills, self.clock_us = [], [], collections.Counter(), now_us()
        self.settings = {"ingest.chunk_bytes": 4096, "ingest.chunk_age_s": 1, "judge.sweep_s": 1,
                         "store.free_floor_mb": 0, "ingest.idle_close_s": 60 if comes_back else 1}

    def dev(self, **more):
        return Dev(self.data, **self.settings, **more)

    def new_run(self, lane):
        """Good and bad in turn. A hub that comes back keeps to three chambers; else each run has its own, because a
        run that is closed late may stand between two others."""
        n = len(self.runs)
        recipe, chamber = ("FULL", f"C{lane}") if self.comes_back else ("PART", f"C{n}")
        run = Run("T1", chamber, f"run-{n}", self.clock_us, recipe, bad=n // WAVE % 2 == 1,
                  noise=lambda: self.rng.gauss(0, 1))
        self.runs.append(run)
        return run

    def next_wave(self):
        self.clock_us += 1000
        self.open = [self.new_run(lane) for lane in range(WAVE)]
        return self.open

    # ---- one life ----
    def live(self, point):
        step, what, after_ms = point
        by_call = after_ms is None
        with self.dev(faults=what if by_call else None) as dev:
            if dev.port is not None:
                if not by_call:
                    until("all judged again after the kills", lambda: is_quiet(self.data), alive=dev)
                self.feed(dev, point)
            code = dev.wait()
        if code != -signal.SIGKILL:
            raise AssertionError(f"seed {self.seed}, {point}: exit code {code}, not killed")
        self.kills[step] += 1
        if not self.comes_back:
            self.open = []

    def feed(self, dev, point):
        chambers = [("T1", f"C{i}") for i in range(WAVE if self.comes_back else 256)]
        with Hub(dev.address, chambers) as hub:
            for _ in range(60):
                wave = self.open or self.next_wave()
                for run in wave:
                    hub.give(run)
                if point[2] is not None:
                    self.strike(dev, hub, wave, point)
                    return
                if not hub.wait(lambda: all(r.ended for r in wave)):
                    return
                self.open = []
            raise AssertionError(f"seed {self.seed}: {point} never came")

    def strike(self, dev, hub, wave, point):
        looks = {"sent": lambda: True, "resumed": lambda: any(r.known for r in wave),
                 "acked": lambda: any(r.acked > 0 for r in wave), "ended": lambda: any(r.ended for r in wave),
                 "all ended": lambda: all(r.ended for r in wave)}
        if not hub.wait(looks[point[1]]):
            raise AssertionError(f"the stream ended by itself: {hub.code} {hub.details}")
        end = time.perf_counter() + self.rng.uniform(0, point[2]) / 1000
        while time.perf_counter() < end:
            pass
        dev.kill()

    # ---- all lives ----
    def live_all(self):
        with self.dev() as dev:
            assert dev.stop() == 0
        put_strategies(self.data, complete_run_strategy(), any_run_strategy())
        for point in self.points:
            self.live(point)
        with self.dev() as dev:
            if self.open:
                with Hub(dev.address, [("T1", f"C{i}") for i in range(WAVE)]) as hub:
                    hub.send_all(self.open)
            until("every run closed and judged", lambda: is_quiet(self.data, open_too=True), alive=dev)
            code = dev.stop()
        assert code == 0, f"exit code {code} at SIGTERM"

    def check(self):
        """All that the ledger and the file say against each other; [] = fine."""
        return Ledger(self).check()

    def remove(self):
        shutil.rmtree(self.folder)


class Ledger:
    def __init__(self, world):
        self.world, self.data, self.wrong = world, world.data, []

    def say(self, run, text):
        self.wrong.append(f"seed {self.world.seed} {run.run_id} {'bad' if run.bad else 'good'}: {text}")

    def check(self):
        if query(self.data, "PRAGMA integrity_check") != [("ok",)]:
            self.wrong.append(f"seed {self.world.seed}: integrity_check")
        rows = {}
        for (text,) in query(self.data, "SELECT row FROM contexts"):
            row = json.loads(text)
            rows.setdefault(row["run_id"], []).append(row)
        self.published = collections.Counter()
        for record in read_log(self.data + ".log"):
            if record.get("module") == "alarm":
                self.published[record["alarm_id"]] += 1
        self.alarms = [json.loads(t) for (t,) in query(self.data, "SELECT row FROM alarms")]
        for run in self.world.runs:
            found = rows.pop(run.run_id, [])
            if len(found) > 1 or (not found and (run.known or self.world.comes_back)):
                self.say(run, f"{len(found)} context rows")
            elif found:
                self.check_run(run, found[0])
        if rows:
            self.wrong.append(f"seed {self.world.seed}: runs that nobody sent: {list(rows)}")
        self.check_counters()
        return self.wrong

    def check_run(self, run, row):
        key = bytes.fromhex(row["context_id"])
        if row["state"] != "CLOSED":
            self.say(run, f"state {row['state']}")
        if row.get("rejected_blocks") or row.get("missing_blocks"):
            self.say(run, f"rejected {row.get('rejected_blocks')}, missing {row.get('missing_blocks')}")
        if self.world.comes_back and row["revision"] != 1:
            self.say(run, f"revision {row['revision']}")
        points = self.check_chunks(run, row, key)
        if run.acked >= min(run.block_seqs) + 1 and not row.get("steps"):
            self.say(run, "an acked step is lost")
        if run.acked >= run.last_seq and row["end_reason"] != "complete":
            self.say(run, f"an acked end is lost: {row['end_reason']}")
        self.check_verdict(run, row, key, points)
        self.check_alarm(run, row, points)

    def check_chunks(self, run, row, key):
        chunks = query(self.data, "SELECT first_seq, last_seq, points FROM chunks WHERE context_id = ?"
                       " ORDER BY first_seq", key)
        durable, behind, points = set(), 0, 0
        for first, last, n in chunks:
            if first <= behind:
                self.say(run, f"chunks overlap: {chunks}")
            behind = last
            durable |= {s for s in run.block_seqs if first <= s <= last}
            points += n
        lost = {s for s in run.block_seqs if s <= run.acked} - durable
        if lost:
            self.say(run, f"acked blocks {sorted(lost)} are lost, acked {run.acked}, chunks {chunks}")
        if points != len(durable) * 400 or points != row["points"] or len(chunks) != row["chunk_count"]:
            self.say(run, f"{points} points in {len(chunks)} chunks, {len(durable)} blocks, the row says"
                     f" {row['points']} in {row['chunk_count']}")
        return points

    def check_verdict(self, run, row, key, points):
        verdicts = query(self.data, "SELECT revision, judgement, current, row FROM verdicts WHERE context_id = ?", key)
        current = [json.loads(r[3]) for r in verdicts if r[2] == 1]
        if len(current) != 1:
            self.say(run, f"{len(current)} current verdicts of {len(verdicts)}")
            return
        if (current[0]["revision"], current[0]["judgement"]) != (row["revision"], 1):
            self.say(run, f"revision {row['revision']} is closed, the current verdict is {current[0]}")
        want = "OOC" if run.bad else "OK"
        if points == 0:
            want = "NOT_JUDGED"
        if current[0]["verdict"] != want:
            self.say(run, f"verdict {current[0]}, not {want}")
        records = query(self.data, "SELECT chart_set, revision, judgement FROM u_records WHERE context_id = ?", key)
        if len(set(records)) != len(records) or {r[1] for r in records} != set(range(1, row["revision"] + 1)):
            self.say(run, f"U records {records}")

    def check_alarm(self, run, row, points):
        mine = [a for a in self.alarms if a["first_context"] == row["context_id"]]
        want = 1 if run.bad and points > 0 else 0
        if len(mine) != want:
            self.say(run, f"{len(mine)} alarms, not {want}: {mine}")
            return
        for a in mine:
            if a["bad_runs"] != 1:
                self.say(run, f"counted {a['bad_runs']} times in its alarm")
            if self.published[a["alarm_id"]] == 0:
                self.say(run, "its alarm is stored and was never published")

    def check_counters(self):
        said = query(self.data, "SELECT contexts, open_contexts, unjudged, chunks, points, u_records, verdicts,"
                     " alarms_open FROM counters")[0]
        real = query(self.data, "SELECT (SELECT count(*) FROM contexts), 0, 0, (SELECT count(*) FROM chunks),"
                     " (SELECT total(points) FROM chunks), (SELECT count(*) FROM u_records),"
                     " (SELECT count(*) FROM verdicts), (SELECT count(*) FROM alarms WHERE open = 1)")[0]
        if said != real:
            self.wrong.append(f"seed {self.world.seed}: counters {said}, tables {real}")
        dead = query(self.data, "SELECT reason FROM queue_dead")
        if dead:
            self.wrong.append(f"seed {self.world.seed}: dead letters {dead}")


def run_worlds(worlds, at_once):
    """Lives them on threads; returns what is wrong. A folder with something wrong stays."""
    stop = threading.Event()

    def one(world):
        if stop.is_set():
            return []
        try:
            world.live_all()
            wrong = world.check()
        except Exception as e:  # told with the seed, and the other worlds go on
            wrong = [f"seed {world.seed}: {type(e).__name__}: {e}"]
        if wrong:
            wrong.append(f"seed {world.seed}: kept in {world.folder}")
        else:
            world.remove()
        return wrong

    with ThreadPoolExecutor(at_once) as pool:
        return [w for wrong in pool.map(one, worlds) for w in wrong]


def make_worlds(seed, kills, comes_back, each=14):
    points = kill_points(random.Random(seed), kills)
    parts = [points[i:i + each] for i in range(0, len(points), each)]
    return [World(seed * 1000 + i, part, comes_back) for i, part in enumerate(parts)]


class Kills(unittest.TestCase):
    def storm(self, comes_back, kills=2 * 2 * len(CALLS)):
        worlds = make_worlds(1 if comes_back else 2, kills, comes_back)
        wrong = run_worlds(worlds, at_once=4)
        self.assertFalse(wrong, "\n".join(wrong))
        steps = sum((w.kills for w in worlds), collections.Counter())
        self.assertGreaterEqual(sum(steps.values()), 40)
        self.assertEqual(set(), STEPS - set(steps),
                         "steps without a kill")
        print(f"{sum(steps.values())} kills, {sum(len(w.runs) for w in worlds)} runs: {dict(sorted(steps.items()))}")


class ResendingHub(Kills):
    def test_nothing_is_lost_with_a_resending_hub(self):
        self.storm(comes_back=True)


class HubThatNeverComesBack(Kills):
    def test_nothing_acked_is_lost_with_a_hub_that_never_comes_back(self):
        self.storm(comes_back=False)


def soak(kills, seed, at_once):
    print(f"{'seed':>6} {'hub':12} {'kills':>6} {'runs':>6} {'wrong':>6}  seconds")
    total, wrong_total, steps, number = 0, 0, collections.Counter(), seed
    while total < kills:
        comes_back = (number - seed) % 2 == 0
        began = time.monotonic()
        worlds = make_worlds(number, 56, comes_back)
        wrong = run_worlds(worlds, at_once)
        here = sum((w.kills for w in worlds), collections.Counter())
        print(f"{number:6} {'comes back' if comes_back else 'never back':12} {sum(here.values()):6}"
              f" {sum(len(w.runs) for w in worlds):6} {len(wrong):6}  {time.monotonic() - began:.1f}", flush=True)
        for line in wrong:
            print("  " + line)
        total += 56
        steps += here
        wrong_total += len(wrong)
        number += 1
    print("kills by step: " + "  ".join(f"{k} {v}" for k, v in sorted(steps.items())))
    print(f"{sum(steps.values())} kills, {wrong_total} wrong")
    return 1 if wrong_total or sum(steps.values()) < kills else 0


if __name__ == "__main__":
    if "--soak" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--soak", type=int, metavar="KILLS")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--at-once", type=int, default=4)
        args = parser.parse_args()
        sys.exit(soak(args.soak, args.seed, args.at_once))
    unittest.main(verbosity=2)
