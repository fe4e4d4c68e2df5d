# SPDX-License-Identifier: Apache-2.0
"""The traps of gRPC that touch the collector, against the real server: each test is one way to hurt it."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import grpc

from grpc_echo import (Echo, Hub, STREAM, block, check, health_pb, hello, pb, reflection_pb, run_end, run_start,
                       unary)

Code = grpc.StatusCode


def eventually(condition, seconds=60):
    """Asks again and again for what another process is about to do, with no event to wait for."""
    limit = time.monotonic() + seconds
    waiting = socket.socketpair()
    waiting[0].settimeout(0.05)
    try:
        while not condition():
            if time.monotonic() > limit:
                raise AssertionError("it did not come")
            try:
                waiting[0].recv(1)
            except socket.timeout:
                pass
    finally:
        waiting[0].close()
        waiting[1].close()


class Messages(unittest.TestCase):
    def test_a_run_is_acked_in_order(self):
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), run_start(), block(seq=1), block(seq=2), run_end(seq=3))
            self.assertEqual("echo", h.reply().hello.collector)
            self.assertEqual(0, h.reply().resume.seq)
            last = h.reply().ack
            while not last.end:
                last = h.reply().ack
            self.assertEqual(3, last.seq)
            self.assertEqual({"last": 3, "blocks": 2, "points": 20, "repeats": 0, "gaps": 0, "rejects": 0, "sum": 90.0,
                              "ended": True}, e.stats()["runs"]["run-1"])

    def test_a_half_close_ends_the_stream_ok(self):
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), None)
            self.assertEqual(Code.OK, h.status()[0])

    def test_a_stream_that_does_not_begin_with_hello_is_refused(self):
        with Echo() as e:
            for first in (run_start(), block()):
                with Hub(e.address) as h:
                    h.send(first)
                    code, text, reason = h.status()
                    self.assertEqual((Code.FAILED_PRECONDITION, "NO_HELLO"), (code, reason))
                    self.assertIn("hello", text)

    def test_bytes_that_are_not_protobuf_end_the_stream_and_the_service_goes_on(self):
        with Echo() as e:
            for junk in (b"\x0a\xff\xff\xff\xff\x7f", b"\xff" * 40, b"", b"\x1a\x02\x08"):
                with Hub(e.address, raw=True) as h:
                    h.send(hello().SerializeToString(), run_start().SerializeToString(), junk)
                    code, _, reason = h.status()
                    self.assertEqual((Code.INVALID_ARGUMENT, "MALFORMED"), (code, reason), junk)
            self.assertEqual("SERVING", check(e.address))
            eventually(lambda: e.stats()["live"] == 0)
            self.assertEqual(4, e.stats()["ended"])

    def test_wrong_hellos_are_named(self):
        bad_id, twice, version = hello(), hello(), hello()
        bad_id.hello.chambers[0].tool = "T 1"
        twice.hello.chambers[0].svids[1].number = 11
        version.hello.version = 9
        many = hello()
        for i in range(5000):
            many.hello.chambers[0].svids.add(number=100 + i, name=f"s{i}")
        with Echo() as e:
            for message, reason in ((bad_id, "BAD_ID"), (twice, "MALFORMED"), (version, "UNSUPPORTED"),
                                    (many, "TOO_MANY_SVIDS")):
                with Hub(e.address) as h:
                    h.send(message)
                    self.assertEqual(reason, h.status()[2])

    def rejected(self, message, code):
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), run_start(), message, block(seq=9))
            h.reply(), h.reply()
            reject = h.reply().reject
            self.assertEqual((7, 1, code), (reject.run, reject.seq, reject.code))
            self.assertNotEqual("", reject.text)
            self.assertEqual(9, h.reply().ack.seq)  # the stream goes on

    def test_an_unknown_svid_is_rejected(self):
        self.rejected(block(svid=99), "UNKNOWN_SVID")

    def test_a_count_that_differs_is_rejected(self):
        m = block()
        m.block.columns[0].values.append(1)
        self.rejected(m, "MALFORMED")

    def test_an_svid_that_stands_twice_is_rejected(self):
        m = block()
        m.block.columns.add(svid=11, clock=0, values=[0.0] * 10)
        self.rejected(m, "MALFORMED")

    def test_times_that_do_not_rise_are_rejected(self):
        m = block(n=3)
        del m.block.clocks[:]
        m.block.clocks.add(times_us=[5, 7, 7])
        self.rejected(m, "TIME_BACKWARDS")

    def test_a_clock_that_is_not_there_is_rejected(self):
        m = block()
        m.block.columns[0].clock = 3
        self.rejected(m, "MALFORMED")

    def test_too_many_points_are_rejected(self):
        self.rejected(block(n=300_000), "BLOCK_TOO_LARGE")

    def test_a_clock_of_billions_is_rejected_and_takes_no_memory(self):
        m = block()
        m.block.clocks[0].count = 4_000_000_000
        self.rejected(m, "MALFORMED")

    def test_a_run_of_an_unknown_chamber_is_rejected(self):
        m = run_start()
        m.run_start.chamber = "C9"
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), m, block())
            h.reply()
            first, second = h.reply().reject, h.reply().reject
            self.assertEqual((7, 0, "RUN_UNKNOWN"), (first.run, first.seq, first.code))
            self.assertEqual((7, 1, "RUN_UNKNOWN"), (second.run, second.seq, second.code))

    def test_packed_values_that_are_no_multiple_of_8_are_rejected(self):
        column = b"\x08\x0b\x1a\x07" + b"\0" * 7
        body = b"\x08\x07\x10\x01\x22" + bytes([len(column)]) + column
        with Echo() as e, Hub(e.address, raw=True) as h:
            h.send(hello().SerializeToString(), run_start().SerializeToString(), b"\x1a" + bytes([len(body)]) + body)
            h.reply(), h.reply()
            self.assertEqual("MALFORMED", h.reply().reject.code)

    def test_missing_readings_pass(self):
        m = block(n=3)
        m.block.columns[0].values[:] = [float("nan"), float("inf"), 1]
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), run_start(), m)
            h.reply(), h.reply()
            self.assertEqual(1, h.reply().ack.seq)


class Limits(unittest.TestCase):
    def test_an_oversize_message_is_refused_and_the_service_goes_on(self):
        with Echo("--max-message", 100_000) as e:
            with Hub(e.address) as h:
                h.send(hello(), run_start(), block(n=60_000))
                code, text, _ = h.status()
                self.assertEqual(Code.RESOURCE_EXHAUSTED, code)
                self.assertIn("400000", text)
            self.assertEqual("SERVING", check(e.address))

    def test_one_stream_too_many_is_told_so(self):
        with Echo("--max-streams", 2) as e, Hub(e.address) as a, Hub(e.address) as b:
            for h in (a, b):
                h.send(hello())
                h.reply()
            with Hub(e.address) as c:
                c.send(hello())
                code, text, reason = c.status()
                self.assertEqual((Code.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS"), (code, reason))
                self.assertIn("2 streams", text)
            self.assertEqual(1, e.stats()["refused"])
            a.send(run_start())
            self.assertEqual(7, a.reply().resume.run)  # the others go on
            b.send(None)
            self.assertEqual(Code.OK, b.status()[0])
            eventually(lambda: e.stats()["live"] == 1)
            with Hub(e.address) as d:
                d.send(hello())
                d.reply()

    def test_one_connection_too_many_is_told_so(self):
        with Echo("--max-connections", 1) as e, Hub(e.address) as a:
            a.send(hello())
            a.reply()
            with Hub(e.address) as b:
                b.send(hello())
                code, text, _ = b.status()
                self.assertEqual(Code.RESOURCE_EXHAUSTED, code)
                self.assertIn("1 connections", text)
            self.assertEqual("SERVING", check(e.address))  # probes are not hubs

    def test_a_gzip_bomb_is_refused_and_takes_no_memory(self):
        with Echo() as e:
            before = e.stats()["hwm_kb"]
            with Hub(e.address, raw=True, compression=grpc.Compression.Gzip) as h:
                h.send(b"\0" * (100 << 20))
                code, text, _ = h.status()
                self.assertEqual(Code.UNIMPLEMENTED, code)
                self.assertIn("ompress", text)
            self.assertLess(e.stats()["hwm_kb"] - before, 8 << 10)
            self.assertEqual("SERVING", check(e.address))

    def test_a_stalled_stream_is_bounded(self):
        blocks = 400
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), run_start())
            h.reply(), h.reply()
            h.send(*(block(seq=seq, n=2_000) for seq in range(1, blocks + 1)))  # 16 kB each; nothing stalls yet
            while h.reply().ack.seq < blocks:
                pass
            e.do("full")
            before = e.stats()["hwm_kb"]
            h.send(*(block(seq=blocks + seq, n=2_000) for seq in range(1, blocks + 1)))
            left = [-1] * 20

            def settled():
                left.append(h.outbox.qsize())
                return len(set(left[-20:])) == 1

            eventually(settled)
            self.assertLess(blocks - left[-1], 40)  # what the windows hold; a grown one takes hundreds
            with Hub(e.address) as other:  # meanwhile another hub is served
                other.send(hello(), run_start(run_id="run-2"), run_end(seq=1))
                other.reply(), other.reply()
                self.assertTrue(other.reply().ack.end)
            self.assertLess(e.stats()["hwm_kb"] - before, 8 << 10)
            e.do("resume")
            while h.reply().ack.seq < 2 * blocks:
                pass
            self.assertEqual(2 * blocks, e.stats()["runs"]["run-1"]["blocks"])

    def test_a_hub_that_never_reads_is_acked_in_bounded_memory(self):
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), run_start())
            h.send(*(block(seq=i, n=1) for i in range(1, 20_001)))
            eventually(lambda: e.stats()["seen"] == 20_002)
            replies = 0
            last = 0
            while last < 20_000:
                m = h.reply()
                replies += 1
                last = m.ack.seq
            if not os.environ.get("TFDC_SANITIZE"):
                self.assertLess(e.stats()["hwm_kb"], 100 << 10)


class Service(unittest.TestCase):
    def test_an_unknown_method_is_unimplemented_at_once(self):
        with Echo() as e:
            for path in ("/no.Such/Method", "/tfdc.ingest.v1.Ingest/Nothing"):
                with self.assertRaises(grpc.RpcError) as caught:
                    unary(e.address, path, health_pb.HealthCheckRequest(), health_pb.HealthCheckResponse, timeout=30)
                self.assertEqual(Code.UNIMPLEMENTED, caught.exception.code())

    def test_a_second_server_on_the_port_fails_with_a_clear_error(self):
        with Echo() as e:
            second = Echo("--listen", e.address, expect_failure=True)
            self.assertEqual(1, second.code)
            self.assertIn("port is in use", second.error)

    def test_health_is_checked_and_watched(self):
        with Echo() as e:
            self.assertEqual("SERVING", check(e.address))
            self.assertEqual("SERVING", check(e.address, "tfdc.ingest.v1.Ingest"))
            with self.assertRaises(grpc.RpcError) as caught:
                check(e.address, "no.Such")
            self.assertEqual(Code.NOT_FOUND, caught.exception.code())
            with grpc.insecure_channel(e.address) as channel:
                watch = channel.unary_stream("/grpc.health.v1.Health/Watch",
                                             request_serializer=health_pb.HealthCheckRequest.SerializeToString,
                                             response_deserializer=health_pb.HealthCheckResponse.FromString)
                states = watch(health_pb.HealthCheckRequest())
                self.assertEqual(1, next(states).status)
                e.do("notserving")
                self.assertEqual(2, next(states).status)
                e.do("serving")
                self.assertEqual(1, next(states).status)
                unknown = watch(health_pb.HealthCheckRequest(service="no.Such"))
                self.assertEqual(3, next(unknown).status)
                unknown.cancel()
                self.assertEqual("drained", e.do("drain 5000"))
                self.assertEqual(2, next(states).status)
                with self.assertRaises(grpc.RpcError) as caught:
                    next(states)
                self.assertEqual(Code.UNAVAILABLE, caught.exception.code())

    def test_reflection_tells_what_is_served(self):
        with Echo() as e, grpc.insecure_channel(e.address) as channel:
            Request = reflection_pb.ServerReflectionRequest
            for version in ("v1", "v1alpha"):
                stub = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                                             request_serializer=Request.SerializeToString,
                                             response_deserializer=reflection_pb.ServerReflectionResponse.FromString)
                replies = list(stub(iter([
                    Request(list_services=""), Request(file_containing_symbol="tfdc.ingest.v1.Ingest.Stream"),
                    Request(file_by_filename="health.proto"), Request(file_containing_symbol="tfdc.ingest.v1.Nothing"),
                    Request(file_containing_symbol=f"grpc.reflection.{version}.ServerReflection")])))
                services = [s.name for s in replies[0].list_services_response.service]
                self.assertIn("tfdc.ingest.v1.Ingest", services)
                self.assertIn(b"HubMessage", replies[1].file_descriptor_response.file_descriptor_proto[0])
                self.assertIn(b"grpc.health.v1", replies[2].file_descriptor_response.file_descriptor_proto[0])
                self.assertEqual(5, replies[3].error_response.error_code)
                self.assertIn(version.encode(), replies[4].file_descriptor_response.file_descriptor_proto[0])

    def test_a_drain_answers_what_was_read_and_ends_the_streams(self):
        with Echo() as e, Hub(e.address) as h:
            h.send(hello(), run_start(), block(seq=1))
            h.reply(), h.reply()
            self.assertEqual(1, h.reply().ack.seq)
            self.assertEqual("drained", e.do("drain 20000"))
            code, _, reason = h.status()
            self.assertEqual((Code.UNAVAILABLE, "DRAINING"), (code, reason))

    def test_a_drain_cuts_at_its_limit_what_is_never_answered(self):
        with Echo("--silent") as e, Hub(e.address) as h:
            h.send(hello(), run_start(), block(seq=1))
            h.reply()
            eventually(lambda: e.stats()["seen"] == 3)
            self.assertEqual("drained", e.do("drain 300"))
            self.assertNotEqual(Code.OK, h.status()[0])
            eventually(lambda: e.stats()["closed"] == 1)

    def test_a_dead_listener_is_found_and_replaced_while_streams_live_on(self):
        with Echo("--watchdog-ms", 200) as e, Hub(e.address) as h:
            h.send(hello(), run_start())
            h.reply(), h.reply()
            e.do("starve")
            with socket.create_connection(("127.0.0.1", e.port)) as s:  # its accept fails with EMFILE
                s.settimeout(0.5)
                with self.assertRaises(socket.timeout):
                    s.recv(1)
            e.do("feed")
            eventually(lambda: e.stats()["restarts"] >= 1)
            self.assertEqual("SERVING", check(e.address, timeout=30))
            h.send(block(seq=1))
            self.assertEqual(1, h.reply().ack.seq)

    def test_a_living_listener_is_left_alone(self):
        with Echo("--watchdog-ms", 20) as e:
            for _ in range(20):
                self.assertEqual("SERVING", check(e.address))
            self.assertEqual(0, e.stats()["restarts"])

    def test_a_frozen_hub_is_dropped_by_keepalive(self):
        with Echo("--keepalive-ms", 1000) as e:
            code = ("import sys, socket, grpc\nimport grpc_echo as g\n"
                    "h = g.Hub(sys.argv[1]); h.send(g.hello()); h.reply(); print('up', flush=True); sys.stdin.read()")
            with subprocess.Popen([sys.executable, "-c", code, e.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  cwd=os.path.dirname(__file__), text=True) as frozen:
                try:
                    self.assertEqual("up\n", frozen.stdout.readline())
                    self.assertEqual(1, e.stats()["live"])
                    frozen.send_signal(signal.SIGSTOP)
                    eventually(lambda: e.stats()["live"] == 0)
                finally:
                    frozen.kill()

    def test_a_hub_may_ping_every_6_seconds(self):
        pings = [("grpc.keepalive_time_ms", 6000), ("grpc.http2.max_pings_without_data", 0)]
        with Echo() as e, Hub(e.address, options=pings) as h:
            h.send(hello())
            h.reply()
            finished = []
            h.call.add_callback(lambda: finished.append(1))
            limit = time.monotonic() + 26  # the fourth untimely ping would end the connection
            eventually(lambda: time.monotonic() > limit)
            self.assertEqual([], finished)


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tfdc-tls-")
        for ca in ("ca", "foreign"):
            cls.run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-subj", f"/CN={ca}", "-keyout", cls.path(f"{ca}.key"), "-out", cls.path(f"{ca}.pem"))
        cls.make("server", "collector-1", "ca")
        cls.make("server2", "collector-2", "ca")
        cls.make("hub", "hub-7", "ca")
        cls.make("stranger", "stranger", "foreign")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def read(cls, name):
        with open(cls.path(name), "rb") as f:
            return f.read()

    @staticmethod
    def run_openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @classmethod
    def make(cls, name, cn, ca):
        with open(cls.path("ext"), "w", encoding="ascii") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        cls.run_openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={cn}",
                        "-keyout", cls.path(f"{name}.key"), "-out", cls.path("csr"))
        cls.run_openssl("x509", "-req", "-in", cls.path("csr"), "-CA", cls.path(f"{ca}.pem"), "-CAkey",
                        cls.path(f"{ca}.key"), "-CAcreateserial", "-days", "2", "-extfile", cls.path("ext"), "-out",
                        cls.path(f"{name}.pem"))

    def echo(self, cert="server", key=None, **kwargs):
        return Echo("--tls", self.path(f"{cert}.pem"), self.path(f"{key or cert}.key"), self.path("ca.pem"), **kwargs)

    def credentials(self, name="hub", ca="ca"):
        if name is None:
            return grpc.ssl_channel_credentials(self.read(f"{ca}.pem"))
        return grpc.ssl_channel_credentials(self.read(f"{ca}.pem"), self.read(f"{name}.key"), self.read(f"{name}.pem"))

    def test_a_hub_with_a_certificate_is_known_by_its_name(self):
        with self.echo() as e, Hub(e.address, self.credentials()) as h:
            h.send(hello())
            h.reply()
            self.assertEqual("hub-7", e.stats()["peer"])
            self.assertEqual("SERVING", check(e.address, credentials=self.credentials()))

    def test_strangers_are_refused(self):
        with self.echo() as e:
            for credentials in (self.credentials(None), self.credentials("stranger"), self.credentials("hub", "foreign"), None):
                with self.assertRaises(grpc.RpcError) as caught:
                    check(e.address, credentials=credentials)
                self.assertEqual(Code.UNAVAILABLE, caught.exception.code())
            self.assertEqual("SERVING", check(e.address, credentials=self.credentials()))

    def test_garbage_files_are_named(self):
        with open(self.path("garbage.pem"), "w", encoding="ascii") as f:
            f.write("garbage")
        with open(self.path("garbage.key"), "w", encoding="ascii") as f:
            f.write("garbage")
        for cert, key, text in (("garbage", "server", "garbage.pem: no certificate"),
                                ("server", "garbage", "garbage.key: no private key"),
                                ("server", "hub", "does not fit"), ("absent", "server", "absent.pem")):
            failed = self.echo(cert, key, expect_failure=True)
            self.assertEqual(1, failed.code)
            self.assertIn(text, failed.error)

    def served_name(self, e):
        out = subprocess.run(["openssl", "s_client", "-connect", e.address, "-alpn", "h2", "-cert", self.path("hub.pem"),
                              "-key", self.path("hub.key"), "-CAfile", self.path("ca.pem")], stdin=subprocess.DEVNULL,
                             capture_output=True, check=False).stdout.decode("utf-8", "replace")
        return [line for line in out.splitlines() if line.startswith("subject=")][0]

    def replace(self, source, target):
        with open(self.path(target + ".new"), "wb") as f:
            f.write(self.read(source))
        os.rename(self.path(target + ".new"), self.path(target))

    def test_certificates_are_rotated_without_restart(self):
        for name in ("pem", "key"):
            self.replace(f"server.{name}", f"live.{name}")
        with self.echo("live") as e, Hub(e.address, self.credentials()) as h:
            h.send(hello())
            h.reply()
            self.assertIn("collector-1", self.served_name(e))
            self.replace("server2.key", "live.key")
            self.assertIn("collector-1", self.served_name(e))
            self.replace("server2.pem", "live.pem")
            self.assertIn("collector-2", self.served_name(e))
            with open(self.path("live.pem"), "w", encoding="ascii") as f:
                f.write("garbage")
            self.assertIn("collector-2", self.served_name(e))  # the last good pair stays
            h.send(run_start())
            self.assertEqual(7, h.reply().resume.run)


if __name__ == "__main__":
    unittest.main(verbosity=2)
