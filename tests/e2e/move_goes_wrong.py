#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that can go wrong in a move, each with what must become of every client.

Outcomes are read from the lines in the source's log that tell the operator, compared with its story
(CARAVAN_MOVE_LOG), and seen at the clients. Whatever happens, QEMU is told once that the move is
over, within 10 s of its end.
"""
import contextlib
import json
import os
import re
import signal
import socket
import time

from harness import client, tiny, vm
from harness.run import Failure, check, run, until
from keys_and_pointer import inputs_work
from move import nothing_reopened

COMPLETED_SECONDS = 11  # 10 s, and the time to hear of it
REFUSED, LOST = 3, 4    # exit codes of the client
SEAMLESS = "it has moved (seamless)"
GIVEN_UP = "it was given up"
SWITCHED = "it was sent to connect anew (switch-host)"
LEFT = "it left before the end of the move"
NO_STATE = "it left before it had its state"
CLOSED = "it closed its links"
MOVED, NOT_LINKED = "the VM has moved", "cannot link to the target"
SLOW = "no answer in time"
NOT_LEFT = "it did not leave after the VM had moved"
GONE = re.compile(r"client ([0-9a-f]{8}) \(\S+\) has left: (.*); (it [^;]*)$")
STAYS = re.compile(r"client ([0-9a-f]{8}) \(\S+\): the VM stays here; it stays$")


class Source:
    """A VM with clients whose move is watched."""

    def __init__(self, bench, names, number=0, password=None):
        self.bench, self.number, self.password = bench, number, password
        self.log = bench.path(f"story{number}.jsonl")
        if os.path.exists(self.log):
            os.unlink(self.log)  # of the case before
        environment = {"CARAVAN_MOVE_LOG": self.log, "G_MESSAGES_DEBUG": "Spice"}
        self.vm = host(bench, f"source{number}", environment, password)
        self.vm.wait_line("ready", tiny.BOOT_SECONDS)
        self.clients = {name: client.connect(bench, self.vm, f"{name}{number}", password=password)
                        for name in names}
        self.marks = {name: viewer.now() for name, viewer in self.clients.items()}

    def announce(self, port):
        self.vm.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1", port=port)

    def story(self):
        with open(self.log, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def said(self, pattern):
        """The matches of a pattern in the source's log, one a line."""
        with open(self.bench.path(f"{self.vm.name}.stderr"), errors="replace", encoding="utf-8") as file:
            return [match for match in map(pattern.search, file.read().splitlines()) if match]

    def told(self):
        """Of the clients that have left: why and what became of them, as the operator is told."""
        told = [match.groups() for match in self.said(GONE)]
        story = [(line["client"], line["what"], line["state"]) for line in self.story()
                 if line.get("state", "").startswith("it ")]
        check(told == story, f"the log tells {told}, the story {story}")
        check(len({who for who, _why, _how in told}) == len(told), f"a client has left twice: {told}")
        return [(why, how) for _who, why, how in told]

    def outcomes(self):
        """What became of the clients that have left, in the order of leaving."""
        return [how for _why, how in self.told()]

    def staying(self):
        """The ids of the clients of which the operator was told that they stay."""
        return {match.group(1) for match in self.said(STAYS)}

    def completed(self, since):
        """Waits for the end of the move, which is told once."""
        self.vm.qmp.wait_event("SPICE_MIGRATE_COMPLETED", COMPLETED_SECONDS)
        took = time.monotonic() - since
        check(took <= COMPLETED_SECONDS, f"the move was over only after {took:.1f} s")
        ends = [line for line in self.story() if line["what"] == "end complete"]
        check(len(ends) == 1, f"end complete: {len(ends)} times")
        check(self.vm.query_spice()["migrated"], "query-spice does not say migrated")
        return took

    def move(self, port):
        """Moves the VM; returns when that is over, not its clients."""
        self.vm.migrate(port)
        self.vm.wait_migrated()
        return time.monotonic()


def host(bench, name, environment=None, password=None, incoming=None):
    secret = ["-object", f"secret,id=secret,data={password}"] if password else []
    spice = vm.Spice.tcp("password-secret=secret" if password else "disable-ticketing=on")
    return vm.Vm(bench, name, spice, tiny.machine("std") + secret, incoming, environment)


def target(bench, number, password=None):
    """A QEMU that waits for the VM, and its port."""
    port = vm.free_port()
    machine = host(bench, f"target{number}", {"G_MESSAGES_DEBUG": "Spice"}, password,
                   f"tcp:127.0.0.1:{port}")
    until(lambda: machine.qmp.command("query-status")["status"] == "inmigrate", 30, "inmigrate")
    return machine, port


def works_at(bench, machine, viewer):
    """The client is at that VM, and all of it works."""
    viewer.command(f"wait-moved {machine.spice.port} 20", 25)
    tiny.switch(machine, "freeze", True)
    inputs_work(bench, machine, viewer)


