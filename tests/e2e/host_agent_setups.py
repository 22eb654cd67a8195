#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `caravan agent` says when QEMU and it are not set up for each other: the thing and the remedy.

The commands it tells are given to QEMU, and then the state is saved, or nothing is left to say. There is
no guest: nothing here needs one.
"""
import json
import socket
import threading

from harness.qmp import Qmp
from harness.run import check, run, until
from harness.vm import Vm, free_port
from host_agent import IDENTITY, Host

WELL = "migrations are set up well"
USUAL = [WELL, "waiting for QEMU's socket", "connected to", "the VM waits for no migration",
         "sharing the clipboard", "QEMU has connected to"]
RETURN_PATH = ["-global", "migration.x-return-path=on"]


class Setup(Host):
    """A host whose QEMU has no guest."""

    def start(self, bus=None, id_list=IDENTITY, monitor=True, vnc="", come_from=None,
              more=()):
        """bus: where the object connects to; None: to the agent's; "": there is no object."""
        machine = ["-S", "-m", "32", "-device", "virtio-serial-pci",
                   "-chardev", f"socket,id=agent,path={self.path('port')},server=on,wait=off",
                   "-device", "virtserialport,chardev=agent,name=com.redhat.spice.0", *more]
        if vnc is not None:
            machine += ["-vnc", f"unix:{self.path('vnc')},id=agent{vnc}"]
        if monitor:
            machine += ["-qmp", f"unix:{self.path('monitor')},server=on,wait=off"]
        if bus != "":
            machine += ["-object", f"dbus-vmstate,id=agent,addr=unix:path={bus or self.path('bus')},"
                        f"id-list={id_list}"]
        self.machine = Vm(self.bench, self.name, None, machine, come_from)
        return self

    def commands(self, line):
        """Those that the line tells."""
        found, decoder = [], json.JSONDecoder()
        while '{"execute"' in line:
            line = line[line.index('{"execute"'):]
            command, end = decoder.raw_decode(line)
            found.append(command)
            line = line[end:]
        check(found, f"no command in {line!r}")
        return found

    def obey(self, what):
        """Does what the line with that says."""
        line = self.said(what)
        for command in self.commands(line):
            self.machine.qmp.command(command["execute"], **command["arguments"])
        self.bench.say(line)

    def migrate_to_nowhere(self):
        self.set_return_path(False)  # a command says nothing
        self.machine.qmp.command("migrate", uri="exec:cat > /dev/null")

    def saves(self):
        """A migration to nowhere takes the state along."""
        since = len(self.lines("state saved"))
        self.migrate_to_nowhere()
        self.machine.wait_migrated()
        self.said("state saved", since=since)

    def close(self):
        self.machine.quit()
        self.end()


def all_is_well(bench):
    host = Setup(bench, "well").start(more=RETURN_PATH)
    host.said(WELL)
    host.said("sharing the clipboard")
    said = [line for line in host.lines("") if not any(usual in line for usual in USUAL)]
    check(not said, f"all is well, but the agent says: {said}")
    host.saves()
    host.close()


def return_path_is_off(bench):
    host = Setup(bench, "return-path").start()
    host.obey("return-path is off")
    told = host.machine.qmp.command("query-migrate-capabilities")
    check({"capability": "return-path", "state": True} in told, f"return-path is off: {told}")
    host.said("waits for no migration")
    check(not host.lines("Give") + host.lines(WELL), "it says too much")
    host.close()


def id_list_is_wrong(bench):
    for list_, after in (("", IDENTITY), ("other", f"other,{IDENTITY}"),
                         (f"{IDENTITY}2", f"{IDENTITY}2,{IDENTITY}")):
        host = Setup(bench, f"list-{list_}").start(id_list=list_, more=RETURN_PATH)
        host.obey("does not name")
        told = host.machine.qmp.command("qom-get", path="/objects/agent", property="id-list")
        check(told == after, f"id-list is {told}")
        if list_ == "":
            host.saves()
        host.close()


def there_is_no_object(bench):
    host = Setup(bench, "no-object").start(bus="", more=RETURN_PATH)
    host.obey("no dbus-vmstate object")
    host.saves()
    host.close()


def another_bus(bench):
    """QEMU's object is connected to the agent of another VM."""
    other = Setup(bench, "other")
    host = Setup(bench, "lost").start(bus=other.path("bus"), more=RETURN_PATH)
    line = host.said("is not connected to this agent's bus")
    check(other.path("bus") in line and "younger" not in line, f"not the thing: {line}")
    host.obey("is not connected")
    host.saves()
    check(not other.lines("state saved"), "the other agent was asked")
    host.close()
    other.end()


