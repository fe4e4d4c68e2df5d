# SPDX-License-Identifier: Apache-2.0
"""What the system tests of `tfdc dev` share: the process, a hub that keeps a ledger, and a look into its file."""
import importlib
import json
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # this program starts processes while streams are open
import grpc  # noqa: E402

TFDC = os.environ["TFDC"]
SOURCE = os.environ["TFDC_SOURCE"]
STREAM = "/tfdc.ingest.v1.Ingest/Stream"

_gen = tempfile.mkdtemp(prefix="tfdc-proto-")
subprocess.run(["protoc", f"-I{SOURCE}/api", f"--python_out={_gen}", f"{SOURCE}/api/ingest.proto"], check=True)
sys.path.insert(0, _gen)
pb = importlib.import_module("ingest_pb2")
shutil.rmtree(_gen)

SVIDS = [pb.Svid(number=11, name="press", unit="mTorr", rate_hz=100), pb.Svid(number=12, name="temp", unit="Cel")]
POINTS = 200  # of one SVID in one block
PERIOD_US = 10_000
WAIT_S = 60  # nothing here takes so long; a test that waits longer is stuck


def until(what, look, timeout=WAIT_S, alive=None):
    """Waits until look() gives something true, and returns that."""
    end, never = time.monotonic() + timeout, threading.Event()
    while True:
        found = look()
        if found:
            return found
        if alive is not None and alive.poll() is not None:
            raise AssertionError(f"{what}: the process ended with {alive.poll()}")
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout} s")
        never.wait(0.01)