def stays_whole(bench, source, name):
    """The client lost nothing and the VM runs on at the source."""
    viewer = source.clients[name]
    viewer.command("wait-picture 25 15")
    check(source.vm.qmp.command("query-status")["running"], "the VM does not run")
    nothing_reopened(bench, viewer, source.marks[name])


# -- the target --

def nobody_listens(bench):
    """The announced port is closed: the client can't come along, and QEMU is told at once."""
    source = Source(bench, ["client"])
    machine, port = target(bench, 0)
    source.announce(vm.free_port())
    vm.sleep(0.5)
    took = source.completed(source.move(port))
    check(source.told() == [(NOT_LINKED, SWITCHED)], f"told {source.told()}")
    check(source.clients["client"].end() != 0, "the client thinks that all went well")
    bench.say(f"told after {took:.1f} s")
    machine.quit()


def dead_address(bench):
    """Nothing answers at the announced address; the VM moves: the client stays 10 s at most."""
    source = Source(bench, ["client"])
    machine, port = target(bench, 0)
    with socket.socket() as listener, contextlib.ExitStack() as full:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # it has room for one; then what comes is dropped
            one = full.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        source.announce(listener.getsockname()[1])
        took = source.completed(source.move(port))
        # the client's own patience is as long
        check(source.told() in ([(NOT_LEFT, GIVEN_UP)], [(SLOW, SWITCHED)]), f"told {source.told()}")
        bench.say(f"told after {took:.1f} s: {source.told()}")
    machine.quit()


