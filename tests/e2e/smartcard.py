#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client's smart card in QEMU's usb-ccid, through moves.

`moves`: a reader is added, a card put in, and an endless sequence of good and bad cards is answered
one by one, in order, across the hops, also what is sent while the VM stands still. `clients`: of two
the first has the reader, the second when it leaves. `from-stock`, `to-stock`: one hop, with Debian's
server at one side.
"""
import glob
import os
import queue
import random
import threading

from harness import tiny, vm
from harness.card_client import (APDU, ATR, CARD_REMOVE, NO_READER, READER_ADD, READER_REMOVE,
                                 VSC_INIT, CardClient)
from harness.run import Skip, check, run, until
from stock_peer import STOCK, with_library

GOOD = bytes.fromhex("3bd518ff8091fe1fc38073c8211308")
BAD = b"\x00" + GOOD[1:]
READER = ["-device", "qemu-xhci,id=usb", "-device", "usb-ccid,id=ccid,bus=usb.0",
          "-chardev", "spicevmc,id=card,name=smartcard",
          "-device", "ccid-card-passthru,chardev=card,bus=ccid.0"]
A_HOP = 300  # messages
AHEAD = 20   # without an answer


def machine():
    return tiny.machine("std") + READER


def put_in(client):
    """A reader, with a card."""
    check(client.ask(READER_ADD, b"a reader", NO_READER) == (0, 0), "no reader 0")
    check(client.ask(ATR, GOOD) == (0, 0), "the card is not taken")


class Stream:
    """Good and bad cards in turn, by chance; QEMU's answers tell which was which."""

    def __init__(self, client):
        self.client, self.sent, self.wrong = client, [], None
        self.answered, self.over = 0, threading.Event()
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self.say, self.hear)]
        for thread in self.threads:
            thread.start()

    def say(self):
        chance = random.Random(4711)
        while not self.over.is_set():
            if len(self.sent) - self.answered < AHEAD:
                good = chance.random() < 0.5
                self.sent.append(good)
                self.client.say(ATR, GOOD if good else BAD)
            else:
                self.over.wait(0.02)

    def hear(self):
        while not self.over.is_set() or self.answered < len(self.sent):
            try:
                kind, reader, code = self.client.said.get(timeout=0.1)
            except queue.Empty:
                continue
            if (kind, reader, code == bytes(4)) != (2, 0, self.sent[self.answered]):
                self.wrong = f"answer {self.answered}: {kind} {reader} {code.hex()}"
                self.over.set()
                return
            self.answered += 1

    def go_on(self, count):
        wanted = self.answered + count
        until(lambda: self.answered >= wanted or self.wrong, 60, f"{wanted} answers")
        check(not self.wrong, self.wrong)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
        check(not self.wrong and self.answered == len(self.sent),
              self.wrong or f"{self.answered} answers to {len(self.sent)} messages")


def hop(bench, source, client, name, folder=None):
    def start():
        return vm.incoming(bench, name, vm.Spice.tcp(), machine())
    target, port = start() if folder is None else with_library(folder, start)
    source.name_target(target)
    client.follow(target.spice.port)
    target.wait_linked(source)
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    source.quit()
    return target


def boot(bench):
    here = vm.Vm(bench, "host0", vm.Spice.tcp(), machine())
    here.wait_line("ready", tiny.BOOT_SECONDS)
    bench.say(f"guest is up, {here.library}")
    return here


def still_there(client):
    """The reader was not forgotten: it can be taken away, once."""
    check(client.ask(CARD_REMOVE) == (0, 0), "the card cannot be pulled")
    check(client.ask(READER_REMOVE) == (0, 0), "the reader is gone")
    check(client.ask(READER_REMOVE) == (1, 0), "it is there twice")


def moves(bench, options):
    here = boot(bench)
    client = CardClient(bench, here.spice.port)
    put_in(client)
    stream = Stream(client)
    for number in range(1, options.hops + 1):
        stream.go_on(A_HOP)
        here = hop(bench, here, client, f"host{number}")
        bench.say(f"hop {number}: {stream.answered} messages answered, "
                  f"{len(client.blob)} bytes of state")
    stream.go_on(A_HOP)
    stream.end()
    still_there(client)
    bench.say(f"{stream.answered} messages answered, each once and in order")
    client.leave()
    here.quit()


def clients(bench, _options):
    here = boot(bench)
    first, second = CardClient(bench, here.spice.port), CardClient(bench, here.spice.port)
    check(first.ask(ATR, GOOD) == (1, 0), "a card without a reader")
    first.say(VSC_INIT, bytes(12), NO_READER)  # other servers don't answer it either
    put_in(first)
    check(first.ask(READER_ADD, b"", NO_READER) == (2, NO_READER), "a second reader of one client")
    first.say(APDU, bytes(20))  # the guest has not asked: no answer
    second.say(READER_ADD, b"", NO_READER)
    check(first.ask(CARD_REMOVE) == (0, 0) and first.ask(ATR, GOOD) == (0, 0), "another card")
    check(second.said.empty(), "two have the reader")
    first.leave()
    check(second.hear() == (2, 0, bytes(4)), "the second does not get the reader")
    check(second.ask(ATR, GOOD) == (0, 0), "its card is not taken")
    here.qmp.command("stop")
    third = CardClient(bench, here.spice.port)
    third.say(READER_ADD, b"", NO_READER)
    second.say(CARD_REMOVE)
    second.leave()
    until(lambda: len([c for c in here.query_spice()["channels"] if c["channel-type"] == 8]) == 1,
          30, "the end of the second client")
    here.qmp.command("cont")
    check(third.hear() == (2, 0, bytes(4)), "the third does not get the reader")
    for lie in (bytes(3), bytes(11), b"\x07" + bytes(7) + b"\xff" * 4 + bytes(8),
                b"\x09" + bytes(11), b"\x07" + bytes(3) + b"\x05" + bytes(7)):
        hostile = CardClient(bench, here.spice.port)
        hostile.links[8].send(101, lie)
        check(hostile.links[8].closed.wait(30), f"{lie.hex()} goes unnoticed")
        check(not hostile.links[1].closed.is_set(), "and ends more than its link")
        hostile.leave()
    check(third.ask(ATR, GOOD) == (0, 0), "the third has to bear it")
    still_there(third)
    third.leave()
    here.quit()


def with_stock(bench, options):
    ours = os.environ.get("CARAVAN_LIBDIR")
    folders = ["", ours] if options.what == "from-stock" else [ours, ""]
    here = with_library(folders[0], lambda: boot(bench))
    client = CardClient(bench, here.spice.port)
    put_in(client)
    stream = Stream(client)
    stream.go_on(A_HOP)
    there = hop(bench, here, client, "host1", folders[1])
    check(here.library != there.library, f"both sides run {there.library}")
    stream.go_on(A_HOP)
    stream.end()
    still_there(client)
    bench.say(f"{stream.answered} messages answered; {len(client.blob)} bytes of state")
    client.leave()
    there.quit()


CASES = {"moves": moves, "clients": clients, "from-stock": with_stock, "to-stock": with_stock}


def test(bench, options):
    if options.what != "moves" and not os.environ.get("CARAVAN_LIBDIR"):
        raise Skip("needs our server: CARAVAN_LIBDIR")
    if CASES[options.what] is with_stock and not glob.glob(STOCK):
        raise Skip("needs Debian's package libspice-server1")
    CASES[options.what](bench, options)


def arguments(parser):
    parser.add_argument("what", choices=CASES)
    parser.add_argument("--hops", type=int, default=3)


run(test, 180, arguments)
