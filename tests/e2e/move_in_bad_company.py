#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Moves with a man in the middle: states that arrive broken, and trouble at exactly known moments.

The announced address is a proxy's (harness/proxy.py), and every client has one of its own. So what a
client brings can be changed, a channel refused, and a client, the target or the operator can act when
a certain message passes. Clients named "good" must come through as if nothing was. `--all`: every
moment and many broken states instead of a few.
"""
import os
import random
import re
import signal
import threading
import time

from harness import client, proxy, tiny, vm
from harness.run import Failure, check, run, until
from move import nothing_reopened
from move_goes_wrong import (CLOSED, COMPLETED_SECONDS, GIVEN_UP, LEFT, MOVED, NO_STATE, NOT_LEFT,
                             NOT_LINKED, SEAMLESS, SWITCHED, Source, stays_whole, target, works_at)

SEMI = "it has moved (semi-seamless)"
CRASHED = "g_coroutine_object_notify: runtime check failed"
DYING = 0.3  # seconds for the end of a client to be noticed
SEED = 20260301


class Party(Source):
    """A VM with clients, a target, and a proxy before it; clients[name] is the proxy's n-th."""

    def __init__(self, bench, names, number=0):
        self.names = names
        super().__init__(bench, [], number)
        self.target, self.migration_port = target(bench, number)
        self.proxy = proxy.Proxy(bench, self.target.spice.port, len(names))
        for at, name in enumerate(names):
            self.clients[name] = client.connect(bench, self.vm, f"{name}{number}", environment={
                "SPICE_MIG_HOST": self.proxy.address(at)})
        self.marks = {name: viewer.now() for name, viewer in self.clients.items()}

    def name_of(self, link):
        return self.names[link.client]

    def invite(self, seconds=0.7):
        """Announces the target and gives the clients time to link it."""
        self.announce(self.proxy.port)
        vm.sleep(seconds)

    def said_by(self, machine):
        with open(self.bench.path(f"{machine.name}.stderr"), errors="replace", encoding="utf-8") as file:
            return file.read()

    def came_through(self, name):
        """The client has moved seamlessly and everything works."""
        viewer = self.clients[name]
        viewer.command(f"wait-moved {self.proxy.port} 15")
        nothing_reopened(self.bench, viewer, self.marks[name])
        tiny.switch(self.target, "freeze", True)
        works_here(self.bench, self.target, viewer)

    def end(self):
        for viewer in self.clients.values():
            viewer.process.kill()
        self.bench.close()


def works_here(bench, machine, viewer):
    tiny.same_picture(bench, machine, viewer)
    since = len(machine.serial_lines())
    viewer.command("key 1e")
    tiny.wait_inputs(machine, ["key 1e", "key 9e"], since)


# -- states that arrive broken --

