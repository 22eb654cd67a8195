#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Debian desktop moves to and fro while its clients copy, paste and transfer files.

A file is on its way during all hops and must arrive byte by byte. In each hop a paste is in flight in
each direction: the guest's, which a client answers only after the hop; a client's, whose owner in the
guest stands still until after the hop; and large ones that start with the hop. What was copied before the
hop can be pasted after it. The guest must not notice: the same agent processes, no line about a client in
their log, client mouse mode throughout, resize at once after the hop.
"""
import os
import time

from harness import client, clipboard, desktop, vm
from harness.run import check, run
from agent_file import make_file
from agent_mouse_and_resize import pointer_follows, screen_follows
from move import FORBIDDEN

LARGE = 2_000_000
SIZES = [(1024, 768), (1280, 800)]
LOGS = ["/run/vdagentd.log", "/run/vdagent.log"]
# of vdagentd's log: what it would say of a client or a port that is new
NOTICED = ["New client", "disconnected", "reconnect", "opening vdagent", "lost", "invalid", "Client"]


class Journey:
    """The VM on its way, and those who watch."""

    def __init__(self, bench, options):
        self.bench, self.options, self.hop = bench, options, 0
        self.environment = {"SPICE_DEBUG_ALLOW_MC": "1"} if options.clients > 1 else None
        self.here = desktop.start(bench, "host0", environment=self.environment)
        self.viewers = [client.connect(bench, self.here, f"client{number}")
                        for number in range(options.clients)]
        for viewer in self.viewers:
            viewer.command("wait-agent 10")
        vm.sleep(0.5)  # the guest writes its log
        self.pids = self.here.agent_pids()
        self.lines = [int(self.here.shell(f"wc -l < {log}")) for log in LOGS]

    def go(self):
        """One hop, which nobody may notice; it is over when every client has moved."""
        self.hop += 1
        target, port = desktop.target(self.bench, f"host{self.hop}", environment=self.environment)
        marks = [viewer.now() for viewer in self.viewers]
        self.here.name_target(target)
        vm.sleep(self.options.head_start)
        self.here.migrate(port)
        status = self.here.wait_migrated()
        for viewer, mark in zip(self.viewers, marks):
            viewer.wait_event("channel-moved", 15, mark, type="main", port=target.spice.port)
        self.here.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 15)
        for viewer, mark in zip(self.viewers, marks):
            wrong = viewer.seen(FORBIDDEN + ["agent", "mouse-mode"], mark)
            check(not wrong, f"{viewer.name}: {wrong}")
        self.here.quit()
        self.here = target
        self.bench.say(f"hop {self.hop}: downtime {status['downtime']} ms")

    def guest_noticed_nothing(self):
        pids = self.here.agent_pids()
        news = [line for log, lines in zip(LOGS, self.lines)
                for line in self.here.shell(f"tail -n +{lines + 1} {log} | grep -v 'xfer data' || true")
                .splitlines()]
        check(pids == self.pids, f"the agent was started anew: {pids}, not {self.pids}: {news}")
        noticed = [line for line in news if any(word in line for word in NOTICED)]
        check(not noticed, f"the guest has noticed: {noticed} in {news}")


class SlowGuestPaste:
    """The guest asks a client, which answers only after the hop."""

    def __init__(self, journey):
        self.journey, self.viewer = journey, journey.viewers[0]
        self.content = clipboard.text(50_000)
        clipboard.offer(journey.bench, self.viewer, self.content)
        clipboard.guest_pastes(journey.here, self.content)
        self.viewer.command("clipboard-hold on")
        mark = self.viewer.now()
        journey.here.shell("rm -f /run/slow*; (xclip -o -selection clipboard -t UTF8_STRING > /run/slow; "
                           "sha256sum < /run/slow > /run/slow.sum) > /dev/null 2>&1 &")
        self.viewer.wait(lambda event: event.get("event") == "clipboard" and event["op"] == "request", 10,
                         "request", mark)

    def ends(self):
        reply = self.viewer.command("clipboard-hold off")
        check(reply["answered"] == 1, f"{reply['answered']} requests were held")
        got = self.journey.here.until("cat /run/slow.sum", 20, "the slow paste")
        check(got.split()[0] == self.content.sha256, f"the guest has pasted {got[:16]}")


class SlowClientPaste:
    """A client asks the guest, where the owner of the selection stands still until after the hop."""

    def __init__(self, journey):
        self.journey, self.viewer = journey, journey.viewers[-1]
        self.content = clipboard.text(LARGE)
        self.mark = self.viewer.now()
        clipboard.guest_copies(journey.here, self.content, "primary")
        self.viewer.command("wait-clipboard primary text 10")
        journey.here.shell("kill -STOP $(pidof xclip)")
        self.path = journey.bench.path("slow-client")
        self.mark = self.viewer.now()
        self.viewer.send(f"clipboard-get primary text {self.path} 40")
        journey.here.until("tail -3 /run/vdagent.log | grep -q 'clipboard request' && echo asked", 10,
                           "request")

    def ends(self):
        self.journey.here.shell("kill -CONT $(pidof xclip)")
        reply = self.viewer.events[self.viewer.wait_event("reply", 40, self.mark, cmd="clipboard-get")]
        self.journey.guest_noticed_nothing()
        check(reply["ok"] and reply["sha256"] == self.content.sha256, f"{self.viewer.name}: {reply}")


class LargeGuestPaste:
    """The bytes of a paste are on the way to the guest while the VM moves."""

    def __init__(self, journey):
        self.journey = journey
        self.content = clipboard.text(LARGE)
        clipboard.offer(journey.bench, journey.viewers[0], self.content)
        journey.here.until("xclip -o -selection clipboard -t TARGETS | grep -q UTF8_STRING && echo offered",
                           10, "offer")
        vm.sleep(0.3)
        journey.here.shell("rm -f /run/large*; (xclip -o -selection clipboard -t UTF8_STRING > /run/large; "
                           "sha256sum < /run/large > /run/large.sum) > /dev/null 2>&1 &")

    def ends(self):
        got = self.journey.here.until("cat /run/large.sum", 30, "the large paste")
        check(got.split()[0] == self.content.sha256, f"the guest has pasted {got[:16]}")


class LargeClientPaste:
    """The bytes of a paste are on the way to a client while the VM moves."""

    def __init__(self, journey):
        self.viewer = journey.viewers[-1]
        self.content = clipboard.text(LARGE)
        mark = self.viewer.now()
        clipboard.guest_copies(journey.here, self.content)
        self.viewer.wait(lambda event: event.get("event") == "clipboard" and event["op"] == "grab", 10,
                         "offer", mark)
        self.mark = self.viewer.now()
        self.viewer.send(f"clipboard-get clipboard text {journey.bench.path('large-client')} 40")

    def ends(self):
        reply = self.viewer.events[self.viewer.wait_event("reply", 45, self.mark, cmd="clipboard-get")]
        check(reply["ok"] and reply["sha256"] == self.content.sha256, f"{self.viewer.name}: {reply}")


class KeptCopies:
    """What was copied before the hop is pasted after it, in both directions."""

    def __init__(self, journey):
        self.journey = journey
        self.clients, self.guests = clipboard.text(3000), clipboard.text(3000)
        self.mark = journey.viewers[-1].now()
        clipboard.guest_copies(journey.here, self.guests, "primary")
        for viewer in journey.viewers:
            viewer.command("wait-clipboard primary text 10")
        clipboard.offer(journey.bench, journey.viewers[0], self.clients)
        clipboard.guest_pastes(journey.here, self.clients)

    def ends(self):
        clipboard.guest_pastes(self.journey.here, self.clients)
        clipboard.client_pastes(self.journey.bench, self.journey.viewers[-1], self.guests, self.mark,
                                "primary")


IN_FLIGHT = [SlowGuestPaste, SlowClientPaste, LargeGuestPaste, LargeClientPaste, KeptCopies]


def everything_works(journey):
    """After a hop: clipboard both ways, pointer, and a resize at once."""
    if not journey.options.no_resize:
        screen_follows(journey.bench, journey.here, journey.viewers[0], SIZES[journey.hop % 2])
    pointer_follows(journey.bench, journey.here, journey.viewers[0], [(100 + journey.hop, 200)])
    clipboard.both_ways(journey.bench, journey.here, journey.viewers)
    journey.guest_noticed_nothing()


def hops_with_pastes(bench, options):
    journey = Journey(bench, options)
    for hop in range(options.hops):
        kind = IN_FLIGHT[(hop + options.first) % len(IN_FLIGHT)]
        flight = kind(journey)
        journey.go()
        flight.ends()
        bench.say(f"hop {journey.hop}: {kind.__doc__}")
        everything_works(journey)
    for viewer in journey.viewers:
        viewer.quit()
    journey.here.quit()


def hops_with_a_file(bench, options):
    """One file is on its way through all hops; other clients copy and paste meanwhile."""
    journey = Journey(bench, options)
    viewer = journey.viewers[0]
    path, sha256 = make_file(bench, "travels", options.megabytes * 1_000_000)
    mark = viewer.now()
    began = time.monotonic()
    viewer.send(f"send-file {path} 400")
    name = f"/run/xfer/{os.path.basename(path)}"
    sizes = []
    for _ in range(options.hops):
        more = sizes[-1] + 1 if sizes else 1
        sizes.append(int(journey.here.until(f"s=$(grep -c 'received file xfer data' {LOGS[1]}); "
                                            f"[ $s -ge {more} ] && echo $s", 30, "more of the file")))
        check(not viewer.seen(["reply"], mark), "the file has come before the last hop: it is too small")
        journey.go()
        journey.guest_noticed_nothing()
    reply = viewer.events[viewer.wait_event("reply", 400, mark, cmd="send-file")]
    check(reply["ok"], f"{viewer.name}: {reply}")
    took = time.monotonic() - began
    got = journey.here.shell(f"sha256sum < {name}", 60).split()[0]
    check(got == sha256, f"the guest has another file: {got[:16]}, not {sha256[:16]}")
    bench.say(f"{options.megabytes} MB through {options.hops} hops in {took:.1f} s, the guest had "
              f"{', '.join(map(str, sizes))} pieces of it when the hops began")
    clipboard.both_ways(bench, journey.here, journey.viewers)
    journey.guest_noticed_nothing()
    for viewer in journey.viewers:
        viewer.quit()
    journey.here.quit()


CASES = {"pastes": hops_with_pastes, "file": hops_with_a_file}


def test(bench, options):
    CASES[options.what](bench, options)


def arguments(parser):
    parser.add_argument("what", choices=CASES)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--hops", type=int, default=int(os.environ.get("HOPS", "2")))
    parser.add_argument("--first", type=int, default=0, help="number of the first kind of paste")
    parser.add_argument("--megabytes", type=int, default=30)
    parser.add_argument("--no-resize", action="store_true", help="the system's library loses it")
    parser.add_argument("--head-start", type=float, default=0.5)


if __name__ == "__main__":
    run(test, 900, arguments)
