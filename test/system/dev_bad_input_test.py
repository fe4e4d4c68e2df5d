# SPDX-License-Identifier: Apache-2.0
"""What goes wrong from outside: bad messages, definitions, files, settings. Each has its own error code and is counted,
and the service goes on: a good run afterwards is judged."""
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import unittest

import grpc

from dev_fab import BLOCKS, CHAMBERS, Fab
from dev_lab import (PERIOD_US, POINTS, SOURCE, STREAM, TFDC, Dev, Hub, Run, chart, pb, put_strategies, query, strategy,
                     until)


def block(svid=11, at_us=0, values=(50.0,) * 10):
    clock = pb.Clock(start_us=at_us, period_us=PERIOD_US, count=len(values))
    return pb.Block(clocks=[clock], columns=[pb.Column(svid=svid, values=values)])


class Messages(Fab):
    """One message of a run is bad: it is rejected with its own code, the run and the stream go on."""

    def insert(self, run, **kind):
        """The bad message takes the number before the end's."""
        end = run.messages.pop(run.last_seq)
        run.seq = run.last_seq - 1
        run.add(**kind)
        run.seq += 1
        end.run_end.seq = run.seq
        run.messages[run.seq] = end
        run.last_seq = run.seq

    def check_rejected(self, dev, hub, code, text, make):
        before = dev.metric("tfdc_ingest_rejects_total", code=code)
        run = self.run_of(chamber="C1")
        hub.give(run, hold=1)  # all but the end
        self.assertTrue(hub.wait(lambda: run.known))
        self.insert(run, **make(run))
        hub.more(run)
        self.assertTrue(hub.wait(lambda: run.ended and run.rejects), f"{run.rejects} {hub.details}")
        self.assertEqual([(run.seq - 1, code)], [r[:2] for r in run.rejects])
        self.assertRegex(run.rejects[0][2], text)
        self.assertEqual(before + 1, dev.metric("tfdc_ingest_rejects_total", code=code))
        self.check_documented(code)
        self.wait_quiet(dev)
        self.assertEqual("OK", self.verdict(run)["verdict"], "what was good of the run is judged")
        row = json.loads(query(self.data, "SELECT row FROM contexts WHERE wafer = ?", run.run_id)[0][0])
        self.assertEqual((1, code), (row["rejected_blocks"], row["reject_code"]))
        self.check_goes_on(dev, hub)

    def test_a_bad_message_is_rejected_and_all_else_goes_on(self):
        dev = self.dev(**{"ingest.max_block_points": 2 * POINTS, "ingest.max_message_bytes": 8192})
        hub = self.hub(dev)
        no_clock = block(at_us=1)
        no_clock.columns[0].clock = 3
        for code, text, make in [
                ("BLOCK_TOO_LARGE", f"{2 * POINTS}", lambda r: {
                    "block": block(at_us=r.end_us, values=[50.0] * (2 * POINTS + 1))}),
                ("BLOCK_TOO_LARGE", r"a block of \d+ bytes, at most 8192", lambda r: {
                    "block": block(at_us=r.end_us, values=[50.0] * 2000)}),
                ("UNKNOWN_SVID", "SVID 99 is not in the dictionary", lambda r: {
                    "block": block(svid=99, at_us=r.end_us)}),
                ("TIME_BACKWARDS", r"SVID 11 \(press\) at \d+ us, the sample before at \d+ us", lambda r: {
                    "block": block(at_us=r.start_us)}),
                ("MALFORMED", "NEVER", lambda r: {"step": pb.Step(name="NEVER", number=7, time_us=1, end=True)}),
                ("MALFORMED", "clock 3", lambda r: {"block": no_clock}),
                ("BAD_TEXT", "step", lambda r: {"step": pb.Step(name="A\x01B", number=1, time_us=1)})]:
            with self.subTest(code=code, text=text):
                self.check_rejected(dev, hub, code, text, make)

    def test_the_same_run_with_other_content(self):
        run = self.run_of(chamber="C1")
        with self.dev() as dev:
            self.hub(dev).send_all([run])
            self.check_twin(dev, run)  # the collector has the run in memory
            self.assertEqual(0, dev.stop())
        self.check_twin(self.dev(), run)  # the run is read from the store

    def check_twin(self, dev, run):
        hub = self.hub(dev)
        twin = Run("T1", "C1", run.run_id, run.start_us, "OTHER")
        hub.give(twin)
        self.assertTrue(hub.wait(lambda: twin.rejects))
        self.assertEqual((0, "RUN_CONFLICT", "the run exists with recipe FULL, not OTHER"), twin.rejects[0])
        self.assertEqual(1, dev.metric("tfdc_ingest_rejects_total", code="RUN_CONFLICT"))
        self.check_documented("RUN_CONFLICT")
        self.wait_quiet(dev)
        self.assertEqual("OK", self.verdict(run)["verdict"])
        self.check_goes_on(dev, hub)

    def test_a_run_of_a_chamber_that_nobody_named(self):
        dev = self.dev()
        hub = self.hub(dev)
        stranger = self.run_of(chamber="C9")
        hub.give(stranger)
        self.assertTrue(hub.wait(lambda: stranger.rejects))
        self.assertEqual((0, "RUN_UNKNOWN", "the hello has no dictionary of T1:C9"), stranger.rejects[0])
        self.assertEqual(1, dev.metric("tfdc_ingest_rejects_total", code="RUN_UNKNOWN"))
        self.check_documented("RUN_UNKNOWN")
        self.check_goes_on(dev, hub)

    def test_a_message_over_the_size_limit_ends_its_stream_only(self):
        dev = self.dev(**{"ingest.max_message_bytes": 1 << 20})
        good, greedy = self.hub(dev), self.hub(dev)
        run = self.run_of(chamber="C1")
        greedy.give(run, hold=1)
        self.assertTrue(greedy.wait(lambda: run.known))
        self.insert(run, block=block(at_us=run.end_us, values=[50.0] * 600_000))
        greedy.more(run)
        self.assertFalse(greedy.wait(lambda: run.ended))
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, greedy.code)
        self.assertIn(str(4 << 20), greedy.details)
        until("counted", lambda: dev.metric("tfdc_ingest_streams_ended_total") == 1, alive=dev)
        del run.messages[run.seq - 1]
        good.send_all([run])
        self.check_goes_on(dev, good)

    def test_nan_and_inf_are_missing_readings(self):
        dev = self.dev()
        hub = self.hub(dev)
        run = self.run_of(chamber="C1", recipe="PART")
        for message in run.messages.values():
            if message.WhichOneof("message") == "block":
                for column in message.block.columns:
                    column.values[3], column.values[4], column.values[5] = float("nan"), float("inf"), float("-inf")
        hub.send_all([run])
        self.wait_quiet(dev)
        self.assertEqual([], run.rejects)
        self.assertEqual("OK", self.verdict(run)["verdict"])
        self.assertEqual(BLOCKS * 2 * 3, dev.metric("tfdc_ingest_missing_readings_total"))
        points = query(self.data, "SELECT total(points) FROM chunks")[0][0]
        self.assertEqual(BLOCKS * 2 * POINTS, points, "the trace shows them")
        self.check_goes_on(dev, hub)

    def test_bytes_that_are_not_protobuf(self):
        dev = self.dev()
        good = self.hub(dev)
        with grpc.insecure_channel(dev.address) as channel:
            stream = channel.stream_stream(STREAM, lambda b: b, pb.CollectorMessage.FromString)
            with self.assertRaises(grpc.RpcError) as caught:
                for _ in stream(iter([b"\xff\xff\xff not a message"])):
                    pass
        self.assertEqual(grpc.StatusCode.INVALID_ARGUMENT, caught.exception.code())
        self.assertTrue(caught.exception.details())
        until("counted", lambda: dev.metric("tfdc_ingest_streams_ended_total", reason="MALFORMED") == 1, alive=dev)
        self.check_goes_on(dev, good)


