# SPDX-License-Identifier: Apache-2.0
"""What the Python tests of the ingest API share: the messages of api/*.proto, a running hub_sink_echo, and hubs."""
import importlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile

import grpc

ECHO = os.environ["HUB_SINK_ECHO"]
SOURCE = os.environ["TFDC_SOURCE"]

_gen = tempfile.mkdtemp(prefix="tfdc-proto-")
subprocess.run(["protoc", f"-I{SOURCE}/api", f"--python_out={_gen}"]
               + [f"{SOURCE}/api/{p}.proto" for p in ("ingest", "health", "reflection", "status")], check=True)
sys.path.insert(0, _gen)
pb, health_pb, reflection_pb, status_pb = (importlib.import_module(f"{p}_pb2")
                                           for p in ("ingest", "health", "reflection", "status"))
shutil.rmtree(_gen)

STREAM = "/tfdc.ingest.v1.Ingest/Stream"


class Echo:
    """A hub_sink_echo process; commands are answered by one line each."""

    def __init__(self, *args, expect_failure=False):
        self.process = subprocess.Popen([ECHO, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1)
        line = self.process.stdout.readline()
        if expect_failure:
            if line:
                self.process.kill()
            self.error = self.process.stderr.read()
            self.code = self.process.wait()
            self._close_pipes()
            return
        if not line.startswith("port "):
            raise RuntimeError(self.process.stderr.read())
        self.port = int(line.split()[1])
        self.address = f"127.0.0.1:{self.port}"

    def do(self, command):
        self.process.stdin.write(command + "\n")
        return self.process.stdout.readline().strip()

    def stats(self):
        return json.loads(self.do("stats"))

    def _close_pipes(self):
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.stdin.close()
        try:
            code = self.process.wait(60)
        finally:
            self.process.kill()
            self.errors = self.process.stderr.read()
            self._close_pipes()
        assert code == 0, self.errors


class Hub:
    """One stream: send() puts messages into it, replies() iterates, status() waits for its end."""

    def __init__(self, target, credentials=None, options=(), raw=False, compression=None):
        options = [("grpc.use_local_subchannel_pool", 1), *options]
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials
                        else grpc.insecure_channel(target, options))
        self.outbox = queue.Queue()
        stub = self.channel.stream_stream(
            STREAM, request_serializer=(lambda b: b) if raw else pb.HubMessage.SerializeToString,
            response_deserializer=pb.CollectorMessage.FromString)
        self.call = stub(iter(self.outbox.get, None), compression=compression)

    def send(self, *messages):
        for m in messages:
            self.outbox.put(m)

    def reply(self):
        return next(self.call)

    def status(self):
        """Waits for the end of the stream: (status code, text, reason)."""
        try:
            for _ in self.call:
                pass
        except grpc.RpcError:
            pass
        reason = ""
        for key, value in self.call.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                info = status_pb.ErrorInfo.FromString(status_pb.Status.FromString(value).details[0].value)
                reason = info.reason
        return self.call.code(), self.call.details(), reason

    def close(self):
        self.outbox.put(None)
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def unary(target, path, request, reply_type, credentials=None, timeout=10, options=()):
    options = [("grpc.use_local_subchannel_pool", 1), *options]
    channel = grpc.secure_channel(target, credentials, options) if credentials else grpc.insecure_channel(target, options)
    with channel:
        stub = channel.unary_unary(path, request_serializer=type(request).SerializeToString,
                                   response_deserializer=reply_type.FromString)
        return stub(request, timeout=timeout)


def check(target, service="", credentials=None, timeout=10):
    r = unary(target, "/grpc.health.v1.Health/Check", health_pb.HealthCheckRequest(service=service),
              health_pb.HealthCheckResponse, credentials, timeout)
    return health_pb.HealthCheckResponse.ServingStatus.Name(r.status)


def hello(hub="test"):
    m = pb.HubMessage()
    m.hello.hub = hub
    m.hello.version = 1
    chamber = m.hello.chambers.add(tool="T1", chamber="C1", tool_type="T")
    chamber.svids.add(number=11, name="press", unit="mTorr", rate_hz=10)
    chamber.svids.add(number=12, name="temp", unit="Cel", rate_hz=10)
    return m


def run_start(run=7, run_id="run-1"):
    m = pb.HubMessage()
    m.run_start.run = run
    m.run_start.tool, m.run_start.chamber = "T1", "C1"
    m.run_start.run_id = run_id
    m.run_start.start_us = 1_000_000
    m.run_start.context.recipe_id = "etch"
    return m


def block(run=7, seq=1, n=10, svid=11):
    m = pb.HubMessage()
    m.block.run, m.block.seq = run, seq
    m.block.clocks.add(start_us=1_000_000 + seq * 10_000_000, period_us=100_000, count=n)
    m.block.columns.add(svid=svid, clock=0, values=[float(i) for i in range(n)])
    return m


def run_end(run=7, seq=2):
    m = pb.HubMessage()
    m.run_end.run, m.run_end.seq, m.run_end.end_us = run, seq, 99_000_000
    return m
