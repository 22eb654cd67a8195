# SPDX-License-Identifier: MIT
"""A user of QEMU's VNC server who copies and pastes (RFB 3.8 with Extended Clipboard, text only)."""
import socket
import struct
import threading
import time
import zlib

from .run import Failure, check

EXTENDED_CLIPBOARD = 0xC0A1E5CE
TEXT, CAPS, REQUEST, NOTIFY, PROVIDE = 1, 1 << 24, 1 << 25, 1 << 27, 1 << 28


class Vnc:
    """One connection to the VNC server at a unix socket. What it offers it gives when asked."""

    def __init__(self, bench, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._offered = None
        self._news = threading.Condition()
        self.notices = []  # True: somebody has text
        self._texts = []
        self._greeted = False
        self.hold = False  # asked, it answers at give() only
        self._greet()
        threading.Thread(target=self._read, daemon=True).start()
        self._wait(lambda: self._greeted, 30, "Extended Clipboard")
        bench.at_end(self.close)

    def close(self):
        self._socket.close()

    def _take(self, count):
        data = b""
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the VNC server has closed the link")
            data += more
        return data

    def _greet(self):
        check(self._take(12).startswith(b"RFB "), "no VNC server")
        self._socket.sendall(b"RFB 003.008\n")
        types = self._take(self._take(1)[0])
        check(1 in types, f"VNC security types {types}")
        self._socket.sendall(b"\x01")
        check(self._take(4) == bytes(4), "the VNC server refuses")
        self._socket.sendall(b"\x01")
        size = struct.unpack(">I", self._take(24)[20:])[0]
        self._take(size)
        self._socket.sendall(struct.pack(">BxHI", 2, 1, EXTENDED_CLIPBOARD))

    def _read(self):
        try:
            while True:
                check(self._take(1) == b"\x03", "a message of another kind")
                size = struct.unpack(">xxxi", self._take(7))[0]
                body = self._take(abs(size))
                if size < 0:
                    self._handle(struct.unpack(">I", body[:4])[0], body[4:])
        except (OSError, ConnectionError):
            pass

    def _handle(self, flags, data):
        with self._news:
            if flags & CAPS:  # the other bits say what the server can do
                self._greeted = True
            elif flags & NOTIFY:
                self.notices.append(bool(flags & TEXT))
            elif flags & REQUEST and not self.hold:
                self.give()
            elif flags & PROVIDE:
                plain = zlib.decompressobj().decompress(data)
                size = struct.unpack(">I", plain[:4])[0]
                self._texts.append(plain[4:4 + size])
            self._news.notify_all()

    def _send(self, flags, data=b""):
        self._socket.sendall(struct.pack(">BxxxiI", 6, -4 - len(data), flags) + data)

    def give(self):
        """Gives what it has offered."""
        text = self._offered + b"\0"
        self._send(PROVIDE | TEXT, zlib.compress(struct.pack(">I", len(text)) + text))

    def copy(self, text):
        """Offers bytes of UTF-8 with CR LF at line ends, as the protocol has it."""
        self._offered = text
        self._send(NOTIFY | TEXT)

    def _wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        with self._news:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    raise Failure(f"a VNC user: no {what} within {seconds} s")
                self._news.wait(left)

    def wait_notice(self, since, seconds=10):
        """Waits until somebody else has text; since: how many notices were there before."""
        self._wait(lambda: any(self.notices[since:]), seconds, "word of text to paste")

    def paste(self, seconds=20):
        """The bytes that another one offers, as they come. Asks again when the offer is another."""
        known = len(self._texts)
        end = time.monotonic() + seconds
        while len(self._texts) == known:
            notices = len(self.notices)
            self._send(REQUEST | TEXT)
            self._wait(lambda: len(self._texts) > known or any(self.notices[notices:]),
                       end - time.monotonic(), "text")
        return self._texts[known]
