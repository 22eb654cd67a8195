#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A SPICE client (spice-gtk by GObject introspection) with libcacard's software card.

Says what happens as JSON lines; takes commands as lines on its input.

    card_viewer.py URI FOLDER   FOLDER: an NSS database with certificates card1, card2, card3
    events   channel TYPE, opened TYPE, closed TYPE, reply
    commands insert, remove     the card
             quit
"""
import json
import sys

import gi
gi.require_version("SpiceClientGLib", "2.0")
from gi.repository import GLib, GObject, SpiceClientGLib as Spice  # noqa: E402


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Client:
    def __init__(self, uri, folder):
        self.loop = GLib.MainLoop()
        self.session = Spice.Session()
        self.session.set_property("uri", uri)
        self.session.set_property("enable-smartcard", True)
        self.session.set_property("smartcard-db", folder)
        self.session.set_property("smartcard-certificates", ["card1", "card2", "card3"])
        listen(self.session, "channel-new", self.on_channel)
        listen(self.session, "disconnected", lambda *_: self.loop.quit())
        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT,
                          GLib.IO_IN | GLib.IO_HUP, self.on_command)
        Spice.Session.connect(self.session)

    @staticmethod
    def kind(channel):
        return Spice.Channel.type_to_string(channel.get_property("channel-type"))

    def on_channel(self, _session, channel):
        say("channel", type=self.kind(channel))
        listen(channel, "channel-event", self.on_channel_event)
        if not isinstance(channel, (Spice.PlaybackChannel, Spice.RecordChannel)):
            Spice.Channel.connect(channel)

    def on_channel_event(self, channel, event):
        if event == Spice.ChannelEvent.OPENED:
            say("opened", type=self.kind(channel))
        else:
            say("closed", type=self.kind(channel), why=event.value_nick)

    def on_command(self, _fd, _condition):
        words = sys.stdin.readline().split()
        if not words or words[0] == "quit":
            self.loop.quit()
            return False
        manager = Spice.SmartcardManager.get()
        done = manager.insert_card() if words[0] == "insert" else manager.remove_card()
        say("reply", cmd=words[0], ok=bool(done))
        return True


def listen(thing, signal, handler):
    """Session and Channel have a connect() of their own."""
    GObject.Object.connect(thing, signal, handler)


if __name__ == "__main__":
    Client(sys.argv[1], sys.argv[2]).loop.run()