class Metrics(Fab):
    def test_every_metric_of_the_table_is_measured_somewhere(self):
        with open(f"{SOURCE}/src/model/metric_list.h", encoding="utf-8") as f:
            rows = set(re.findall(r"^  X\((\w+),", f.read(), re.M))
        used = set()
        for folder, _, files in os.walk(f"{SOURCE}/src"):
            for name in files:
                if name.endswith(".c") and not name.endswith("_test.c"):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        used |= set(re.findall(r"\bMODEL_METRIC_(\w+)", f.read()))
        self.assertGreater(len(rows), 50)
        self.assertEqual(set(), rows - used, "rows that nobody sets")

    def test_a_run_leaves_its_marks(self):
        dev = self.dev()
        hub = self.hub(dev)
        hub.send_all([self.run_of(chamber="C1", bad=True), self.run_of()])
        self.wait_quiet(dev)
        for name, labels, value in [
                ("tfdc_ingest_messages_total", {"kind": "hello"}, 1), ("tfdc_ingest_messages_total", {"kind": "block"}, 16),
                ("tfdc_ingest_acks_total", {"kind": "start"}, 2), ("tfdc_ingest_acks_total", {"kind": "end"}, 2),
                ("tfdc_ingest_ack_seconds_count", {}, 2), ("tfdc_ingest_connections", {}, 1),
                ("tfdc_chunk_encode_seconds_count", {}, 2), ("tfdc_chunks_stored_total", {"reason": "end"}, 2),
                ("tfdc_completions_published_total", {"kind": "first"}, 2), ("tfdc_inbox_depth", {}, 0),
                ("tfdc_store_seconds_count", {"operation": "CHUNK_PUT"}, 2),
                ("tfdc_judge_stage_seconds_count", {"stage": "verdict"}, 2), ("tfdc_runs_judged_total", {}, 2)]:
            self.assertEqual(value, dev.metric(name, **labels), (name, labels))
        until("no request is under way", lambda: dev.metric("tfdc_store_in_flight") == 0, alive=dev)
        until("the gauges", lambda: dev.metric("tfdc_alarms_open") == 1, alive=dev)
        self.assertEqual(2, dev.metric("defender_assigned_chambers"))
        hub.close()
        until("the connection is gone", lambda: dev.metric("tfdc_ingest_connections") == 0, alive=dev)