def agent_comes_anew(bench):
    """It was killed: migrations fail and the VM stays. The next one tells what to do."""
    host = Setup(bench, "anew").start(more=RETURN_PATH)
    host.said(WELL)
    host.agent.kill()
    host.agent.wait()
    host.migrate_to_nowhere()
    until(lambda: host.machine.qmp.command("query-migrate")["status"] == "failed", 30,
          "failure of a migration without the agent")
    host.machine.qmp.command("cont")
    host.start_agent()
    check("which is younger" in host.said("is not connected"), "it does not say why")
    host.obey("is not connected")
    host.saves()
    host.close()


def no_bus(bench):
    other = Setup(bench, "other-bus")
    host = Setup(bench, "no-bus", ("vnc", "qmp")).start(bus=other.path("bus"), more=RETURN_PATH)
    check(other.path("bus") in host.said("Start the agent with --bus"), "it does not say where")
    host.machine.quit()
    host.end()
    other.end()
    host = Setup(bench, "no-bus-at-all", ("vnc", "qmp")).start(bus="", more=RETURN_PATH)
    host.said("no --bus was given")
    host.machine.quit()
    host.end()


def target_has_no_object(bench):
    """The target does not know what to do with the state: it ends, the VM stays, with its agent."""
    host = Setup(bench, "source").start(more=RETURN_PATH)
    port = free_port()
    target = Setup(bench, "target", None).start(bus="", come_from=f"tcp:127.0.0.1:{port}",
                                                more=RETURN_PATH)
    host.machine.qmp.command("migrate", uri=f"tcp:127.0.0.1:{port}")
    until(lambda: host.machine.qmp.command("query-migrate")["status"] == "failed", 30,
          "failure of the migration")
    host.machine.qmp.command("cont")
    check(target.machine.process.wait(30) != 0, "the target has taken it")
    with open(bench.path("target.stderr"), encoding="utf-8") as errors:
        check("dbus-vmstate" in errors.read(), "QEMU does not say what it knows nothing of")
    host.said("state saved")
    host.saves()
    host.close()


def monitor_is_wrong(bench):
    none = Setup(bench, "no-monitor").start(monitor=False)
    busy = Setup(bench, "busy-monitor", None).start(bus="")
    mine = Qmp(busy.path("monitor"))
    busy.start_agent()
    yield
    line = none.said("nothing was checked")
    check(f"-qmp unix:{none.path('monitor')}," in line, f"not the remedy: {line}")
    none.close()
    line = busy.said("nothing was checked")
    check("alone" in line, f"not the remedy: {line}")
    mine.close()
    busy.close()


class DeafVnc:
    """A VNC server that knows no Extended Clipboard."""

    def __init__(self, bench, path):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        bench.at_end(self._listener.close)

    def _serve(self):
        peer = self._listener.accept()[0]
        for said, heard in ((b"RFB 003.008\n", 12), (b"\1\1", 1), (bytes(4), 1),
                            (bytes(24), 8), (b"", 1)):
            peer.sendall(said)
            peer.recv(heard)


def displays_are_wrong(bench):
    deaf = Setup(bench, "deaf", None)
    DeafVnc(bench, deaf.path("vnc"))
    deaf.start_agent(("vnc",))
    missing = Setup(bench, "missing").start(vnc=None)
    locked = Setup(bench, "locked").start(vnc=",password=on")
    yield
    locked.said("wants a password; give the agent a display of its own")
    check(f"-vnc unix:{missing.path('vnc')}" in missing.said("no VNC server is at"), "no remedy")
    deaf.said("does not share its clipboard")
    missing.close()
    locked.close()
    deaf.end()


SLOW = [displays_are_wrong, monitor_is_wrong]  # they wait: the others are done meanwhile
CASES = [all_is_well, return_path_is_off, id_list_is_wrong, there_is_no_object, another_bus,
         agent_comes_anew, no_bus, target_has_no_object]


def test(bench, _options):
    slow = [case(bench) for case in SLOW]
    for case in slow:
        next(case)
    for case in CASES:
        case(bench)
        bench.say(f"{case.__name__.replace('_', ' ')}: as it should be")
    for case in slow:
        check(next(case, "ended") == "ended", "it has not ended")
        bench.say(f"{case.__name__.replace('_', ' ')}: as it should be")


if __name__ == "__main__":
    run(test, 200)
