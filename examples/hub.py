# SPDX-License-Identifier: Apache-2.0
"""A complete hub for tFDC's ingest API: it buffers, reconnects, resends from the resume point and heeds rejects.

docs/guide/connect-a-hub.md says how to run it and explains each step."""
import logging
import queue
import random
import sys
import threading
import time

import grpc

import ingest_pb2 as pb

log = logging.getLogger("hub")
PERMANENT = {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNIMPLEMENTED", "PERMISSION_DENIED", "UNAUTHENTICATED"}


class Run:
    """One process run: its start, and every message behind it until the collector has acked or rejected it."""

    def __init__(self, start):
        self.start, self.seq = start, 0
        self.pending = {}  # seq -> message; on a real hub this is on disk
        self.resumed = False  # on this stream: before the resume point is known nothing else is sent
        self.ended = threading.Event()


class Hub:
    def __init__(self, target, chambers, credentials=None):
        options = [("grpc.keepalive_time_ms", 20000)]
        self.connect = lambda: (grpc.secure_channel(target, credentials, options) if credentials
                                else grpc.insecure_channel(target, options))
        self.hello = pb.HubMessage(hello=pb.Hello(hub="example hub", version=1, chambers=chambers))
        self.lock = threading.RLock()
        self.runs, self.handles = {}, 0  # handle -> Run
        self.outbox = None  # queue of the live stream, None while there is none
        self.rejected, self.failed = [], None
        threading.Thread(target=self._keep_connected, daemon=True).start()

    # ---- what the tool side calls ----
    def start_run(self, tool, chamber, run_id, start_us, context=None):
        with self.lock:
            self.handles += 1
            run = self.runs[self.handles] = Run(pb.HubMessage(run_start=pb.RunStart(
                run=self.handles, tool=tool, chamber=chamber, run_id=run_id, start_us=start_us, context=context)))
            self._put(run.start)
            return self.handles

    def send(self, handle, **kind):  # e.g. block=pb.Block(...), run_end=pb.RunEnd(...)
        with self.lock:
            run, message = self.runs[handle], pb.HubMessage(**kind)
            run.seq += 1
            body = getattr(message, message.WhichOneof("message"))
            body.run, body.seq = handle, run.seq
            run.pending[run.seq] = message  # first kept, then sent
            if run.resumed:
                self._put(message)

    def wait(self, handle, timeout):
        if not self.runs[handle].ended.wait(timeout):
            raise TimeoutError(f"{len(self.runs[handle].pending)} messages are not acked; {self.failed or ''}")
        with self.lock:
            del self.runs[handle]

    def close(self):
        with self.lock:
            self.failed = "closed"
            self._put(None)

    # ---- the stream ----
    def _put(self, message):
        if self.outbox is not None:
            self.outbox.put(message)

    def _keep_connected(self):
        wait_s = 0.1
        while self.failed is None:
            with self.connect() as channel:
                try:
                    for reply in self._open(channel):
                        wait_s = 0.1
                        self._on_reply(reply)
                except grpc.RpcError as e:
                    log.info("stream ended: %s %s", e.code(), e.details())
                    if e.code().name in PERMANENT:  # no reconnect will cure it
                        self.failed = f"{e.code()}: {e.details()}"
            with self.lock:
                self._put(None)  # ends the request iterator of the old stream
                self.outbox = None
            time.sleep(wait_s * random.uniform(0.5, 1))
            wait_s = min(wait_s * 2, 10)

    def _open(self, channel):
        stream = channel.stream_stream("/tfdc.ingest.v1.Ingest/Stream", pb.HubMessage.SerializeToString,
                                       pb.CollectorMessage.FromString)
        with self.lock:
            self.outbox = queue.Queue()
            self._put(self.hello)
            for run in self.runs.values():
                run.resumed = False
                if not run.ended.is_set():
                    self._put(run.start)
            return stream(iter(self.outbox.get, None))

    def _on_reply(self, reply):
        kind = reply.WhichOneof("message")
        body = getattr(reply, kind)
        with self.lock:
            if kind == "hello" or body.run not in self.runs:
                return
            run = self.runs[body.run]
            if kind in ("resume", "ack"):  # durable up to here
                for seq in [s for s in run.pending if s <= body.seq]:
                    del run.pending[seq]
            if kind == "resume":
                run.seq = max(run.seq, body.seq)
                run.resumed = True
                for message in run.pending.values():  # everything behind the resume point, in order
                    self._put(message)
            if (kind == "ack" and body.end) or (kind == "resume" and body.closed and not run.pending):
                run.ended.set()
            if kind == "reject":  # never send it again; tell people
                run.pending.pop(body.seq, None)
                self.rejected.append((body.run, body.seq, body.code, body.text))
                log.warning("rejected: run %d message %d: %s %s", *self.rejected[-1])
                if body.seq == 0:  # the run itself
                    run.ended.set()


def main():
    logging.basicConfig(level=logging.INFO)
    svids = [pb.Svid(number=11, name="pressure", unit="mTorr", rate_hz=10),
             pb.Svid(number=12, name="temperature", unit="Cel", rate_hz=10)]
    hub = Hub(sys.argv[1], [pb.Chamber(tool="ETCH-01", chamber="PM1", tool_type="ETCH", svids=svids)])
    start_us = int(time.time() * 1e6)
    handle = hub.start_run("ETCH-01", "PM1", f"run-{start_us}", start_us, pb.Context(recipe_id="MAIN-ETCH", lot_id="L1"))
    for second in range(30):  # one block a second: two SVIDs on one clock
        clock = pb.Clock(start_us=start_us + second * 1_000_000, period_us=100_000, count=10)
        columns = [pb.Column(svid=s.number, values=[random.gauss(50, 1) for _ in range(10)]) for s in svids]
        hub.send(handle, block=pb.Block(clocks=[clock], columns=columns))
    hub.send(handle, run_end=pb.RunEnd(end_us=start_us + 30_000_000))
    hub.wait(handle, 60)
    log.info("the run is with the collector")


if __name__ == "__main__":
    main()
