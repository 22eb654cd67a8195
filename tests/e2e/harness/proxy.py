# SPDX-License-Identifier: MIT
"""A man in the middle of SPICE links: watches what passes, changes, drops or refuses it.

It listens at one port of several loopback addresses: a client that is told (SPICE_MIG_HOST) to use
the N-th shows by that which one it is. It knows the link stage and mini headers, no TLS, no SASL.
"""
import socket
import struct
import threading

from .run import Failure
from .vm import free_port

MAIN, DISPLAY, INPUTS, CURSOR, USBREDIR = 1, 2, 3, 4, 9
NAMES = {MAIN: "main", DISPLAY: "display", INPUTS: "inputs", CURSOR: "cursor"}
LINK_HEADER = 16        # "REDQ", u32 major, u32 minor, u32 size
TICKET = 4 + 128        # mechanism, encrypted password
MESSAGE_HEADER = 6      # u16 type, u32 size
MIGRATE_DATA = 5        # of the client
DST_DO_SEAMLESS = 110   # of the client on main
DST_SEAMLESS_ACK, DST_SEAMLESS_NACK = 117, 118
CHANNEL_NOT_AVAILABLE = 10
TRIES = 20


class Drop(Exception):
    """Raised by a hook: both sides of the link are closed."""


class Link:
    """One connection: `client` counts the addresses from 0, `channel` and `number` are SPICE's."""

    def __init__(self, client):
        self.client, self.session, self.channel, self.number = client, None, None, None

    @property
    def name(self):
        return NAMES.get(self.channel, str(self.channel))


class Proxy:
    """Hooks are called in threads of the proxy, with (link, bytes), and give the bytes to pass on.

    `request`: the client's link message; `reply`: the server's; `sent`: a message of the client,
    `said`: one of the server, both with (link, type, body) and giving (type, body) or raw bytes.
    """

    def __init__(self, bench, target_port, clients=1):
        self.target_port = target_port
        self.request = self.reply = lambda link, data: data
        self.sent = self.said = lambda link, kind, body: (kind, body)
        self._closing = False
        self._sockets = []
        self.port = self._listen(clients)
        bench.at_end(self.close)

    @staticmethod
    def address(client):
        return f"127.0.0.{1 + client}"

    def _listen(self, clients):
        for _ in range(TRIES):
            port, listeners = free_port(), []
            try:
                for client in range(clients):
                    listeners.append(socket.create_server((self.address(client), port)))
            except OSError:
                for listener in listeners:
                    listener.close()
                continue
            self._sockets += listeners
            for client, listener in enumerate(listeners):
                self._spawn(self._accept, listener, client)
            return port
        raise Failure("no port is free at all the addresses of the proxy")

    @staticmethod
    def _spawn(function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def close(self):
        self._closing = True
        for each in self._sockets:
            end(each)

    def _accept(self, listener, client):
        while not self._closing:
            try:
                near, _peer = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target_port), timeout=10)
                far.settimeout(None)
            except OSError:
                return
            self._sockets += [near, far]
            link = Link(client)
            ready = threading.Event()
            self._spawn(self._pass, self._upstream, link, near, far, ready)
            self._spawn(self._pass, self._downstream, link, far, near, ready)

    @staticmethod
    def _pass(direction, link, source, sink, ready):
        try:
            direction(link, source, sink, ready)
        except (OSError, EOFError, Drop, struct.error):
            pass
        ready.set()
        end(source)
        end(sink)

    def _upstream(self, link, source, sink, ready):
        data = read_linked(source)
        link.session, link.channel, link.number = struct.unpack_from("<IBB", data, LINK_HEADER)
        sink.sendall(self.request(link, data))
        ready.set()
        sink.sendall(read(source, TICKET))
        copy_messages(link, source, sink, self.sent)

    def _downstream(self, link, source, sink, ready):
        data = read_linked(source)
        ready.wait()
        sink.sendall(self.reply(link, data))
        sink.sendall(read(source, 4))  # the result of the ticket
        copy_messages(link, source, sink, self.said)


def end(each):
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()


def read(source, size):
    data = b""
    while len(data) < size:
        more = source.recv(min(size - len(data), 1 << 16))
        if not more:
            raise EOFError
        data += more
    return data


def read_linked(source):
    header = read(source, LINK_HEADER)
    return header + read(source, struct.unpack_from("<I", header, 12)[0])


def copy_messages(link, source, sink, hook):
    while True:
        kind, size = struct.unpack("<HI", read(source, MESSAGE_HEADER))
        out = hook(link, kind, read(source, size))
        if isinstance(out, tuple):
            out = struct.pack("<HI", out[0], len(out[1])) + out[1]
        sink.sendall(out)


def with_channel(request, kind, number):
    """A client's link message that asks for another channel."""
    return request[:LINK_HEADER + 4] + bytes([kind, number]) + request[LINK_HEADER + 6:]


def refusal(error):
    """A server's reply to a link message that says no."""
    body = struct.pack("<I162sIII", error, b"", 0, 0, 178)
    return b"REDQ" + struct.pack("<III", 2, 2, len(body)) + body


def without_main_cap(reply, cap):
    """A server's reply without one of its capabilities of the channel."""
    common, channel, at = struct.unpack_from("<III", reply, LINK_HEADER + 166)
    at += LINK_HEADER + 4 * common + 4 * (cap // 32)
    if cap // 32 >= channel:
        return reply
    word = struct.unpack_from("<I", reply, at)[0] & ~(1 << cap % 32)
    return reply[:at] + struct.pack("<I", word) + reply[at + 4:]