def silent_target(bench):
    """The announced port takes connections and says nothing; the VM stays: so does the client."""
    source = Source(bench, ["client"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source.announce(listener.getsockname()[1])
        vm.sleep(0.3)
        since = time.monotonic()
        source.vm.qmp.try_command("migrate", uri=f"tcp:127.0.0.1:{vm.free_port()}")
        bench.say(f"QEMU stood still for {time.monotonic() - since:.2f} s")
        until(lambda: source.vm.qmp.command("query-migrate")["status"] == "failed", 10, "failure")
    stays_whole(bench, source, "client")
    check(len(source.staying()) == 1, "the operator is not told that it stays")
    tiny.switch(source.vm, "freeze", True)
    inputs_work(bench, source.vm, source.clients["client"])


def silent_target_moved(bench):
    """The same, but the VM moves: the client is given up after 10 s."""
    source = Source(bench, ["client"])
    machine, port = target(bench, 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source.announce(listener.getsockname()[1])
        took = source.completed(source.move(port))
        check(source.told() == [(NOT_LEFT, GIVEN_UP)], f"told {source.told()}")
        bench.say(f"told after {took:.1f} s")
    machine.quit()


def wrong_password(bench):
    """The target wants another password: refused there, also after switch-host."""
    source = Source(bench, ["client"], password="here")
    machine, port = target(bench, 0, password="there")
    source.announce(machine.spice.port)
    vm.sleep(0.5)
    source.completed(source.move(port))
    check(source.told() == [(NOT_LINKED, SWITCHED)], f"told {source.told()}")
    status = source.clients["client"].end()
    check(status in (REFUSED, LOST), f"the client ended with {status}")
    machine.quit()


def password_mended(bench):
    """The same, and the operator sets it right in between: the client connects anew."""
    source = Source(bench, ["client"], password="here")
    machine, port = target(bench, 0, password="there")
    source.announce(machine.spice.port)
    vm.sleep(0.5)
    machine.qmp.command("set_password", protocol="spice", password="here")
    source.completed(source.move(port))
    check(source.told() == [(NOT_LINKED, SWITCHED)], f"told {source.told()}")
    works_at(bench, machine, source.clients["client"])
    machine.quit()


def target_killed(bench):
    """The target dies while RAM flows: everybody stays."""
    source = Source(bench, ["one", "two"])
    machine, port = target(bench, 0)
    source.vm.qmp.command("migrate-set-parameters", max_bandwidth=200_000)
    source.announce(machine.spice.port)
    vm.sleep(0.5)
    source.vm.migrate(port)
    machine.process.kill()
    until(lambda: source.vm.qmp.command("query-migrate")["status"] == "failed", 30, "failure")
    for name in source.clients:
        stays_whole(bench, source, name)
    check(len(source.staying()) == 2, "the operator is not told that they stay")


# -- the operator --

def announced_twice(bench):
    """A second announcement takes the first one back; the move is seamless."""
    source = Source(bench, ["one", "two"])
    machine, port = target(bench, 0)
    for wrong in (vm.free_port(), machine.spice.port):
        source.announce(wrong)
    vm.sleep(1)
    source.announce(machine.spice.port)
    vm.sleep(1)
    source.completed(source.move(port))
    check(source.told() == [(MOVED, SEAMLESS)] * 2, f"told {source.told()}")
    for viewer in source.clients.values():
        works_at(bench, machine, viewer)


def cancelled(bench):
    """Cancelled at several moments: everybody stays, and the move after it is seamless."""
    source = Source(bench, ["one", "two"])
    for number, (head_start, under_way) in enumerate(((0, 0), (0, 0.1), (0.05, 0), (0.1, 0.3), (1, 1))):
        machine, port = target(bench, number)
        source.vm.qmp.command("migrate-set-parameters", max_bandwidth=200_000)
        source.announce(machine.spice.port)
        vm.sleep(head_start)
        source.vm.migrate(port)
        vm.sleep(under_way)
        source.vm.qmp.command("migrate_cancel")
        until(lambda: source.vm.qmp.command("query-migrate")["status"] == "cancelled", 30, "cancelled")
        for name in source.clients:
            stays_whole(bench, source, name)
        check(len(source.staying()) == 2, "the operator is not told that they stay")
        bench.say(f"cancelled {under_way} s after a start {head_start} s after the announcement")
        machine.process.kill()
    machine, port = target(bench, "-last")
    source.vm.qmp.command("migrate-set-parameters", max_bandwidth=1 << 30)
    source.announce(machine.spice.port)
    vm.sleep(1)
    source.completed(source.move(port))
    check(source.told() == [(MOVED, SEAMLESS)] * 2, f"told {source.told()}")
    for viewer in source.clients.values():
        works_at(bench, machine, viewer)


# -- a client --

def each_moment(bench, number, trouble):
    """One move in which `trouble` befalls the client "bad" at the moment of that number."""
    source = Source(bench, ["good", "bad"], number)
    machine, port = target(bench, number)
    bad = source.clients["bad"].process
    if number == 0:
        trouble(bad)
    source.announce(machine.spice.port)
    if number == 1:
        trouble(bad)
    vm.sleep(0.7)
    if number == 2:
        trouble(bad)
    source.vm.migrate(port)
    if number == 3:
        trouble(bad)
    source.vm.wait_migrated()
    since = time.monotonic()
    if number == 4:
        trouble(bad)
    good = source.clients["good"]
    good.command(f"wait-moved {machine.spice.port} 5")
    quick = time.monotonic() - since
    newcomer = None
    if trouble is frozen and number == 0:
        newcomer = client.Client(bench, "newcomer", source.vm.spice.uri)
        newcomer.wait_event("migration", 5, state="switching")
    took = source.completed(since)
    nothing_reopened(bench, good, source.marks["good"])
    works_at(bench, machine, good)
    if newcomer:
        works_at(bench, machine, newcomer)
    outcomes = told_of_trouble(source, trouble, number, newcomer)
    check(source.vm.process.poll() is None, "the source has ended")
    moments = ("before the announcement", "right after it", "0.7 s after it",
               "when RAM begins to flow", "when the VM has moved")
    bench.say(f"{trouble.__name__} {moments[number]}: the other is at the target after {quick:.2f} s, "
              f"QEMU told after {took:.1f} s; outcomes: {outcomes}")
    source.vm.quit()
    bad.kill()
    machine.quit()


def told_of_trouble(source, trouble, number, newcomer):
    """What became of all, after checking that the operator knows why."""
    told = source.told()
    good = (MOVED, SEAMLESS)
    others = [each for each in told if each != good]
    check(good in told, f"told {told}")
    if newcomer:
        check(others.pop(0) == (MOVED, SWITCHED), f"told {told}")
    unheard = number == 4 or number == 0 and trouble is killed  # it is through, or gone already
    check(len(others) == 1 or not others and unheard, f"told {told}")
    for why, how in others:
        if trouble is frozen:
            check((why, how) == (NOT_LEFT, GIVEN_UP), f"told {told}")
        else:
            check(how in (LEFT, NO_STATE) and (why == CLOSED or why.startswith("the ")), f"told {told}")
    return [how for _why, how in told]


def killed(process):
    process.kill()


def frozen(process):
    os.kill(process.pid, signal.SIGSTOP)


def client_killed(bench):
    """A client that dies, at any moment, disturbs nobody."""
    for number in range(5):
        each_moment(bench, number, killed)


def client_frozen(bench):
    """A client that stands still, at any moment, disturbs nobody and is given up in time."""
    for number in range(5):
        each_moment(bench, number, frozen)


CASES = {case.__name__.replace("_", "-"): case for case in (
    nobody_listens, dead_address, silent_target, silent_target_moved, wrong_password, password_mended,
    target_killed, announced_twice, cancelled, client_killed, client_frozen)}


def test(bench, options):
    failed = []
    for name in options.cases or CASES:
        bench.say(f"-- {CASES[name].__doc__}")
        try:
            CASES[name](bench)
        except Failure as failure:
            bench.say(f"{name}: FAILED: {failure}")
            failed.append(name)
        finally:
            bench.close()
    check(not failed, f"failed: {failed}")


def arguments(parser):
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], help="all if none is named")


if __name__ == "__main__":
    run(test, 400, arguments)
