# SPDX-License-Identifier: MIT
"""The SPICE client: `caravan probe`, driven by lines on its input, watched by its events."""
import json
import os
import shlex
import subprocess
import threading
import time

from .picture import Picture
from .run import Failure, Skip, check

COMMAND_SECONDS = 20
COMMAND_FAILED = 5


def probe_command(uri, password, settings):
    command = os.environ.get("CARAVAN_PROBE")
    if not command:
        raise Skip("no client (CARAVAN_PROBE)")
    arguments = [*shlex.split(command), "probe", "--json"]
    if password is not None:
        arguments += ["--password", password]
    return [*arguments, *(f"--set={setting}" for setting in settings), uri]


class Client:
    """One `caravan probe` process (CARAVAN_PROBE is the command). Events are kept in order."""

    def __init__(self, bench, name, uri, password=None, settings=(), environment=None,
                 command=None):
        """command: of another client with the same kind of input and output."""
        self.bench, self.name = bench, name
        self.events = []
        self._news = threading.Condition()
        self._ended = False
        self._log = bench.path(f"{name}.log")
        arguments = command or probe_command(uri, password, settings)
        environment = dict(os.environ, **(environment or {}))
        with open(bench.path(f"{name}.stderr"), "wb") as errors:
            self.process = bench.spawn(arguments, self._log, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=errors, env=environment)
        bench.watch_log(f"stderr of {name}", bench.path(f"{name}.stderr"))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with open(self._log, "wb") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                with self._news:
                    self.events.append(event)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    # -- events --

    def now(self):
        """An index into events: those from here on are new."""
        with self._news:
            return len(self.events)

    def wait(self, matches, seconds, what, since=0):
        """The index of the first event from `since` on with matches(event)."""
        end = time.monotonic() + seconds
        at = since
        with self._news:
            while True:
                while at < len(self.events):
                    if matches(self.events[at]):
                        return at
                    at += 1
                left = end - time.monotonic()
                if left <= 0:
                    raise Failure(f"{self.name}: no {what} within {seconds} s")
                if self._ended:
                    raise Failure(f"{self.name}: ended before {what}, status "
                                  f"{self.process.wait(timeout=5)}")
                self._news.wait(left)

    def wait_event(self, name, seconds, since=0, **fields):
        """The index of the first event of that name and with those fields."""
        def matches(event):
            return event.get("event") == name and all(
                event.get(field) == value for field, value in fields.items())
        return self.wait(matches, seconds, f"event {name} {fields or ''}", since)

    def seen(self, names, since=0):
        """The events of these names from `since` on."""
        with self._news:
            return [event for event in self.events[since:] if event.get("event") in names]

    # -- commands --

    def try_command(self, line, seconds=COMMAND_SECONDS):
        """The reply to a command line, whatever it says."""
        since = self.now()
        self.send(line)
        return self.events[self.wait_event("reply", seconds, since, cmd=line.split()[0])]

    def command(self, line, seconds=COMMAND_SECONDS):
        """The reply to a command line that must go well."""
        reply = self.try_command(line, seconds)
        check(reply.get("ok"), f"{self.name}: {line!r} failed: {reply}")
        return reply

    def send(self, line):
        """Sends a command without waiting for its reply."""
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name}: has ended, status {self.process.poll()}") from None

    def wait_picture(self, width=None, height=None, seconds=15):
        """Waits until there is a primary surface, of that size if given."""
        size = f"{width} {height} " if width else ""
        self.command(f"wait-primary {size}{seconds}", seconds + 5)

    def hash(self):
        return self.command("hash")["sha256"]

    def screenshot(self):
        path = self.bench.path(f"{self.name}.ppm")
        self.command(f"screenshot {path}")
        picture = Picture.from_ppm(path)
        os.unlink(path)
        return picture

    def gap_ms(self):
        """The longest time between two pictures since gap_reset(), in milliseconds."""
        return self.command("gap")["max_gap_ms"]

    def gap_reset(self):
        self.command("gap-reset")

    def stats(self):
        return self.command("stats")

    def channel_bytes(self, kind):
        """Bytes read so far on all channels of a kind, such as "display"."""
        channels = self.stats()["channels"]
        return sum(channel["bytes"] for channel in channels if channel["type"] == kind)

    def logged(self):
        """What it wrote to its output."""
        with open(self._log, errors="replace", encoding="utf-8") as file:
            return file.read()

    def said(self):
        """What it wrote to its standard error."""
        with open(self.bench.path(f"{self.name}.stderr"), errors="replace", encoding="utf-8") as file:
            return file.read()

    def quit(self):
        """A clean end; its status tells whether a command has failed."""
        self.send("quit")
        status = self.end()
        failed = any(not reply["ok"] for reply in self.seen(["reply"]))
        check(status == (COMMAND_FAILED if failed else 0), f"{self.name}: ended with status {status}")

    def end(self, seconds=20):
        """The exit status once the client has ended."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name}: has not ended within {seconds} s") from None


def connect(bench, vm, name="client", uri=None, password=None, settings=(), environment=None):
    """A client that shows the VM's screen and has all of its channels."""
    client = Client(bench, name, uri or vm.spice.uri, password, settings, environment)
    client.wait_picture()
    for channel in ("inputs", "cursor"):
        client.command(f"wait-channel {channel} 10")
    bench.say(f"{name} is connected to {uri or vm.spice.uri}")
    return client
