# SPDX-License-Identifier: Apache-2.0
"""What people see: lists, help, typing errors, pipes, terminals, alarms that come."""
import fcntl
import json
import os
import pty
import queue
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import unicodedata
import unittest

from cli_lab import Fab, lines, tfdc
from dev_lab import SOURCE, TFDC, WAIT_S, Dev, Hub, Run, any_run_strategy, is_quiet, now_us, put_strategies, until

COMMANDS = ("status", "runs", "inspect", "alarms", "charts", "export", "learn", "apply", "rejudge", "config")


class Searching(Fab):
    """Lists, what a typing error gives, pipes and terminals. The two recipes' names are not ASCII."""

    @classmethod
    def send(cls):
        cls.begin_us = now_us() - 3 * 3_600_000_000
        runs = [Run("T1", c, f"{c}-{i}", cls.begin_us + i * 3_600_000_000, recipe, blocks=1, bad=i == 2)
                for c, recipe in (("C1", "ÄTZEN 漢字"), ("C2", "x\u0301y")) for i in range(3)]
        with Hub(cls.dev.address, [("T1", "C1"), ("T1", "C2")], historical=True) as hub:
            hub.send_all(runs)
        cls.quiet()

    def found(self, *args):
        return sorted(r["context"]["run_id"] for r in lines(self.ok("runs", "--json", *args)))

    def test_runs_are_found_by_what_they_are_and_when(self):
        everything = [f"C{c}-{i}" for c in (1, 2) for i in range(3)]
        for args, expected in (
                ([], everything), (["--chamber", "T1:C2"], everything[3:]), (["--tool", "T2"], []),
                (["--recipe", "ÄTZEN*"], everything[:3]), (["--wafer", "C?-1"], ["C1-1", "C2-1"]),
                (["--lot", "L1", "--chamber", "C1"], everything[:3]), (["--lot", "L2"], []),
                (["--verdict", "NOT_JUDGED"], everything), (["--verdict", "OOC"], []), (["--state", "OPEN"], []),
                (["--since", "90m"], ["C1-2", "C2-2"]), (["--from", "-90m"], ["C1-2", "C2-2"]),
                (["--until", "90m"], ["C1-0", "C1-1", "C2-0", "C2-1"]), (["--since", "150m", "--until", "90m"],
                                                                         ["C1-1", "C2-1"]),
                (["--since", str(self.begin_us + 3_600_000_000)], ["C1-1", "C1-2", "C2-1", "C2-2"]),
                (["--since", "2026-01-01T00:00+02:00", "--until", "now"], everything), (["--since", "9999-01-01"], [])):
            with self.subTest(args=args):
                self.assertEqual(expected, self.found(*args))
        self.assertEqual(2, len(self.found("--limit", "2")))

    def test_a_list_says_when_there_is_more_or_nothing(self):
        self.assertIn("the newest 2; --limit 0 lists all", self.ok("runs", "--limit", "2").stderr)
        none = self.ok("runs", "--lot", "nobody")
        self.assertEqual(("", "no run fits\n"), (none.stdout, none.stderr))
        self.assertEqual("", self.ok("alarms").stdout)

    def test_the_file_answers_where_no_server_does(self):
        on_file = tfdc("runs", *self.a_copy())
        self.assertEqual((0, self.ok("runs").stdout), (on_file.returncode, on_file.stdout), on_file.stderr)
        self.assertEqual(0, tfdc("inspect", "C1-1", *self.a_copy("i")).returncode)
        nobody = tfdc("runs", "--data", f"{self.folder}/none.db", "--http.listen", "127.0.0.1:1")
        self.assertEqual(3, nobody.returncode)
        for text in ("none.db", "tfdc dev", "--server URL", "--data FILE"):
            self.assertIn(text, nobody.stderr)
        self.assertEqual(3, tfdc("runs", "--server", "127.0.0.1:1").returncode)

    def test_typing_errors_are_told_with_what_was_meant(self):
        for args, text in (
                (["rns"], "did you mean `tfdc runs`?"), (["frobnicate"], "`tfdc help` lists the commands"),
                (["runs", "--verdct=OK"], "no option --verdct; did you mean --verdict?"),
                (["runs", "--nothing-like-it"], "`tfdc runs --help` lists them"),
                (["runs", "--http.listn", "x"], "http.listen"), (["runs", "-x"], "no option -x"),
                (["runs", "--limit"], "--limit needs N"), (["runs", "--limit", "few"], "'few' is not a whole number"),
                (["runs", "--json=yes"], "--json takes no value"), (["runs", "--since", "yesterday"], "2h (ago"),
                (["runs", "--since", "1764000000"], "microseconds since 1970"), (["runs", "C1-1"], "unexpected"),
                (["alarms", "--every", "nan"], "is not a number"), (["inspect"], "ID is missing")):
            with self.subTest(args=args):
                done = tfdc(*args)
                self.assertEqual((2, ""), (done.returncode, done.stdout))
                self.assertIn(text, done.stderr)
        self.assertIn("NOT_JUDGED", self.fails(2, "runs", "--verdict", "BAD"))
        self.assertIn("no run 'C9-9'", self.fails(4, "inspect", "C9-9"))

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        ends, begins = os.pipe()
        os.close(ends)
        done = subprocess.run([TFDC, "runs", "--server", self.server], stdout=begins, stderr=subprocess.PIPE,
                              timeout=WAIT_S, check=False)
        os.close(begins)
        self.assertEqual((-signal.SIGPIPE, b""), (done.returncode, done.stderr))
        full = subprocess.run(f"{TFDC} runs --server {self.server} > /dev/full", shell=True, stderr=subprocess.PIPE,
                              timeout=WAIT_S, check=False)
        self.assertEqual(1, full.returncode)
        self.assertIn(b"cannot write the output", full.stderr)

    def test_following_ends_when_nobody_listens(self):
        tail = subprocess.Popen([TFDC, "alarms", "--follow", "--every", "0.05", "--server", self.server],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(tail.kill)
        tail.stdout.close()
        self.assertEqual(0, tail.wait(WAIT_S))

    def on_terminal(self, columns, *args, **env):
        """What a terminal of that width is given."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TFDC_") or k == "TFDC_SANITIZE"}
        done = subprocess.run([TFDC, *args, "--server", self.server], stdout=slave, stderr=subprocess.PIPE,
                              env={**clean, **env}, timeout=WAIT_S, check=False)
        os.close(slave)
        self.assertEqual(0, done.returncode, done.stderr)
        text = b""
        with open(master, "rb", buffering=0) as f:
            try:
                while piece := f.read(65536):
                    text += piece
            except OSError:  # that is how a terminal ends
                pass
        return text.decode()

    def test_colours_and_width_are_for_terminals(self):
        self.assertIn("\x1b[", self.on_terminal(200, "runs"))
        plain = self.on_terminal(200, "runs", NO_COLOR="1")
        self.assertNotIn("\x1b[", plain)
        self.assertEqual(self.ok("runs").stdout.splitlines(), plain.splitlines())
        self.assertNotIn("\x1b[", self.ok("runs").stdout)

    def test_columns_stand_below_each_other_whatever_the_script(self):
        title, *rows = self.ok("runs").stdout.splitlines()
        at = title.index("LOT")
        for row in rows:
            cells = "".join(c for c in row if not unicodedata.combining(c))
            wide = "".join(c + "\0" * (unicodedata.east_asian_width(c) == "W") for c in cells)
            self.assertEqual("L1", wide[at:at + 2], row)

    def test_help_and_the_page_say_the_same(self):
        page = tfdc("help", "--markdown").stdout
        with open(f"{SOURCE}/docs/cli.md", encoding="utf-8") as f:
            self.assertEqual(page, f.read(), "docs/cli.md is stale: run `make docs`")
        names = [line.split()[2] for line in page.splitlines() if line.startswith("## tfdc ")]
        self.assertLess(9, len(names))
        listed = tfdc("help").stdout
        for name in names:
            with self.subTest(name=name):
                self.assertRegex(listed, f"(?m)^  {name} ")
                text = tfdc(name, "--help")
                self.assertEqual((0, ""), (text.returncode, text.stderr))
                self.assertEqual(text.stdout, tfdc("help", name).stdout)
                self.assertIn("\nexample:\n  tfdc " + name, text.stdout)
                if name in COMMANDS:
                    self.assertLessEqual(max(map(len, text.stdout.splitlines())), 120)

    def test_the_shell_completes_commands_and_options(self):
        script = 'eval "$("$0" completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tfdc; echo "${COMPREPLY[@]}"'
        for words, expected in ((["ru"], "runs"), (["runs", "--verd"], "--verdict"), (["apply", "--d"], "--dry-run"),
                                (["completion", "--h"], "--help"), (["nothing", "--h"], "")):
            done = subprocess.run(["bash", "-c", script, TFDC, TFDC, *words], capture_output=True, text=True,
                                  timeout=WAIT_S, check=False)
            self.assertEqual((expected + "\n", ""), (done.stdout, done.stderr), words)
        self.assertEqual(2, tfdc("completion", "fish").returncode)

    def test_the_manual_page_is_made_of_its_macros(self):
        page = tfdc("help", "--man").stdout.splitlines()
        macros = {line.split()[0] for line in page if line[:1] in (".", "'")}
        self.assertEqual({".TH", ".SH", ".SS", ".B", ".I", ".TP", ".PP", ".nf", ".fi"}, macros)
        self.assertIn("\\-\\-dry\\-run", page)
        self.assertEqual(page.count(".nf"), sum(line.startswith(".SS ") for line in page))


class Following(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="tfdc-cli-")
        self.addCleanup(shutil.rmtree, folder)
        self.data = f"{folder}/fab.db"
        with Dev(self.data) as first:  # makes the file
            first.stop()
        put_strategies(self.data, any_run_strategy())
        self.runs = 0

    def start(self, port=0):
        """A process; on the port of the one before it, once that is free."""
        dev = until("the port", lambda: (lambda d: d if d.ready else d.wait() and None)(
            Dev(self.data, **{"http.listen": f"127.0.0.1:{port}"})))
        self.addCleanup(dev.__exit__)
        return dev

    def send(self, dev, *runs):
        """(chamber, bad) each; then all are judged."""
        with Hub(dev.address, [("T1", "C1"), ("T1", "C2")], historical=True) as hub:
            for chamber, bad in runs:
                self.runs += 1
                run = Run("T1", chamber, f"run-{self.runs}", now_us() - 3_600_000_000 + self.runs * 60_000_000, "PART",
                          bad=bad, blocks=1)
                hub.send_all([run])
        until("all judged", lambda: is_quiet(self.data), alive=dev)

    def test_no_alarm_is_missed_or_doubled_over_a_restart(self):
        dev = self.start()
        port = dev.ready["http_port"]
        self.send(dev, ("C1", True))  # of before: no news
        tail = subprocess.Popen([TFDC, "alarms", "--follow", "--json", "--every", "0.05", "--server",
                                 f"127.0.0.1:{port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for end in (tail.stdout.close, tail.stderr.close, tail.wait, tail.kill):  # the last one first
            self.addCleanup(end)
        said, told = queue.SimpleQueue(), queue.SimpleQueue()
        for stream, to in ((tail.stdout, said), (tail.stderr, told)):
            threading.Thread(target=lambda s=stream, q=to: [q.put(line) for line in s], daemon=True).start()
        heard = []

        def hear(*expected):
            """The next alarms, in any order of chambers."""
            some = [json.loads(said.get(timeout=WAIT_S)) for _ in expected]
            for a in some:
                self.assertTrue(all(a["update"] > b["update"] for b in heard if a["alarm_id"] == b["alarm_id"]), heard)
            heard.extend(some)
            self.assertEqual(sorted(expected), sorted((a["chamber"], a["state"]) for a in some))

        self.assertIn("following alarms", told.get(timeout=WAIT_S))
        self.send(dev, ("C2", True))
        first = json.loads(said.get(timeout=WAIT_S))
        self.assertEqual(("C2", "OPEN"), (first["chamber"], first["state"]))
        heard.append(first)
        dev.kill()
        self.assertIn("waiting for it", told.get(timeout=WAIT_S))
        dev = self.start(port)
        self.assertIn("it answers again", told.get(timeout=WAIT_S))
        self.send(dev, ("C1", False), ("C2", True))  # ends one, goes on with the other
        hear(("C1", "CLEARED"), ("C2", "OPEN"))
        dev.stop()
        self.assertIn("waiting for it", told.get(timeout=WAIT_S))
        dev = self.start(port)
        self.send(dev, ("C2", False))
        hear(("C2", "CLEARED"))
        tail.send_signal(signal.SIGINT)
        self.assertEqual(0, tail.wait(WAIT_S))
        self.assertTrue(said.empty())
        keys = [(a["alarm_id"], a["update"]) for a in heard]
        self.assertEqual(len(set(keys)), len(keys))
        stored = {a["alarm_id"]: a["update"] for a in dev.json("/api/v1/alarms")["alarms"]}
        self.assertEqual(stored, {i: max(u for j, u in keys if j == i) for i in stored})


class Tokens(unittest.TestCase):
    def test_who_changes_something_needs_the_token(self):
        folder = tempfile.mkdtemp(prefix="tfdc-cli-")
        self.addCleanup(shutil.rmtree, folder)
        text = json.dumps(any_run_strategy())
        with Dev(f"{folder}/fab.db", **{"http.token": "open sesame"}) as dev:
            server = ["--server", f"127.0.0.1:{dev.ready['http_port']}"]
            for env, status in (({}, 1), ({"TFDC_HTTP_TOKEN": "wrong"}, 1), ({"TFDC_HTTP_TOKEN": "open sesame"}, 0)):
                done = tfdc("apply", "-", *server, stdin=text, **env)
                self.assertEqual(status, done.returncode, done.stderr)
                self.assertEqual(status == 1, "token" in done.stderr, done.stderr)
                self.assertEqual(0, tfdc("runs", *server, **env).returncode)  # everybody may look


if __name__ == "__main__":
    unittest.main()