class Dev:
    """A `tfdc dev` process on a file. Its log goes to a file beside it, one for all lives."""

    def __init__(self, data, *options, faults=None, ready=True, before=(), **settings):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TFDC_") or k == "TFDC_SANITIZE"}
        if faults:
            env["TFDC_FAULTS"] = faults
        settings = {"ingest.listen": "127.0.0.1:0", "http.listen": "127.0.0.1:0", "ingest.shards": 2, **settings}
        args = [*before, TFDC, "dev", "--json", "--data", data, *options]
        for key, value in settings.items():
            args += [f"--{key}", str(value)]
        self.data, self.log_path = data, data + ".log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=log, env=env, text=True)
        line = self.process.stdout.readline() if ready else ""
        self.ready = json.loads(line) if line else None
        self.port = self.ready["ingest_port"] if self.ready else None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def get(self, path):
        """(status, text)"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ready['http_port']}{path}", timeout=WAIT_S) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name, **labels):
        """The sum of the metric's series that have these labels."""
        total, wanted = 0.0, [f'{k}="{v}"' for k, v in labels.items()]
        for line in self.get("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(w in series for w in wanted):
                total += float(value)
        return total

    def poll(self):
        return self.process.poll()

    def wait(self, timeout=WAIT_S):
        code = self.process.wait(timeout)
        self.process.stdout.close()
        return code

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.wait()

    def log(self):
        return read_log(self.log_path)

    def http(self, path, body=None):
        """GET, or POST of a body: the status and the text."""
        url = f"http://127.0.0.1:{self.ready['http_port']}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def json(self, path, body=None):
        return json.loads(self.http(path, body)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.kill()


def read_log(path):
    """The records of the log; a line that the kill cut is left out, other text becomes {"text": ...}."""
    records = []
    with open(path, "rb") as f:
        for line in f.read().decode("utf-8", "replace").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                records.append({"text": line})
    return records


# ---- what a hub sends and what it was told ----

class Run:
    """One run and its ledger. Messages 1..blocks are blocks, a step begins before the second and ends with the last."""

    def __init__(self, tool, chamber, run_id, start_us, recipe, bad=False, blocks=8, room=0, value=None,
                 noise=None):
        self.run_id, self.chamber, self.tool, self.recipe, self.bad = run_id, chamber, tool, recipe, bad
        self.start_us, self.blocks, self.seq = start_us, blocks, 0
        self.samples_end_us = start_us + blocks * POINTS * PERIOD_US
        self.end_us = self.samples_end_us + room * POINTS * PERIOD_US  # room: for so many late blocks
        self.messages = {}  # seq -> message, until it is acked
        self.block_seqs = set()
        self.resumed = self.known = False  # known: the collector said that the run is durable
        self.acked, self.ended, self.rejects = 0, False, []
        centre = value if value is not None else 80.0 if bad else 50.0
        for b in range(blocks):
            if b == 1:
                self._add(step=pb.Step(name="ETCH", number=1, time_us=start_us + POINTS * PERIOD_US))
            self._add_block(b, centre, noise)
        self._add(step=pb.Step(name="ETCH", number=1, time_us=self.end_us, end=True))
        self._add(run_end=pb.RunEnd(end_us=self.end_us))
        self.last_seq = self.seq

    def _add_block(self, b, centre, noise):
        at = self.start_us + b * POINTS * PERIOD_US
        clock = pb.Clock(start_us=at, period_us=PERIOD_US, count=POINTS)
        draw = noise or (lambda: 0.0)
        columns = [pb.Column(svid=s.number, values=[centre + draw() for _ in range(POINTS)]) for s in SVIDS]
        self._add(block=pb.Block(clocks=[clock], columns=columns))
        self.block_seqs.add(self.seq)

    def _add(self, **kind):
        self.seq += 1
        message = pb.HubMessage(**kind)
        getattr(message, message.WhichOneof("message")).seq = self.seq
        self.messages[self.seq] = message

    def add(self, **kind):
        """A message behind the last one."""
        self._add(**kind)
        self.ended = False
        return self.seq

    def add_late_block(self, value=50.0):
        """Samples that are sent after the end, as a slow part of the tool delivers them."""
        clock = pb.Clock(start_us=self.samples_end_us, period_us=PERIOD_US, count=POINTS)
        self.samples_end_us += POINTS * PERIOD_US
        columns = [pb.Column(svid=s.number, values=[value] * POINTS) for s in SVIDS]
        return self.add(block=pb.Block(clocks=[clock], columns=columns))

    def start(self, handle):
        context = pb.Context(recipe_id=self.recipe, lot_id="L1", substrate_id=self.run_id)
        return pb.HubMessage(run_start=pb.RunStart(run=handle, tool=self.tool, chamber=self.chamber, run_id=self.run_id,
                                                   start_us=self.start_us, context=context))


class Hub:
    """One stream that sends the runs given to it from where the collector has them."""

    def __init__(self, address, chambers, historical=False, svids=None, options=()):
        self.channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1), *options])
        self.outbox, self.changed = queue.SimpleQueue(), threading.Condition()
        self.runs, self.replies, self.over, self.resumes, self.code, self.details = {}, 0, False, 0, None, None
        stub = self.channel.stream_stream(STREAM, pb.HubMessage.SerializeToString, pb.CollectorMessage.FromString)
        self.call = stub(iter(self.outbox.get, None))
        self.outbox.put(pb.HubMessage(hello=pb.Hello(hub="ledger", version=1, historical=historical, chambers=[
            pb.Chamber(tool=t, chamber=c, tool_type="ETCH", svids=svids or SVIDS) for t, c in chambers])))
        threading.Thread(target=self._read, daemon=True).start()

    def give(self, run, hold=0):
        """Starts or resumes the run; the last `hold` messages stay here until more() sends them."""
        with self.changed:
            handle = len(self.runs) + 1
            self.runs[handle] = run
            run.handle, run.resumed, run.upto = handle, False, run.last_seq - hold
            self.outbox.put(run.start(handle))
        return run

    def more(self, run):
        """Sends what give() held back and what was added since."""
        with self.changed:
            before, run.upto = run.upto, run.seq
            if run.resumed:
                self._send(run, before)

    def _send(self, run, behind):
        for seq in sorted(run.messages):
            if behind < seq <= run.upto:
                message = run.messages[seq]
                getattr(message, message.WhichOneof("message")).run = run.handle
                self.outbox.put(message)

    def _read(self):
        try:
            for reply in self.call:
                self._take(reply)
        except grpc.RpcError:
            pass
        with self.changed:
            self.over = True
            self.code, self.details = self.call.code(), self.call.details()
            self.changed.notify_all()

    def _take(self, reply):
        kind = reply.WhichOneof("message")
        body = getattr(reply, kind)
        with self.changed:
            self.replies += 1
            run = self.runs.get(body.run) if kind != "hello" else None
            if run is not None:
                getattr(self, "_on_" + kind)(run, body)
            self.changed.notify_all()

    def _acked(self, run, seq):
        run.acked = max(run.acked, seq)
        for s in [s for s in run.messages if s <= seq]:
            del run.messages[s]

    def _on_resume(self, run, body):
        run.known = True
        self.resumes += 1
        self._acked(run, body.seq)
        run.ended = run.ended or (body.closed and not run.messages)
        run.resumed = True
        self._send(run, body.seq)

    def _on_ack(self, run, body):
        self._acked(run, body.seq)
        run.ended = run.ended or body.end

    def _on_reject(self, run, body):
        run.rejects.append((body.seq, body.code, body.text))
        run.messages.pop(body.seq, None)

    def wait(self, look, timeout=WAIT_S):
        """Until look(), or the stream is over. True: look() holds."""
        with self.changed:
            held = self.changed.wait_for(lambda: self.over or look(), timeout)
            if not held:
                raise AssertionError(f"no answer within {timeout} s: {[vars_of(r) for r in self.runs.values()]}")
            return bool(look())

    def send_all(self, runs, timeout=WAIT_S):
        for run in runs:
            self.give(run)
        if not self.wait(lambda: all(r.ended for r in runs), timeout):
            raise AssertionError(f"the stream ended: {self.code} {self.details}")

    def close(self):
        self.outbox.put(None)
        self.call.cancel()
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def vars_of(run):
    return {k: getattr(run, k) for k in ("run_id", "resumed", "acked", "ended", "rejects", "last_seq")}


