# SPDX-License-Identifier: MIT
"""A scripted client with a card reader: main and smartcard links only, spoken by hand.

It follows seamless moves as real clients do. Formats: spice-protocol's enums.h, libcacard's
vscard_common.h. Links without TLS and passwords only.
"""
import hashlib
import queue
import socket
import struct
import threading

from .proxy import end, read
from .run import Failure, check

MAIN, SMARTCARD = 1, 8
ACK_SYNC, ACK, PONG, FLUSH_MARK, MIGRATE_DATA_BACK = 1, 2, 3, 4, 5          # of clients, any link
MIGRATE, MIGRATE_DATA, SET_ACK, PING = 1, 2, 3, 4                           # of servers
INIT, CHANNELS_LIST, BEGIN_SEAMLESS, SEAMLESS_ACK = 103, 104, 116, 117      # of servers, main
ATTACH_CHANNELS, DST_DO_SEAMLESS, CONNECTED_SEAMLESS = 104, 110, 111        # of clients, main
DATA = 101
VSC_INIT, ERROR, READER_ADD, READER_REMOVE, ATR, CARD_REMOVE, APDU = range(1, 8)
NO_READER = 0xffffffff
SECONDS = 30


class Link:
    """One link; `heard(link, type, body)` is called in its thread until it ends."""

    def __init__(self, port, session, channel, heard):
        self.channel, self.heard, self.closed = channel, heard, threading.Event()
        self.lock, self.window, self.count = threading.Lock(), 0, 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        caps = struct.pack("<II", 0x0b, 0x0f)  # logins, mini headers; seamless moves and their kin
        body = struct.pack("<IBBIII", session, channel, 0, 1, 1, 18) + caps
        self.socket.sendall(b"REDQ" + struct.pack("<III", 2, 2, len(body)) + body)
        reply = read(self.socket, struct.unpack_from("<I", read(self.socket, 16), 12)[0])
        check(reply[:4] == bytes(4), f"the link of channel {channel} is refused: {reply[:4].hex()}")
        self.socket.sendall(struct.pack("<I", 1) + no_password(reply[4:166]))
        check(read(self.socket, 4) == bytes(4), "no login")
        self.socket.settimeout(None)
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, kind, body=b""):
        with self.lock:
            self.socket.sendall(struct.pack("<HI", kind, len(body)) + body)

    def close(self):
        end(self.socket)

    def _listen(self):
        try:
            while True:
                kind, size = struct.unpack("<HI", read(self.socket, 6))
                self._hear(kind, read(self.socket, size))
        except (OSError, EOFError):
            self.closed.set()

    def _hear(self, kind, body):
        self.count += 1
        if kind == SET_ACK:
            generation, self.window = struct.unpack("<II", body)
            self.count = 0
            self.send(ACK_SYNC, struct.pack("<I", generation))
        elif self.window and self.count == self.window:
            self.count = 0
            self.send(ACK)
        if kind == PING:
            self.send(PONG, body[:12])
        elif kind != SET_ACK:
            self.heard(self, kind, body)


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def mask(seed, size):
    return b"".join(hashlib.sha1(seed + struct.pack(">I", i)).digest() for i in range(6))[:size]


def no_password(key):
    """An empty password for that RSA key (DER, 1024 bits, exponent 65537): OAEP of RFC 8017."""
    data = hashlib.sha1(b"").digest() + bytes(85) + b"\1" + b"\0"
    seed = b"\x55" * 20  # it hides nothing
    data = xor(data, mask(seed, len(data)))
    block = b"\0" + xor(seed, mask(data, 20)) + data
    modulus = int.from_bytes(key[29:157], "big")
    return pow(int.from_bytes(block, "big"), 65537, modulus).to_bytes(128, "big")


class CardClient:
    """What its reader hears is in `said`: (type, reader id, bytes). Ready when it is made."""

    def __init__(self, bench, port):
        self.said, self._told = queue.Queue(), queue.Queue()
        self.session, self.target, self.left, self.blob = 0, {}, [], b""
        self.lock, self.may_send = threading.Lock(), threading.Event()
        self.links = {MAIN: Link(port, 0, MAIN, self._heard)}
        bench.at_end(self.leave)
        self.session = struct.unpack_from("<I", self._wait(INIT))[0]
        self.links[MAIN].send(ATTACH_CHANNELS)
        listed = self._wait(CHANNELS_LIST)
        check(bytes([SMARTCARD, 0]) in [listed[i:i + 2] for i in range(4, len(listed), 2)],
              f"there is no smartcard channel: {listed.hex()}")
        self.links[SMARTCARD] = Link(port, self.session, SMARTCARD, self._heard)
        self.may_send.set()

    def _wait(self, wanted):
        while True:
            try:
                kind, body = self._told.get(timeout=SECONDS)
            except queue.Empty:
                raise Failure(f"the server does not say {wanted}") from None
            if kind == wanted:
                return body

    def _heard(self, link, kind, body):
        if kind == MIGRATE:
            with self.lock:  # nothing may follow the mark
                if link.channel == SMARTCARD:
                    self.may_send.clear()
                link.send(FLUSH_MARK)
        elif kind == MIGRATE_DATA:
            self.target[link.channel].send(MIGRATE_DATA_BACK, body)
            with self.lock:
                self.links[link.channel] = self.target.pop(link.channel)
                self.left.append(link)
                over = not self.target
            if over:  # with the first link closed the server would let go of the others
                for each in self.left:
                    each.close()
            if link.channel == SMARTCARD:
                self.blob = body
                self.may_send.set()
        elif link.channel == SMARTCARD and kind == DATA:
            name, reader, size = struct.unpack_from("<III", body)
            check(size == len(body) - 12, f"a message of {size} bytes in {len(body)}")
            self.said.put((name, reader, body[12:]))
        else:
            self._told.put((kind, body))

    def follow(self, port):
        """Links to the target that the server has announced; it goes over by itself then."""
        self._wait(BEGIN_SEAMLESS)
        self.target[MAIN] = Link(port, self.session, MAIN, self._heard)
        self.target[MAIN].send(DST_DO_SEAMLESS, struct.pack("<I", 1))
        self._wait(SEAMLESS_ACK)
        self.target[SMARTCARD] = Link(port, self.session, SMARTCARD, self._heard)
        self.links[MAIN].send(CONNECTED_SEAMLESS)

    def say(self, name, data=b"", reader=0):
        """Sends it where the reader is now: during a move when it is known."""
        while True:
            check(self.may_send.wait(SECONDS), "the smartcard link does not come over")
            with self.lock:
                if self.may_send.is_set():
                    self.links[SMARTCARD].send(
                        DATA, struct.pack("<III", name, reader, len(data)) + data)
                    return

    def hear(self, seconds=SECONDS):
        try:
            return self.said.get(timeout=seconds)
        except queue.Empty:
            raise Failure("the card reader says nothing") from None

    def ask(self, name, data=b"", reader=0):
        """Sends it; the code of the answer, and whose it is."""
        self.say(name, data, reader)
        kind, whose, code = self.hear()
        check(kind == ERROR and len(code) == 4, f"the answer to {name} is of type {kind}")
        return (0 if code == bytes(4) else code[0] or code[3]), whose

    def leave(self):
        for link in [*self.links.values(), *self.target.values()]:
            link.close()
