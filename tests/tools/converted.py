# SPDX-License-Identifier: MIT
"""Runs streams that `caravan vmstate convert` made, by the command line that it tells."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

from common import CARAVAN, QEMU, check

PATIENCE = 60  # seconds for anything QEMU or its guest does


def convert(stream, out, *arguments, code=0):
    done = subprocess.run([CARAVAN, "vmstate", "convert", "--json", *arguments, stream, out],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != code:
        check(False, f"convert of {stream} ends with {code}, not {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def prepare(folder, command, notes, disk):
    """What the command line names: disks (copies of one), ROMs of the sizes told."""
    for file in re.findall(r"file=(\S+?\.img)", " ".join(command)):
        shutil.copyfile(disk, os.path.join(folder, file))
        os.chmod(os.path.join(folder, file), 0o600)
        sectors = next((int(n) for n in re.findall(re.escape(file) + r" .*?(\d+) sectors",
                                                   "\n".join(notes))), 0)
        if sectors:
            os.truncate(os.path.join(folder, file), sectors * 512)
    for kib in re.findall(r"romfile=rom-(\d+)k.bin", " ".join(command)):
        with open(os.path.join(folder, f"rom-{kib}k.bin"), "wb") as rom:
            rom.truncate(int(kib) * 1024)


class Loaded:
    """A QEMU that takes a stream in; `with` ends it."""

    def __init__(self, folder, command, source, extra=()):
        self.serial = os.path.join(folder, "serial")
        self.log = os.path.join(folder, "log")
        self.answers = b""
        self.qmp, theirs = socket.socketpair()
        self.qmp.settimeout(PATIENCE)
        words = " ".join(c for c in command if c != "-serial null").split()
        with open(self.log, "wb") as log, theirs:
            self.process = subprocess.Popen(
                [QEMU, *words, "-display", "none", "-no-user-config",
                 "-serial", f"file:{self.serial}", "-serial", "null", "-monitor", "none",
                 "-chardev", f"socket,id=qmp,fd={theirs.fileno()}", "-mon", "qmp,mode=control",
                 *extra, "-incoming", f"exec:{source}"],
                cwd=folder, stdin=subprocess.DEVNULL, stderr=log, stdout=log,
                pass_fds=[theirs.fileno()])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.qmp.close()

    def words(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(line for line in log if "is deprecated" not in line).strip()

    def line(self):
        """The next of QMP, or None when QEMU has ended."""
        while b"\n" not in self.answers:
            try:
                got = self.qmp.recv(65536)
            except (ConnectionResetError, TimeoutError):
                got = b""
            if not got:
                return None
            self.answers += got
        line, self.answers = self.answers.split(b"\n", 1)
        return json.loads(line)

    def ask(self, what, **arguments):
        self.qmp.sendall(json.dumps({"execute": what, "arguments": arguments}).encode())
        while (line := self.line()) is not None:
            if "return" in line or "error" in line:
                return line.get("return", line.get("error"))
        return None

    def loads(self):
        """Whether it runs in the end."""
        try:
            self.ask("qmp_capabilities")
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                status = self.ask("query-status")
                if not status or status.get("status") == "running":
                    return bool(status)
                time.sleep(0.05)
        except OSError:
            pass
        return False

    def said(self):
        try:
            with open(self.serial, encoding="latin-1") as serial:
                return serial.read()
        except FileNotFoundError:
            return ""

    def runs_on(self):
        """The guest ticks, takes a key, ticks on, and finds itself whole. None, or what is wrong."""
        for what, reached in (("ticks", lambda text: len(ticks(text)) >= 2),
                              ("takes a key", lambda text: "KEY" in text or "key 1e" in text),
                              ("ticks on", lambda text: len(ticks(text)) >= self.seen + 2)):
            if what == "takes a key":
                self.ask("send-key", keys=[{"type": "qcode", "data": "a"}])
            self.seen = len(ticks(self.said()))
            end = time.monotonic() + PATIENCE
            while not reached(self.said()):
                if self.process.poll() is not None or time.monotonic() > end:
                    return f"never {what}: {self.said()[-300:]!r} {self.words()}"
                time.sleep(0.05)
        counts = ticks(self.said())
        if sorted(set(counts)) != counts:
            return f"ticks {counts}"
        wrong = re.search("BAD|BACK|EXC|boot", self.said())
        return f"{wrong.group()}: {self.said()[-300:]!r}" if wrong else None


def ticks(text):
    return [int(n, 16) for n in re.findall(r"(?:TICK|tick) ([0-9a-fA-F]+)[^\n]*\n", text)]


if __name__ == "__main__":
    sys.exit("a part of others")