class File(Fab):
    def test_a_flipped_byte_in_a_chunk(self):
        noise = random.Random(1)
        run = self.run_of(chamber="C1", noise=lambda: noise.gauss(0, 1))
        with Dev(self.data, faults="store.CHUNK_GET:kill-before:1", **{"store.free_floor_mb": 0}) as dev:
            with Hub(dev.address, CHAMBERS) as hub:
                hub.give(run)
                self.assertEqual(-signal.SIGKILL, dev.wait())
        query_all = query(self.data, "SELECT blob FROM chunks")
        self.assertEqual(1, len(query_all))
        self.flip(query_all[0][0])
        self.assertNotEqual(query_all, query(self.data, "SELECT blob FROM chunks"))
        dev = self.dev()
        self.wait_quiet(dev)
        verdict = self.verdict(run)
        self.assertEqual(("NOT_JUDGED", "CORRUPT"), (verdict["verdict"], verdict["reason"]))
        self.assertGreater(dev.metric("tfdc_points_not_judged_total", reason="CORRUPT"), 0)
        self.check_documented("CORRUPT")
        self.check_goes_on(dev)

    def flip(self, blob):
        """One byte of the blob, in the file itself."""
        db = sqlite3.connect(self.data)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        with open(self.data, "r+b") as f:
            content = f.read()
            at = content.find(blob[len(blob) // 2:len(blob) // 2 + 40])
            self.assertGreater(at, 0)
            f.seek(at)
            f.write(bytes([content[at] ^ 0x10]))

    def test_a_file_that_is_something_else(self):
        other = os.path.join(self.folder, "other.db")
        with open(other, "wb") as f:
            f.write(b"this is no database, it is text of a person, long enough to have a header" * 100)
        with Dev(other) as dev:
            self.assertNotEqual(0, dev.wait())
        self.assertRegex(json.dumps(dev.log()), "not a database")
        with open(other, "rb") as f:
            self.assertTrue(f.read().startswith(b"this is no database"), "it is left alone")


class Definitions(Fab):
    """A definition that does not fit a chamber's dictionary, or cannot be read: its charts say so, all else goes on."""

    def test_charts_that_do_not_fit_the_dictionary_are_not_judged(self):
        put_strategies(self.data, strategy("lost", "PART", [chart("gone", "mean(nosuch)", 45, 55)]),
                       strategy("wrong", "PART", [chart("sum", "mean(press) + 5 W", 45, 55)]),
                       {"v": 1, "strategy": "broken", "charts": "none"})
        dev = self.dev()
        run = self.run_of(chamber="C1", recipe="PART")
        self.hub(dev).send_all([run])
        self.wait_quiet(dev)
        (context_id,), = query(self.data, "SELECT lower(hex(context_id)) FROM contexts")
        records = json.loads(dev.get(f"/api/v1/runs/{context_id}")[1])["records"]
        points = {p["chart"]: (p["verdict"], p.get("reason")) for r in records for p in r["points"]}
        self.assertEqual({"level": ("OK", "NONE"), "gone": ("NOT_JUDGED", "NO_DATA"), "sum": ("NOT_JUDGED", "UNDEFINED")},
                         points)
        self.assertEqual("NOT_JUDGED", self.verdict(run)["verdict"], "never a silent pass")
        self.assertEqual(1, dev.metric("tfdc_runs_not_judged_total"))
        for reason in ("NO_DATA", "UNDEFINED"):
            self.assertEqual(1, dev.metric("tfdc_points_not_judged_total", reason=reason))
        self.assertEqual(1, dev.metric("tfdc_definitions_unreadable"))
        self.assertIn("broken", json.dumps([r for r in dev.log() if r.get("module") == "defender"]))
        self.check_goes_on(dev)


    def test_definitions_that_do_not_fit_are_refused(self):
        dev = self.dev()
        hub = self.hub(dev)
        hub.send_all([self.run_of(chamber="C1")])  # tells what the chambers measure
        self.wait_quiet(dev)
        for n, (code, text, body) in enumerate([
                ("EQ_NAME", r"line 3 column 25: charts\[0\]: 1:6: .*nosuch.*T1:C", "mean(nosuch)"),
                ("EQ_UNIT", r"line 3 column 25: charts\[0\]: 1:\d+: .*mTorr", "mean(press) + 1 s"),
                ("EQ_SYNTAX", r"line 3 column 25: charts\[0\]: 1:14: .*ends here", "mean(press) +"),
                ("DEFINITION", r"line 3 column 25: charts\[0\].eq: must not be empty", ""),
                ("YAML", r"line 4 column 1: ", '"')]):
            with self.subTest(code=code):
                body = f'strategy: bad\nselect: {{recipes: ["*"]}}\ncharts: [{{chart: x, eq: "{body}"}}]\n'
                status, answer = dev.http("/api/v1/definitions", body.encode())
                error = json.loads(answer)["error"]
                self.assertEqual((400, code), (status, error["code"]), answer)
                self.assertRegex(error["text"], text)
                self.check_documented(code)
                refused = dev.metric("tfdc_http_requests_total", route="/api/v1/definitions", status="400")
                self.assertEqual(n + 1, refused)
        self.assertEqual([], json.loads(dev.get("/api/v1/definitions?id=bad")[1])["definitions"])
        self.check_goes_on(dev, hub)


class Csv(Fab):
    def test_broken_lines_are_named_counted_and_left_out(self):
        dev = self.dev()
        with open(f"{SOURCE}/examples/etch.csv", encoding="utf-8") as f:
            lines = f.read().splitlines()
        lines[5] = lines[5].replace("T", "x", 1)
        lines[9] += ",1,2,3"
        path = os.path.join(self.folder, "broken.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))
        metrics = os.path.join(self.folder, "replay.prom")
        done = subprocess.run([TFDC, "replay", path, "--json", "--metrics", metrics, "--server",
                               f"http://127.0.0.1:{dev.ready['http_port']}"], capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(5, done.returncode, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(2, said["lines"]["bad"])
        self.assertEqual([6, 10], [b["line"] for b in said["lines"]["first_bad"]])
        self.assertRegex(done.stderr, r"broken\.csv:6: column Time: .* is no time")
        self.assertRegex(done.stderr, r"broken\.csv:10: 13 fields, the header has 10")
        self.assertEqual((36, 36), (said["runs"], said["runs_judged"]), "no run is lost by a line")
        self.assertEqual(said["points"], dev.metric("tfdc_ingest_points_total"))
        with open(metrics, encoding="utf-8") as f:
            self.assertIn('tfdc_replay_lines_total{result="bad"} 2\n', f.read())
        self.check_documented("CSV")
        self.check_goes_on(dev)


class Settings(Fab):
    def refused(self, *options, **settings):
        with Dev(self.data, *options, **settings) as dev:
            self.assertIsNone(dev.ready)
            code = dev.wait()
        return code, " ".join(r.get("text", "") for r in dev.log()[2:])

    def test_an_unknown_key_names_the_nearest(self):
        code, text = self.refused("--ingest.listn", "127.0.0.1:0")
        self.assertEqual(2, code)
        self.assertRegex(text, r"ingest\.listn.*ingest\.listen")

    def test_an_unknown_key_in_the_file_names_its_line(self):
        path = os.path.join(self.folder, "tfdc.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("ingest:\n  shards: 2\n  shrads: 3\n")
        code, text = self.refused("--config", path)
        self.assertEqual(2, code)
        self.assertRegex(text, r"3.*shrads.*ingest\.shards")

    def test_a_value_out_of_its_range(self):
        code, text = self.refused("--ingest.max_streams", "0")
        self.assertEqual(2, code)
        self.assertRegex(text, r"ingest\.max_streams.*1.*65536")

    def test_the_good_file_is_not_locked_by_it(self):
        self.refused("--no.such.key", "1")
        self.check_goes_on(self.dev())


if __name__ == "__main__":
    unittest.main(verbosity=2)
