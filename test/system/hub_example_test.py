# SPDX-License-Identifier: Apache-2.0
"""examples/hub.py against the real server, with streams that break: nothing is lost, nothing counted twice."""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from grpc_echo import Echo, SOURCE, pb

_folder = tempfile.mkdtemp(prefix="tfdc-hub-")
subprocess.run(["protoc", f"-I{SOURCE}/api", f"--python_out={_folder}", f"{SOURCE}/api/ingest.proto"], check=True)
sys.modules["ingest_pb2"] = pb  # the same messages: a process may register them once
sys.path.insert(0, f"{SOURCE}/examples")
import hub as example  # noqa: E402


class Cutter:
    """A TCP relay that cuts each connection without a word after a seeded number of bytes from the hub."""

    def __init__(self, port, seed, cuts):
        self.target, self.random, self.cuts = port, random.Random(seed), cuts
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cut = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                hub, _ = self.listener.accept()
            except OSError:
                return
            budget = self.random.randint(2_000, 12_000) if self.cut < self.cuts else 1 << 40
            try:
                collector = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                hub.close()
                continue
            threading.Thread(target=self.pump, args=(hub, collector, budget), daemon=True).start()
            threading.Thread(target=self.pump, args=(collector, hub, 1 << 40), daemon=True).start()

    def pump(self, source, sink, budget):
        try:
            while budget > 0:
                data = source.recv(min(budget, 65536))
                if not data:
                    break
                budget -= len(data)
                sink.sendall(data)
            if budget <= 0:
                self.cut += 1
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


CHAMBER = pb.Chamber(tool="T1", chamber="C1", tool_type="T",
                     svids=[pb.Svid(number=11, name="press", unit="mTorr"), pb.Svid(number=12, name="temp", unit="Cel")])


def send_runs(hub, runs, blocks):
    """Interleaved runs of `blocks` blocks; returns the sum of the values of each."""
    handles = [hub.start_run("T1", "C1", f"run-{i}", 1_000_000) for i in range(runs)]
    sums = [0.0] * runs
    for b in range(blocks):
        for i, handle in enumerate(handles):
            values = [float(b * runs + i + k) for k in range(10)]
            sums[i] += 2 * sum(values)
            clock = pb.Clock(start_us=2_000_000 + b * 1_000_000, period_us=100_000, count=10)
            hub.send(handle, block=pb.Block(clocks=[clock], columns=[pb.Column(svid=11, values=values),
                                                                     pb.Column(svid=12, values=values)]))
    for handle in handles:
        hub.send(handle, run_end=pb.RunEnd(end_us=99_000_000))
    for handle in handles:
        hub.wait(handle, 120)
    return sums


class ExampleHub(unittest.TestCase):
    def hub(self, target):
        hub = example.Hub(target, [CHAMBER])
        self.addCleanup(hub.close)
        return hub

    def check_complete(self, e, sums, blocks, rejects=0):
        stats = e.stats()
        for i, total in enumerate(sums):
            run = stats["runs"][f"run-{i}"]
            self.assertTrue(run["ended"])
            self.assertEqual((blocks + 1, blocks - rejects, 0, rejects),
                             (run["last"], run["blocks"], run["gaps"], run["rejects"]))
            if rejects == 0:
                self.assertEqual(total, run["sum"])
        return stats

    def test_runs_reach_the_collector(self):
        with Echo() as e:
            hub = self.hub(e.address)
            stats = self.check_complete(e, send_runs(hub, 3, 20), 20)
            self.assertEqual(1, stats["streams"])
            self.assertEqual([], hub.rejected)

    def test_streams_that_the_collector_drops_lose_nothing(self):
        with Echo("--drop-every", 37) as e:
            hub = self.hub(e.address)
            stats = self.check_complete(e, send_runs(hub, 3, 60), 60)
            self.assertGreater(stats["drops"], 2)

    def test_connections_that_break_lose_nothing(self):
        for seed in (1, 2, 3):
            with Echo() as e:
                cutter = Cutter(e.port, seed, cuts=5)
                hub = self.hub(f"127.0.0.1:{cutter.port}")
                sums = send_runs(hub, 3, 100)
                cutter.listener.close()
                stats = self.check_complete(e, sums, 100)
                self.assertGreaterEqual(stats["streams"], 5)

    def test_rejected_blocks_are_not_sent_again(self):
        with Echo("--reject-every", 10) as e:
            hub = self.hub(e.address)
            self.check_complete(e, send_runs(hub, 2, 35), 35, rejects=3)
            self.assertEqual({10, 20, 30}, {seq for _, seq, _, _ in hub.rejected})
            self.assertEqual({"TIME_BACKWARDS"}, {code for _, _, code, _ in hub.rejected})

    def test_the_program_runs_as_the_guide_says(self):
        with Echo() as e:
            env = {**os.environ, "PYTHONPATH": _folder}
            done = subprocess.run([sys.executable, f"{SOURCE}/examples/hub.py", e.address], env=env, timeout=120,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(0, done.returncode, done.stderr)
            (run,) = e.stats()["runs"].values()
            self.assertEqual((31, 600, True), (run["last"], run["points"], run["ended"]))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(_folder)


if __name__ == "__main__":
    unittest.main(verbosity=2)
