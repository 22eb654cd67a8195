#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client means harm to the guest's agent and to who else uses it.

Whatever it sends, with or without regard to its tokens: QEMU lives and does not grow, the other client
(spice-gtk) keeps all its channels and its session with the agent, and what it copies is pasted in the
guest and the other way round; where the harm is no clipboard of its own, meanwhile too.
"""
import random
import socket
import struct
import threading
import time

from harness import client, clipboard, desktop
from harness.card_client import ATTACH_CHANNELS, INIT, MAIN, Link
from harness.run import Failure, check, run, until
from move import FORBIDDEN

GROWTH_KIB = 32 * 1024  # in one attack; some of it is what QEMU translates of the guest meanwhile
SECONDS = 3  # of one attack
SAID, TOKENS = 109, 110             # of servers
START, DATA, TOKEN = 106, 107, 108  # of clients
CLIPBOARD, ANNOUNCE, GRAB, REQUEST, FILE_START, FILE_DATA, VOLUME = 4, 6, 7, 8, 10, 12, 15
CAPS = 0x38de7
TEXT = 1
PIECE = 2048


def message(kind, body=b"", size=None, protocol=1):
    """One message; its size and protocol may lie."""
    return struct.pack("<IIQI", protocol, kind, 0, len(body) if size is None else size) + body


HELLO = message(ANNOUNCE, struct.pack("<II", 1, CAPS))


class Mallory:
    """Its main link; what it sends may not fit.

    obedient: it waits for tokens; deaf: it reads no more.
    """

    def __init__(self, port, start=True, deaf=False, obedient=False):
        self.heard, self.told, self._news = [], [], threading.Condition()
        self.deaf, self.obedient = deaf, obedient
        self.tokens, self.ended = 10, threading.Event()
        self.link = Link(port, 0, MAIN, self._hear)
        self._wait(INIT)
        self.link.send(ATTACH_CHANNELS)
        if start:
            self.link.send(START, struct.pack("<I", 10))
            self.say(HELLO)
        if deaf:
            self.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 0))

    def _hear(self, _link, kind, body):
        with self._news:
            self.heard.append(kind)
            self.tokens += struct.unpack("<I", body)[0] if kind == TOKENS else 0
            if kind == SAID and len(body) >= 20:  # a message, or what looks like its beginning
                self.told.append(struct.unpack_from("<I", body, 4)[0])
            self._news.notify_all()
        if self.deaf and kind == SAID:
            self.ended.wait()

    def _wait(self, kind):
        with self._news:
            check(self._news.wait_for(lambda: kind in self.heard, 20), f"the server does not say {kind}")

    def say(self, data):
        """In pieces, as clients do."""
        for at in range(0, len(data), PIECE):
            with self._news:
                if self.obedient and not self._news.wait_for(lambda: self.tokens, SECONDS):
                    raise TimeoutError("no tokens")
                self.tokens -= 1
            self.link.send(DATA, data[at:at + PIECE])

    def repeat(self, send):
        """As often as can be, until the time is over or the server has had enough: how often."""
        end, times = time.monotonic() + SECONDS, 0
        try:
            while time.monotonic() < end:
                send(times)
                times += 1
        except OSError:
            pass  # a full socket, or none
        return times

    def leave(self):
        self.ended.set()
        self.link.close()


def say_again(*messages, obedient=False):
    """An attack that says these in turn without end."""
    def attack(_bench, port, _machine):
        mallory = Mallory(port, obedient=obedient)
        yield mallory
        yield mallory.repeat(lambda number: mallory.say(messages[number % len(messages)]))
    return attack


def say_once(*messages, start=True):
    """Says each once, every one on a link of its own that stays open."""
    def attack(_bench, port, _machine):
        guests = []
        for each in messages:
            guests.append(Mallory(port, start))
            try:
                guests[-1].say(each)
            except OSError:
                pass
        yield guests[-1]
        yield len(guests)
        for guest in guests:
            guest.leave()
    return attack


def pieces_of_wrong_sizes(_bench, port, _machine):
    """Pieces of nothing and of more than may be."""
    mallory = Mallory(port)
    yield mallory
    for _ in range(100):
        mallory.link.send(DATA)
    times = 0
    for size in (PIECE + 1, 65536, 1 << 20, 16 << 20):
        guest = Mallory(port)
        try:
            guest.link.send(DATA, bytes(size))
        except OSError:
            pass
        guest.leave()
        times += 1
    yield times


def tokens_without_end(_bench, port, _machine):
    """Starts anew again and again, with tokens that overflow."""
    mallory = Mallory(port)
    yield mallory

    def send(number):
        mallory.link.send(TOKEN if number % 3 else START, struct.pack("<I", 0xffffffff))
    yield mallory.repeat(send)


def files_never_ended(_bench, port, _machine):
    """Begins files of any size, says a little of each, and of files that are not."""
    mallory = Mallory(port, obedient=True)
    yield mallory

    def send(number):
        about = b"[vdagent-file-xfer]\nname=harm%d\nsize=%d\n\0" % (number, 1 << (number % 63))
        mallory.say(message(FILE_START, struct.pack("<I", number) + about))
        mallory.say(message(FILE_DATA, struct.pack("<IQ", number // 2, 100) + bytes(100)))
        mallory.say(message(FILE_DATA, struct.pack("<IQ", number, 0xffffffffffffffff)))
    yield mallory.repeat(send)


def asks_and_does_not_read(bench, port, machine):
    """Wants a text of the guest again and again, and reads none of it."""
    clipboard.guest_copies(machine, clipboard.text(500_000))
    mallory = Mallory(port, deaf=True)
    yield mallory
    yield mallory.repeat(lambda _: mallory.say(message(REQUEST, struct.pack("<II", 0, TEXT))))


def begin_text(mallory, machine, size):
    """Has the guest ask, begins a text of that size and says a part of it."""
    mallory.say(message(GRAB, struct.pack("<III", 0, 0, TEXT)))
    machine.until("xclip -o -selection clipboard -t TARGETS | grep -q UTF8_STRING && echo offered", 20,
                  "offer")
    machine.shell("(timeout 20 xclip -o -selection clipboard -t UTF8_STRING | wc -c) > /run/harm 2>&1 &")
    until(lambda: REQUEST in mallory.told, 20, "request")
    try:
        mallory.say(message(CLIPBOARD, struct.pack("<II", 0, TEXT) + bytes(100_000), size=size))
    except OSError:
        pass


def a_text_never_ended(_bench, port, machine):
    """Says a part of a text and falls silent."""
    mallory = Mallory(port, obedient=True)
    yield mallory
    begin_text(mallory, machine, 20_000_000)
    yield 1


def a_text_cut(_bench, port, machine):
    """The same without regard to tokens: the server ends the link in the middle."""
    mallory = Mallory(port)
    yield mallory
    begin_text(mallory, machine, 20_000_000)
    yield 1


def a_text_too_large(_bench, port, machine):
    """More than the guest has memory: its agent would end."""
    mallory = Mallory(port, obedient=True)
    yield mallory
    begin_text(mallory, machine, 900_000_000)
    yield 1


def comes_and_goes(_bench, port, _machine):
    """In the middle of a message, too."""
    for number in range(20):
        mallory = Mallory(port)
        try:
            mallory.say(message(GRAB, struct.pack("<III", 0, number, TEXT)))
            mallory.say(message(VOLUME, bytes(500))[:30 * number])
        except OSError:
            pass
        mallory.leave()
    mallory = Mallory(port)
    yield mallory
    yield 20


NOISE = random.Random(4711).randbytes(PIECE)
GRABS = [message(GRAB, struct.pack("<IIII", selection, 7, TEXT, 2)) for selection in (0, 1, 2, 255)]
EVERY_TYPE = [message(kind, b"") for kind in range(32)]
LARGE = [message(kind, bytes(4000)) for kind in range(32)]
LIES = [message(kind, bytes(1900), size=0xffffffff) for kind in (CLIPBOARD, GRAB, FILE_DATA, 99)]

# what, the attack, and whether the clipboard is the other client's meanwhile
ATTACKS = [
    ("noise", say_again(NOISE), True),
    ("volumes without end", say_again(message(VOLUME, bytes(1000))), True),
    ("grabs without end", say_again(*GRABS), False),
    ("grabs without end, within its tokens", say_again(*GRABS, obedient=True), False),
    ("volumes without end, within its tokens", say_again(message(VOLUME, bytes(500)), obedient=True),
     True),
    ("grabs of 500 types", say_again(message(GRAB, bytes(8) + 500 * b"\1\0\0\0")), False),
    ("lying sizes", say_once(*LIES), True),
    ("another protocol", say_once(message(GRAB, bytes(8), protocol=7)), True),
    ("words before the start", say_once(HELLO, *GRABS, start=False), False),
    ("empty messages of every type", say_once(b"".join(EVERY_TYPE)), False),
    ("large messages of every type", say_once(b"".join(LARGE)), False),
    ("pieces of wrong sizes", pieces_of_wrong_sizes, True),
    ("tokens without end", tokens_without_end, True),
    ("files never ended", files_never_ended, True),
    ("asks and does not read", asks_and_does_not_read, False),
    ("a text never ended", a_text_never_ended, False),
    ("a text cut", a_text_cut, False),
    ("a text too large", a_text_too_large, False),
    ("comes and goes", comes_and_goes, False),
]
QUICK = ["grabs without end", "lying sizes", "files never ended", "a text cut",
         "a text too large"]


def undisturbed(viewer, since):
    """Nobody took anything from it; that the agent begins anew is no harm done to its session."""
    wrong = [event for event in viewer.seen(FORBIDDEN, since) if event["event"] != "session"]
    check(not wrong, f"{viewer.name}: {wrong}")


def attack_once(bench, machine, viewer, row):
    name, attack, meanwhile = row
    since, before = viewer.now(), machine.heap_kib()
    steps = attack(bench, machine.spice.port, machine)
    mallory = next(steps)
    times = []
    thread = threading.Thread(target=lambda: times.append(next(steps)), daemon=True)
    thread.start()
    if meanwhile:
        clipboard.both_ways(bench, machine, [viewer])
    thread.join(60)
    check(times, f"{name}: it has not ended")
    grown = machine.heap_kib() - before
    ended = "ended" if mallory.link.closed.is_set() else "kept"
    mallory.leave()
    for _ in steps:
        raise Failure("it goes on")
    check(grown < desktop.growth(GROWTH_KIB), f"{name}: QEMU has grown by {grown} KiB")
    machine.check_alive()
    viewer.command("wait-agent 20", 25)
    clipboard.both_ways(bench, machine, [viewer])
    undisturbed(viewer, since)
    bench.say(f"{name}, {times[0]} times: its link was {ended}, all is well, {grown:+} KiB")


def test(bench, options):
    machine = desktop.start(bench)
    viewer = client.connect(bench, machine, "good")
    viewer.command("wait-agent 10")
    pids = machine.agent_pids()
    clipboard.both_ways(bench, machine, [viewer])
    for row in ATTACKS:
        if not options.all and row[0] not in QUICK:
            continue
        attack_once(bench, machine, viewer, row)
    check(machine.agent_pids() == pids, "the guest's agent was started anew")
    viewer.quit()
    machine.quit()


def arguments(parser):
    parser.add_argument("--all", action="store_true", help=f"more than {', '.join(QUICK)}")


if __name__ == "__main__":
    run(test, 500, arguments)
