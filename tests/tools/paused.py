# SPDX-License-Identifier: MIT
"""QEMUs that never run a guest: saved to a file, and loaded from one."""
import json
import socket
import subprocess

from common import QEMU

BASE = ["-nodefaults", "-no-user-config", "-accel", "tcg", "-display", "none", "-S"]


class Refused(Exception):
    """QEMU's own words."""


class Paused:
    """A QEMU that stands still, with its monitor; ended by `with`."""

    def __init__(self, arguments):
        self.monitor, theirs = socket.socketpair()
        fd = theirs.fileno()
        self.process = subprocess.Popen(
            [QEMU, *BASE, *arguments, "-chardev", f"socket,id=caravan-test,fd={fd}", "-mon",
             "caravan-test,mode=control"], pass_fds=[fd], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        theirs.close()
        self.monitor.settimeout(60)
        self.lines = self.monitor.makefile("r", encoding="utf-8")
        self.line()
        self.ask("qmp_capabilities")
        self.ask("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])

    def line(self):
        try:
            line = self.lines.readline()
        except ConnectionResetError:
            line = ""
        if not line:
            raise Refused(self.process.stderr.read().strip())
        return json.loads(line)

    def ask(self, command, **arguments):
        message = json.dumps({"execute": command, "arguments": arguments}) + "\n"
        self.monitor.sendall(message.encode())
        while True:
            answer = self.line()
            if "error" in answer:
                raise Refused(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def last_words(self):
        """What it says before it ends, as QEMU does when it cannot load."""
        try:
            return self.process.communicate(timeout=5)[1].strip()
        except subprocess.TimeoutExpired:
            return ""

    def human(self, line):
        said = self.ask("human-monitor-command", **{"command-line": line})
        if said.strip():
            raise Refused(said)

    def migration(self, command, uri):
        self.ask(command, uri=uri)
        while True:
            event = self.line()
            status = event.get("data", {}).get("status")
            if event.get("event") == "MIGRATION" and status in ("failed", "completed"):
                if status == "failed":
                    raise Refused(self.last_words() or f"{command} failed")
                return

    def close(self):
        try:
            self.ask("quit")
            self.process.wait(timeout=20)
        except (Refused, OSError, subprocess.TimeoutExpired):
            pass
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.lines.close()
        self.monitor.close()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


def save(path, arguments, before=None):
    """Saves a machine that was just made; `before` may do something to it."""
    vm = Paused(arguments)
    with vm:
        if before:
            before(vm)
        vm.migration("migrate", f"exec:cat > {path}")


def load(path, arguments):
    """None when QEMU loads the file, otherwise its words."""
    try:
        with Paused([*arguments, "-incoming", "defer"]) as vm:
            vm.migration("migrate-incoming", f"exec:cat {path}")
            return None
    except Refused as words:
        return str(words) or "it ended without a word"