def cut(body, _chance):
    return body[:len(body) // 2]


def cut_by_one(body, _chance):
    return body[:-1]


def empty(_body, _chance):
    return b""


def another_magic(body, _chance):
    return b"EVIL" + body[4:]


def newer(body, _chance):
    return body[:4] + b"\x09" + body[5:]


def bit_flipped(body, chance):
    at = chance.randrange(len(body) * 8)
    return body[:at // 8] + bytes([body[at // 8] ^ 1 << at % 8]) + body[at // 8 + 1:]


def many_bits_flipped(body, chance):
    for _ in range(1 + len(body) // 16):
        body = bit_flipped(body, chance)
    return body


def all_ones(body, _chance):
    return body[:8] + b"\xff" * (len(body) - 8)


def noise(body, chance):
    return chance.randbytes(len(body))


def longer(body, chance):
    return body + chance.randbytes(3000)


HOW = [cut, cut_by_one, empty, another_magic, newer, bit_flipped, many_bits_flipped, all_ones, noise,
       longer]
ALWAYS_WRONG = {cut, empty, another_magic, newer, noise}
WRONG_STATES = [(proxy.MAIN, cut), (proxy.DISPLAY, many_bits_flipped), (proxy.INPUTS, another_magic),
                (proxy.DISPLAY, cut)]


def wrong_states(bench, number, states, seed):
    """One move with a client for each of the (channel, way to break it), and a good one."""
    chance = random.Random(seed)
    names = ["good"] + [f"bad-{at}" for at in range(len(states))]
    party = Party(bench, names, number)

    def break_state(link, kind, body):
        if kind != proxy.MIGRATE_DATA or not link.client:
            return kind, body
        channel, how = states[link.client - 1]
        return kind, how(body, chance) if link.channel == channel else body

    party.proxy.sent = break_state
    party.invite()
    party.completed(party.move(party.migration_port))
    check(party.outcomes().count(SEAMLESS) == len(names), f"outcomes {party.outcomes()}")
    party.came_through("good")
    for name, (channel, how) in zip(names[1:], states):
        became(bench, party, name, channel, how)
    party.came_through("good")
    party.end()


def became(bench, party, name, channel, how):
    """Says what the client is after its wrong state; a state that can't be right was refused."""
    viewer, kind = party.clients[name], proxy.NAMES[channel]
    closed = [event["type"] for event in viewer.seen(["channel-closed", "channel-error"],
                                                     party.marks[name])]
    bench.say(f"{kind} state {how.__name__}: " + (f"closed: {closed}" if closed else "goes on"))
    check(kind in closed or how not in ALWAYS_WRONG, f"{name}: a {kind} state {how.__name__} was taken")
    if kind in closed:
        fate = "so does its session" if channel == proxy.MAIN else "its other links go on"
        line = rf"info: Spice: client [0-9a-f]{{8}} \(\S+\): the {kind} link ended: {kind}: .*; {fate}\n"
        check(re.search(line, party.said_by(party.target)), "the operator is not told")
        lost = " has left: the main link ended: main: "
        check(channel != proxy.MAIN or re.search(f"{lost}.*; it has not arrived\n",
                                                 party.said_by(party.target)), "outcome not told")


def broken(bench, everything):
    """A state that is cut, or whose bits are flipped, ends its client's link, nobody else's."""
    if not everything:
        wrong_states(bench, 0, WRONG_STATES, SEED)
        return
    all_states = [(channel, how) for channel in (proxy.MAIN, proxy.DISPLAY, proxy.INPUTS)
                  for how in HOW]
    for number, at in enumerate(range(0, len(all_states), 6)):
        wrong_states(bench, number, all_states[at:at + 6], SEED + number)
    for number in range(20):
        chance = random.Random(number)
        wrong_states(bench, 10 + number, [
            (chance.choice([proxy.MAIN, proxy.DISPLAY, proxy.INPUTS]),
             chance.choice([bit_flipped, many_bits_flipped])) for _ in range(6)], number)


# -- what the target can't do --

def channel_missing(bench, _everything):
    """The target lacks a channel of one client: all the others of it move, seamlessly."""
    party = Party(bench, ["good", "lacking"])

    def ask_for_another(link, request):
        if party.name_of(link) == "lacking" and link.channel == proxy.INPUTS:
            return proxy.with_channel(request, proxy.USBREDIR, 7)
        return request

    party.proxy.request = ask_for_another
    party.invite()
    party.completed(party.move(party.migration_port))
    check(party.outcomes() == [SEAMLESS] * 2, f"outcomes {party.outcomes()}")
    party.came_through("good")
    viewer = party.clients["lacking"]
    viewer.wait_event("channel-closed", 5, type="inputs")
    tiny.same_picture(bench, party.target, viewer)
    closed = [event["type"] for event in viewer.seen(["channel-closed", "channel-error"])]
    check(closed == ["inputs"], f"closed: {closed}")
    check("this host has no channel 7 of type 9" in party.said_by(party.target), "nobody is told")
    bench.say("the channel that is missing has ended, the others of the client go on")
    party.end()


def channel_refused(bench, _everything):
    """A target that refuses a channel (a stock one) gets that client by switch-host, if it lives."""
    party = Party(bench, ["good", "lacking"])
    moved = threading.Event()

    def refuse(link, reply):
        if party.name_of(link) == "lacking" and link.channel == proxy.CURSOR and not moved.is_set():
            return proxy.refusal(proxy.CHANNEL_NOT_AVAILABLE)
        return reply

    party.proxy.reply = refuse
    party.invite()
    since = party.move(party.migration_port)
    moved.set()
    party.completed(since)
    party.came_through("good")
    viewer = party.clients["lacking"]
    if has_crashed(viewer):
        bench.say("the client itself crashed, as spice-gtk 0.42 does when a link is refused in a move")
        check(SEAMLESS in party.outcomes() and len(party.outcomes()) == 2,
              f"outcomes {party.outcomes()}")
    else:
        check(sorted(party.told()) == sorted([(MOVED, SEAMLESS), (NOT_LINKED, SWITCHED)]),
              f"told {party.told()}")
        works_at(bench, Named(party.target, party.proxy.port), viewer)
    party.end()


class Named:
    """The machine, known to clients by the proxy's port."""

    def __init__(self, machine, port):
        self._machine = machine
        self.spice = type("Where", (), {"port": port})

    def __getattr__(self, name):
        return getattr(self._machine, name)


def without_seamless(bench, _everything):
    """A target that lacks seamless moves, for one client: that one moves semi-seamlessly."""
    party = Party(bench, ["good", "older"])

    def hide(link, reply):
        if party.name_of(link) == "older" and link.channel == proxy.MAIN:
            return proxy.without_main_cap(reply, 3)
        return reply

    party.proxy.reply = hide
    party.invite()
    party.completed(party.move(party.migration_port))
    check(sorted(party.told()) == sorted([(MOVED, SEAMLESS), (MOVED, SEMI)]), f"told {party.told()}")
    party.came_through("good")
    works_at(bench, Named(party.target, party.proxy.port), party.clients["older"])
    party.end()


# -- trouble at a known moment: what passes the proxy then --

MOMENTS = {
    "its main link comes": ("request", proxy.MAIN, None),
    "it asks for a seamless move": ("sent", proxy.MAIN, proxy.DST_DO_SEAMLESS),
    "the target says yes": ("said", proxy.MAIN, proxy.DST_SEAMLESS_ACK),
    "its display link comes": ("request", proxy.DISPLAY, None),
    "its inputs link is taken": ("reply", proxy.INPUTS, None),
    "it brings its main state": ("sent", proxy.MAIN, proxy.MIGRATE_DATA),
    "it brings its inputs state": ("sent", proxy.INPUTS, proxy.MIGRATE_DATA),
    "it brings its display state": ("sent", proxy.DISPLAY, proxy.MIGRATE_DATA),
}
BEFORE_THE_END = list(MOMENTS)[:5]
FEW = ["it asks for a seamless move", "its inputs link is taken", "it brings its main state",
       "it brings its display state"]


def on_moments(party, moments, act):
    """act(name) is called when a client's moment comes, before the bytes pass; once each."""
    done = set()

    def look(link, stage, kind=None):
        name = party.name_of(link)
        if name in moments and name not in done and \
                MOMENTS[moments[name]] == (stage, link.channel, kind):
            done.add(name)
            act(name)

    def watch(stage):
        def hook(link, data):
            look(link, stage)
            return data
        return hook

    def watch_messages(stage):
        def hook(link, kind, body):
            look(link, stage, kind)
            return kind, body
        return hook

    party.proxy.request, party.proxy.reply = watch("request"), watch("reply")
    party.proxy.sent, party.proxy.said = watch_messages("sent"), watch_messages("said")
    return done


def client_trouble(bench, number, moments, trouble, outcome):
    names = {f"{trouble.__name__}-{at}": moment for at, moment in enumerate(moments)}
    party = Party(bench, ["good", *names], number)
    done = on_moments(party, names, lambda name: trouble(party.clients[name].process))
    party.invite()
    since = party.move(party.migration_port)
    party.clients["good"].command(f"wait-moved {party.proxy.port} 5")
    quick = time.monotonic() - since
    took = party.completed(since)
    check(done == set(names), f"moments that did not come: {set(names) - done}")
    party.came_through("good")
    outcomes = party.outcomes()
    check(len(outcomes) == len(party.names) and SEAMLESS in outcomes, f"outcomes {outcomes}")
    for why, how in party.told():
        well = why == MOVED and how == SEAMLESS
        ill = (how in (LEFT, NO_STATE) and (why == CLOSED or why.startswith("the ")),
               (why, how) == (NOT_LEFT, GIVEN_UP))
        check(well or ill[trouble is frozen], f"told {party.told()}")
    for process in (party.vm.process, party.target.process):
        check(process.poll() is None, "a QEMU has ended")
    bench.say(f"{trouble.__name__} when {'; when '.join(moments)}: the other is at the target after "
              f"{quick:.2f} s, QEMU told after {took:.1f} s; outcomes: {outcomes}")
    party.end()


def killed(process):
    process.kill()
    time.sleep(DYING)


def frozen(process):
    os.kill(process.pid, signal.SIGSTOP)


def client_trouble_everywhere(bench, everything, trouble):
    if not everything:
        client_trouble(bench, 0, FEW, trouble, None)
        return
    for number, at in enumerate(range(0, len(MOMENTS), 4)):
        client_trouble(bench, number, list(MOMENTS)[at:at + 4], trouble, None)


def client_killed(bench, everything):
    """Clients that die at known moments disturb nobody."""
    client_trouble_everywhere(bench, everything, killed)


def client_frozen(bench, everything):
    """Clients that stand still at known moments disturb nobody and are given up in time."""
    client_trouble_everywhere(bench, everything, frozen)


def staying(bench, everything, what, wanted, act):
    """Two clients; act(party, target) when the moment of one comes: both stay, whenever it is."""
    moments = BEFORE_THE_END if everything else BEFORE_THE_END[1:5:2]
    for number, moment in enumerate(moments):
        party = Party(bench, ["good", "other"], number)
        party.vm.qmp.command("migrate-set-parameters", max_bandwidth=200_000)
        now = threading.Event()
        on_moments(party, {"other": moment}, lambda _name: now.set())
        party.announce(party.proxy.port)
        party.vm.migrate(party.migration_port)
        check(now.wait(10), f"the moment did not come: {moment}")
        act(party)
        until(lambda: party.vm.qmp.command("query-migrate")["status"] == wanted, 30, wanted)
        crashed = [name for name in party.clients if not stays_unless_crashed(bench, party, name)]
        until(lambda: len(party.staying()) + len(party.told()) == len(party.clients), 10,
              "line for the operator about each client")
        client.connect(bench, party.vm, f"newcomer{number}").quit()
        bench.say(f"{what} when {moment}: " + (f"{crashed} crashed (spice-gtk)" if crashed
                                                else "both stay"))
        party.end()


def has_crashed(viewer):
    """spice-gtk 0.42 does when a link of a move that is not main fails; it says so at once, and then
    takes its time."""
    if CRASHED not in viewer.said():
        return False
    viewer.end()
    return True


def stays_unless_crashed(bench, party, name):
    """False if the client has crashed; it may do that while it is looked at."""
    try:
        stays_whole(bench, party, name)
        return True
    except Failure:
        if has_crashed(party.clients[name]):
            return False
        raise


def cancelled(bench, everything):
    """Cancelled when a client is just linking the target: everybody stays."""
    staying(bench, everything, "cancelled", "cancelled",
            lambda party: party.vm.qmp.command("migrate_cancel"))


def target_killed(bench, everything):
    """The target dies when a client is just linking it: everybody stays."""
    staying(bench, everything, "target killed", "failed",
            lambda party: party.target.process.kill())


def target_killed_after(bench, _everything):
    """The target dies when the VM is there: nothing can be done; QEMU is told, in time and once."""
    party = Party(bench, ["one", "two"])
    on_moments(party, {"one": "it brings its main state"},
               lambda _name: party.target.process.kill())
    party.invite()
    took = party.completed(party.move(party.migration_port))
    for viewer in party.clients.values():
        check(viewer.end(COMPLETED_SECONDS) != 0, "a client thinks that all went well")
    check(len(party.outcomes()) == 2, f"outcomes {party.outcomes()}")
    bench.say(f"QEMU told after {took:.1f} s; outcomes: {party.outcomes()}")
    party.end()


CASES = {case.__name__.replace("_", "-"): case for case in (
    broken, channel_missing, channel_refused, without_seamless, client_killed, client_frozen, cancelled,
    target_killed, target_killed_after)}


def test(bench, options):
    failed = []
    for name in options.cases or CASES:
        bench.say(f"-- {CASES[name].__doc__}")
        try:
            CASES[name](bench, options.all)
        except Failure as failure:
            bench.say(f"{name}: FAILED: {failure}")
            failed.append(name)
        finally:
            bench.close()
    check(not failed, f"failed: {failed}")


def arguments(parser):
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="all if none is named")
    parser.add_argument("--all", action="store_true", help="every moment, many broken states")


if __name__ == "__main__":
    run(test, 1200, arguments)