# ---- the file ----

def strategy(name, recipe, charts, **more):
    return {"v": 1, "strategy": name, "select": {"recipes": [recipe]}, "rules": ["beyond(1)"], "clear_runs": 1,
            "charts": charts, **more}


def chart(name, eq, lcl, ucl, alarm=True):
    return {"chart": name, "eq": eq, "alarm": alarm, "limits": {"centre": (lcl + ucl) / 2, "ucl": ucl, "lcl": lcl}}


def complete_run_strategy(blocks=8):
    """Judges OK only a good run that has every sample exactly once."""
    n = blocks * POINTS
    return strategy("complete", "FULL", [chart("n", "count(press)", n - 0.5, n + 0.5, alarm=False),
                                         chart("n_temp", "count(temp)", n - 0.5, n + 0.5, alarm=False),
                                         chart("level", "mean(press)", 45, 55)])


def any_run_strategy():
    return strategy("level", "PART", [chart("level", "mean(press)", 45, 55)])


def put_strategies(data, *strategies, version=1):
    """Straight into the file, as the store does it; nobody has it open."""
    with sqlite3.connect(data) as db:
        for s in strategies:
            row = {"v": 1, "kind": "strategy", "id": s["strategy"], "version": version, "approved": True,
                   "effective_us": 0, "created_us": 1, "author": "test", "comment": "", "body": json.dumps(s)}
            db.execute("INSERT INTO defs VALUES(0, ?, ?, ?)", (s["strategy"], version, json.dumps(row)))
    db.close()


def query(data, sql, *values):
    db = sqlite3.connect(f"file:{data}?mode=ro", uri=True, timeout=30)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


def is_quiet(data, open_too=False):
    """Nothing waits to be judged and no message is under way; with open_too no run is open either."""
    opened, unjudged, messages, unpublished = query(
        data, "SELECT open_contexts, unjudged, (SELECT count(*) FROM queue_msg),"
        " (SELECT count(*) FROM contexts WHERE open = 0 AND published = 0) FROM counters")[0]
    return unjudged == 0 and messages == 0 and unpublished == 0 and (opened == 0 or not open_too)


def now_us():
    return time.time_ns() // 1000
