# SPDX-License-Identifier: MIT
"""A guest whose shell is on a virtio port (tests/guest-linux/serve.sh)."""
import base64
import itertools
import os
import socket
import time

from .run import Failure, check, until
from .vm import Vm

SHELL_SECONDS = 30
ASK_AGAIN_SECONDS = 5


def shell_port(bench, name):
    """The arguments of the port, which need a virtio-serial-pci before them."""
    return ["-chardev", f"socket,id=shell,path={bench.path(name + '.shell')},server=on,wait=off",
            "-device", "virtserialport,nr=2,chardev=shell,name=shell"]


class ShellVm(Vm):
    """A QEMU with such a guest."""

    _numbers = itertools.count(1)

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._shell = None
        self._rest = b""

    def run(self, script, seconds=SHELL_SECONDS):
        """(status, output) of a script in the guest. Nothing it starts may hold its output open."""
        number = f"{os.getpid()}-{next(ShellVm._numbers)}"
        line = f"{number} {seconds} {base64.b64encode(script.encode()).decode()}\n".encode()
        end = time.monotonic() + 2 * seconds + SHELL_SECONDS
        if not self._shell:
            self._shell = socket.socket(socket.AF_UNIX)
            self._shell.connect(self.bench.path(self.name + ".shell"))
            self.bench.at_end(self._shell.close)
        while True:
            self._shell.sendall(line)  # again too: it is run once, and a lost answer comes again
            words = self._answer(number, min(time.monotonic() + ASK_AGAIN_SECONDS, end))
            if words:
                output = base64.b64decode(words[2]).decode(errors="replace") if len(words) > 2 else ""
                return int(words[1]), output
            check(time.monotonic() < end, f"{self.name}: the guest's shell does not answer: {script!r}")

    def _answer(self, number, end):
        """The words of that answer; None if it does not come in time."""
        while True:
            line = self._shell_line(end)
            words = line.split() if line is not None else None
            if words is None or (words and words[0] == number):
                return words

    def _shell_line(self, end):
        while b"\n" not in self._rest:
            self._shell.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self._shell.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise Failure(f"{self.name}: the guest's shell is gone")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode(errors="replace")

    def shell(self, script, seconds=SHELL_SECONDS):
        """The output, without blanks around, of a script that must go well."""
        status, output = self.run(script, seconds)
        check(status == 0, f"{self.name}: in the guest: {script!r}: status {status}: {output}")
        return output.strip()

    def until(self, script, seconds, what):
        """Waits until a script in the guest goes well and says something; returns that."""
        def done():
            status, output = self.run(script)
            return status == 0 and output.strip()
        return until(done, seconds, f"{what} in the guest of {self.name}", 0.1)
