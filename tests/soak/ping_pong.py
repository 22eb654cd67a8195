#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A VM moves to and fro many times while clients watch a moving picture and type without pause.

Nothing may get lost: no session and no channel (each hop is seamless), no pixel (compared with the
screen every 10 hops and at the end), no key (every one reaches the guest exactly once and in the
order of its client). No QEMU may have more descriptors or notably more memory than that of the first
hop had. HOPS of the environment is how many, default 100. `--busy`: noise beside the moving scene.
`--stock-every 2`: every second QEMU runs the system's server, with which one client is all there can
be. What is typed while the VM stands still is lost there: keys that are missing are counted then, no
more.
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import client, tiny, vm  # noqa: E402
from harness.run import check, run  # noqa: E402
from move import nothing_reopened  # noqa: E402

HOPS = int(os.environ.get("HOPS", "100"))
KEYS_PER_SECOND = int(os.environ.get("KEYS_PER_SECOND", "10"))
PICTURE_EVERY = 10
GROWTH_KIB = 24 * 1024
# each client types keys of its own: a letter and the scancode of its press; 0x80 more: its release
ROWS = [list(zip("qwertyui", range(0x10, 0x18))), list(zip("asdfghjk", range(0x1e, 0x26))),
        list(zip("zxcvbnm", range(0x2c, 0x33)))]


