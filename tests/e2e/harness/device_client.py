#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A SPICE client (spice-gtk by GObject introspection) that talks to a named port.

Sends a numbered stream and checks that the same comes back: nothing lost, doubled or out of order.
Says what happens as JSON lines; takes commands as lines on its input.

    device_client.py URI PORT-NAME
    events   channel NAME, closed NAME, opened 0|1, error TEXT, reply
    commands flow BYTES  let this many more bytes be sent (in all lines of 8)
             stat        bytes sent and received
             quit
"""
import ctypes
import json
import sys

import gi
gi.require_version("SpiceClientGLib", "2.0")
from gi.repository import GLib, GObject, SpiceClientGLib as Spice  # noqa: E402

LIBRARY = ctypes.CDLL("libspice-client-glib-2.0.so.8")
WRITTEN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
LIBRARY.spice_port_channel_write_async.argtypes = [
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, WRITTEN, ctypes.c_void_p]
LIBRARY.spice_port_channel_write_finish.argtypes = [ctypes.c_void_p] * 3
CHUNK = 64 * 1024
AHEAD = 256 * 1024  # bytes sent whose echo has not come


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Stream:
    """The numbers, as lines of seven hexadecimal digits."""

    def __init__(self):
        self.sent = self.received = self.allowed = 0
        self.rest = b""

    def next_bytes(self):
        """What may be sent now; whole lines."""
        room = min(self.allowed - self.sent, AHEAD - (self.sent - self.received), CHUNK)
        first, lines = self.sent // 8, max(room, 0) // 8
        self.sent += lines * 8
        return b"".join(b"%07x\n" % number for number in range(first, first + lines))

    def take(self, data):
        """False when the echo is not what was sent."""
        self.rest += data
        whole = len(self.rest) // 8 * 8
        first = self.received // 8
        wanted = b"".join(b"%07x\n" % number for number in range(first, first + whole // 8))
        if self.rest[:whole] != wanted:
            at = next(i for i in range(whole) if self.rest[i] != wanted[i])
            say("error", text=f"at byte {self.received + at}: got {self.rest[at:at + 40]!r}, "
                              f"wanted {wanted[at:at + 40]!r}")
            return False
        self.received += whole
        self.rest = self.rest[whole:]
        return True


class Client:
    def __init__(self, uri, port_name):
        self.loop = GLib.MainLoop()
        self.port_name = port_name
        self.port = None
        self.writing = False
        self.stream = Stream()
        self.on_written_c = WRITTEN(self.on_written)
        self.session = Spice.Session()
        self.session.set_property("uri", uri)
        listen(self.session, "channel-new", self.on_channel)
        listen(self.session, "disconnected", lambda *_: self.loop.quit())
        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT,
                          GLib.IO_IN | GLib.IO_HUP, self.on_command)
        Spice.Session.connect(self.session)

    @staticmethod
    def name(channel):
        kind = Spice.Channel.type_to_string(channel.get_property("channel-type"))
        return f"{kind}:{channel.get_property('channel-id')}"

    def on_channel(self, _session, channel):
        say("channel", name=self.name(channel))
        listen(channel, "channel-event", self.on_channel_event)
        if isinstance(channel, Spice.PortChannel):
            listen(channel, "notify::port-opened", self.on_opened)
            listen(channel, "notify::port-name", self.on_opened)
            listen(channel, "port-data", self.on_data)
        if not isinstance(channel, (Spice.PlaybackChannel, Spice.RecordChannel)):
            Spice.Channel.connect(channel)

    def on_channel_event(self, channel, event):
        if event != Spice.ChannelEvent.OPENED:
            say("closed", name=self.name(channel), why=event.value_nick)

    def on_opened(self, channel, _property):
        name, opened = channel.get_property("port-name"), channel.get_property("port-opened")
        if name == self.port_name:
            self.port = channel
            say("opened", opened=int(opened), name=self.name(channel))
            self.write()

    def on_data(self, channel, data, size):
        if channel is self.port or channel.get_property("port-name") == self.port_name:
            if not self.stream.take(ctypes.string_at(data, size)):
                self.loop.quit()
            self.write()

    def write(self):
        if self.writing or not self.port or not self.port.get_property("port-opened"):
            return
        data = self.stream.next_bytes()
        if data:
            self.writing = True
            # introspection frees what it passes on return, the library reads it later
            self.data = ctypes.create_string_buffer(data, len(data))
            LIBRARY.spice_port_channel_write_async(hash(self.port), self.data,
                                                   len(data), None,
                                                   self.on_written_c, None)

    def on_written(self, channel, result, _data):
        LIBRARY.spice_port_channel_write_finish(channel, result, None)
        self.writing = False
        self.write()

    def on_command(self, _fd, _condition):
        words = sys.stdin.readline().split()
        if not words or words[0] == "quit":
            self.loop.quit()
            return False
        if words[0] == "flow":
            self.stream.allowed += int(words[1]) // 8 * 8
            self.write()
        say("reply", cmd=words[0], ok=True, sent=self.stream.sent, received=self.stream.received)
        return True


def listen(thing, signal, handler):
    """Session and Channel have a connect() of their own."""
    GObject.Object.connect(thing, signal, handler)


if __name__ == "__main__":
    Client(sys.argv[1], sys.argv[2]).loop.run()
