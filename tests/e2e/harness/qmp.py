# SPDX-License-Identifier: MIT
"""A client of QEMU's monitor (QMP) on a unix socket."""
import json
import socket
import threading
import time

from .run import Failure

COMMAND_SECONDS = 30


class Qmp:
    """One monitor connection; commands may come from any thread, events are waited for in one.

    Events are kept, in order, with the time they were read.
    """

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._rest = b""
        self._lock = threading.Lock()
        self.events = []
        self._read(COMMAND_SECONDS)
        self.command("qmp_capabilities")

    def close(self):
        self._socket.close()

    def command(self, execute, _fd=None, **arguments):
        """The command's return value; Failure if QEMU refuses it. _fd: a descriptor sent along."""
        reply = self.try_command(execute, _fd, **arguments)
        if "error" in reply:
            raise Failure(f"QMP {execute} {arguments}: {reply['error']['desc']}")
        return reply["return"]

    def try_command(self, execute, _fd=None, **arguments):
        """Like command(), but returns the whole reply, which may hold `error`."""
        names = {name.replace("_", "-"): value for name, value in arguments.items()}
        line = json.dumps({"execute": execute, "arguments": names}).encode() + b"\n"
        with self._lock:
            self._send(line, _fd)
            return self._reply(execute)

    def _send(self, line, fd):
        try:
            if fd is None:
                self._socket.sendall(line)
            else:
                socket.send_fds(self._socket, [line], [fd])
        except ConnectionError:
            raise Failure(f"QEMU has ended before {line.decode().strip()}") from None

    def _reply(self, execute):
        end = time.monotonic() + COMMAND_SECONDS
        while True:
            message = self._read(end - time.monotonic())
            if message is None:
                raise Failure(f"no answer to QMP {execute} within {COMMAND_SECONDS} s")
            if "event" not in message:
                return message

    def wait_event(self, name, seconds, since=0):
        """The first event of that name from index `since` on; Failure after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events[since:]:
                if event["event"] == name:
                    return event
            left = end - time.monotonic()
            if left <= 0:
                raise Failure(f"no event {name} within {seconds} s")
            self._read(left)

    def poll(self):
        """Takes in the events that have come."""
        while self._read(0) is not None:
            pass

    def _read(self, seconds):
        """The next message, None if none came in time. Events go to the list, too."""
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                data = self._socket.recv(65536)
            except (TimeoutError, BlockingIOError):
                return None
            except ConnectionError:
                data = b""
            finally:
                self._socket.settimeout(COMMAND_SECONDS)
            if not data:
                raise Failure("QEMU closed its monitor: it has ended")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        message = json.loads(line)
        if "event" in message:
            message["t"] = time.monotonic()
            self.events.append(message)
        return message