class Typist(threading.Thread):
    """Types on a client until stopped; `typed` is what the guest must say of it."""

    def __init__(self, viewer, row):
        super().__init__(daemon=True)
        self.viewer, self.row = viewer, row
        self.typed = []
        self.since = viewer.now()
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(1 / KEYS_PER_SECOND):
            letter, code = self.row[len(self.typed) // 2 % len(self.row)]
            self.viewer.send(f"type {letter}")
            self.typed += [f"key {code:02x}", f"key {code | 0x80:02x}"]

    def heard(self, lines):
        """The lines that are of this client."""
        mine = {f"key {code | up:02x}" for _letter, code in self.row for up in (0, 0x80)}
        return [line for line in lines if line in mine]


    def when(self, line):
        """When the client took that key line, against the nearest swap of its inputs channel."""
        taken = [event["t"] for event in self.viewer.seen(["reply"], self.since)
                 if event["cmd"] == "type"][line // 2:][:1]
        swaps = [event["t"] for event in self.viewer.seen(["channel-moved"])
                 if event["type"] == "inputs"]
        if not taken or not swaps:
            return "never taken by the client" if swaps else "without any move"
        return f"{1000 * min((taken[0] - swap for swap in swaps), key=abs):.2f} ms after a swap"


class Journey:
    """The VM on its way: the QEMU it runs in now, and what the guest has said in all."""

    def __init__(self, bench, options):
        self.bench, self.options = bench, options
        self.environment = {"SPICE_DEBUG_ALLOW_MC": "1"} if options.clients > 1 else None
        self.past, self.begun = "", 0
        self.hop = 0
        self.here = self.start(first=True)
        self.viewers = [client.connect(bench, self.here, f"client{number}")
                        for number in range(options.clients)]

    def start(self, first=False):
        """The QEMU of this hop: the first boots, the others wait (comes with the port)."""
        ours = os.environ.get("CARAVAN_LIBDIR")
        every = self.options.stock_every
        if every and self.hop % every == every - 1:
            os.environ["CARAVAN_LIBDIR"] = ""
        try:
            if first:
                return tiny.boot(self.bench, self.options.vga, name="host0",
                                 environment=self.environment)
            return tiny.target(self.bench, self.options.vga, name=f"host{self.hop}",
                               environment=self.environment)
        finally:
            if ours is not None:
                os.environ["CARAVAN_LIBDIR"] = ours

    def lines(self):
        """All whole lines that the guest has said, wherever it was: one may begin at one QEMU and end
        at the next."""
        return (self.past + self.here.serial_text())[self.begun:].split("\n")[:-1]

    def go(self):
        """One hop; checks that it was seamless for everybody."""
        self.hop += 1
        target, port = self.start()
        marks = [viewer.now() for viewer in self.viewers]
        self.here.name_target(target)
        vm.sleep(self.options.head_start)
        self.here.migrate(port)
        self.here.wait_migrated()
        for viewer, mark in zip(self.viewers, marks):
            viewer.wait_event("channel-moved", 15, mark, type="main", port=target.spice.port)
        self.here.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 15)
        for viewer, mark in zip(self.viewers, marks):
            nothing_reopened(self.bench, viewer, mark)
        self.past += self.here.serial_text()
        self.here.quit()
        self.here = target

    def pictures(self):
        """Everybody shows what the frozen guest shows."""
        tiny.switch(self.here, "freeze", True)
        for viewer in self.viewers:
            tiny.same_picture(self.bench, self.here, viewer)
        tiny.switch(self.here, "freeze", False)


def compare_keys(bench, journey, typists):
    """Every key has come, once, in its client's order."""
    end = time.monotonic() + 10
    while any(len(typist.heard(journey.lines())) < len(typist.typed) for typist in typists):
        if time.monotonic() > end:
            break
        time.sleep(0.1)
    vm.sleep(0.3)  # for one too many
    if journey.options.stock_every:
        count_lost_keys(bench, journey, typists)
        return
    for typist in typists:
        heard = typist.heard(journey.lines())
        wrong = next((at for at, pair in enumerate(zip(heard, typist.typed)) if pair[0] != pair[1]),
                     min(len(heard), len(typist.typed)))
        check(heard == typist.typed, heard == typist.typed or
              f"{typist.viewer.name}: the guest heard {len(heard)} of {len(typist.typed)} key lines, "
              f"different from number {wrong} on: {heard[wrong:wrong + 6]} for "
              f"{typist.typed[wrong:wrong + 6]}; taken: {typist.when(wrong)}")
    bench.say(f"{sum(len(typist.typed) for typist in typists)} key lines, each once and in order")


def count_lost_keys(bench, journey, typists):
    """No key line is doubled or out of order; says how many are missing."""
    for typist in typists:
        heard, typed = typist.heard(journey.lines()), iter(typist.typed)
        check(all(line in typed for line in heard), f"{typist.viewer.name}: keys doubled or mixed up")
        bench.say(f"{typist.viewer.name}: {len(typist.typed) - len(heard)} of {len(typist.typed)} key "
                  "lines were lost on the way")


def stretch(bench, journey, hops):
    """Some hops with typing throughout, then a look at keys and pictures."""
    typists = [Typist(viewer, row) for viewer, row in zip(journey.viewers, ROWS)]
    journey.past, journey.begun = "", len(journey.here.serial_text())
    for typist in typists:
        typist.start()
    for _ in range(hops):
        vm.sleep(0.3)
        journey.go()
    for typist in typists:
        typist.stopped.set()
        typist.join(5)
    compare_keys(bench, journey, typists)
    for viewer in journey.viewers:  # the typing is over when this is answered
        viewer.command("wait-picture 5 15")
    journey.pictures()


def test(bench, options):
    journey = Journey(bench, options)
    if options.busy:
        tiny.switch(journey.here, "busy", True)
    first = None
    while journey.hop < options.hops:
        stretch(bench, journey, min(PICTURE_EVERY, options.hops - journey.hop))
        now = journey.here.descriptors(), journey.here.resident_kib()
        first = first or now
        bench.say(f"hop {journey.hop}: {now[0]} descriptors, {now[1]} KiB resident")
        check(now[0] <= first[0], f"descriptors: {first[0]}, now {now[0]}")
        check(now[1] <= first[1] + GROWTH_KIB, f"memory: {first[1]} KiB, now {now[1]} KiB")
    for viewer in journey.viewers:
        viewer.quit()
    journey.here.quit()


def arguments(parser):
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--hops", type=int, default=HOPS)
    parser.add_argument("--head-start", type=float, default=0.5)
    parser.add_argument("--busy", action="store_true", help="the picture moves like a video")
    parser.add_argument("--stock-every", type=int, default=0)


if __name__ == "__main__":
    run(test, 1500, arguments)
