#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`caravan agent`: a Debian desktop in a QEMU without SPICE shares its clipboard with VNC users.

Before and after a live migration, with nothing said to the guest on the way; and what QEMU's own
qemu-vdagent does instead: it refuses to migrate.
"""
import hashlib
import os
import shlex
import subprocess
import time

from harness import desktop, vm
from harness.clipboard import text
from harness.run import Skip, check, run, until
from harness.vnc import Vnc

SAVE_MS = 50
IDENTITY = "caravan-agent"


class Host:
    """What one host has: sockets, the agent's process, the VM."""

    def __init__(self, bench, name, incoming=False):
        command = os.environ.get("CARAVAN_PROBE")
        if not command:
            raise Skip("no caravan command (CARAVAN_PROBE)")
        self.bench, self.name, self.log = bench, name, bench.path(f"{name}-agent.log")
        self.machine = None
        arguments = [*shlex.split(command), "agent", "--verbose", "--port", self.path("port"),
                     "--vnc", self.path("vnc"), "--bus", self.path("bus")]
        if incoming:
            arguments.append("--incoming")
        with open(self.log, "wb") as log:
            self.agent = bench.spawn(arguments, self.log, stdin=subprocess.DEVNULL, stderr=log)
        until(lambda: os.path.exists(self.path("bus")), 10, "bus of the agent")

    def path(self, what):
        return self.bench.path(f"{self.name}.{what}")

    def arguments(self, folder, port="socket", bus=True):
        chardev = {"socket": f"socket,path={self.path('port')},server=on,wait=off",
                   "built in": "qemu-vdagent,clipboard=on"}[port]
        arguments = desktop.machine(self.bench, folder, self.name, "std", chardev)
        arguments += ["-vnc", f"unix:{self.path('user')},id=user",
                      "-vnc", f"unix:{self.path('vnc')},id=agent"]
        if bus:
            arguments += ["-object", f"dbus-vmstate,id=agent,addr=unix:path={self.path('bus')},"
                          f"id-list={IDENTITY}"]
        return arguments

    def boot(self, folder, **options):
        self.machine = desktop.Desktop(self.bench, self.name, folder,
                                       arguments=self.arguments(folder, **options))
        self.machine.wait_line("ready", desktop.BOOT_SECONDS)
        self.bench.say(f"{self.name}: the desktop guest is up: {self.machine.agent_pids()}")

    def wait_for_move(self, folder):
        port = vm.free_port()
        self.machine = desktop.Desktop(self.bench, self.name, folder, None,
                                       f"tcp:127.0.0.1:{port}", arguments=self.arguments(folder))
        until(lambda: self.machine.qmp.command("query-status")["status"] == "inmigrate", 30,
              "state inmigrate")
        return port

    def said(self, what, seconds=10):
        def line():
            with open(self.log, encoding="utf-8") as log:
                return next((line for line in log if what in line), None)
        return until(line, seconds, f"{what!r} in the log of the agent at {self.name}").strip()

    def user(self):
        return Vnc(self.bench, self.path("user"))

    def end(self):
        self.agent.terminate()
        check(self.agent.wait(10) == 0, f"the agent ended with {self.agent.returncode}")
        check(not os.path.exists(self.path("bus")), "the bus's socket was left behind")


def guest_copies(machine, content):
    machine.shell(f"cat > /run/copied <<'END'\n{content.decode()}END")
    machine.copy("/run/copied")


def guest_to_user(host, user, content):
    since = len(user.notices)
    guest_copies(host.machine, content.data)
    user.wait_notice(since)
    got = user.paste()
    check(got == content.data.replace(b"\n", b"\r\n") + b"\0",
          f"a VNC user pastes {len(got)} bytes {got[:40]}..., not {content.name}")
    host.bench.say(f"{host.name}: the guest copies {content.name}, a VNC user pastes it")


def guest_has(machine, data, seconds=20):
    wanted = hashlib.sha256(data).hexdigest()

    def pasted():
        status, got = machine.run("timeout 5 xclip -o -selection clipboard -t UTF8_STRING | sha256sum")
        return status == 0 and got.split()[0] == wanted
    until(pasted, seconds, "the VNC user's text in the guest", 0.1)


def user_to_guest(host, user, content):
    user.copy(content.data.replace(b"\n", b"\r\n"))
    guest_has(host.machine, content.data)
    host.bench.say(f"{host.name}: a VNC user copies {content.name}, the guest pastes it")


def both_ways(host, user):
    utf8 = text(100)
    utf8.data = "naïve, 日本語, 😀\nand a second line\n".encode()
    utf8.name = "UTF-8 text"
    for content in (text(1), text(4096), utf8):
        content.data = content.data.rstrip(b"\n") + b"\n"
        guest_to_user(host, user, content)
        user_to_guest(host, user, content)


def long_text(host, user):
    content = text(900_000)
    user_to_guest(host, user, content)
    content = text(900_000)
    since = len(user.notices)
    machine = host.machine
    machine.shell(f"seq {content.data.split()[0].decode()} 99999999 | head -c 900000 > /run/copied")
    machine.copy("/run/copied")
    user.wait_notice(since)
    began = time.monotonic()
    got = user.paste().replace(b"\r\n", b"\n").rstrip(b"\0")
    size, digest = machine.shell("wc -c < /run/copied; sha256sum < /run/copied").split()[:2]
    check(len(got) == int(size) and hashlib.sha256(got).hexdigest() == digest,
          f"a VNC user pastes {len(got)} bytes, of {size}")
    host.bench.say(f"{host.name}: 900,000 bytes of the guest pasted in {time.monotonic() - began:.2f} s")


def log_of(machine):
    return machine.agent_log()


def move(bench, folder):
    source = Host(bench, "source")
    source.boot(folder)
    source.said("sharing the clipboard")
    user = source.user()
    both_ways(source, user)
    long_text(source, user)
    guest_copies(source.machine, b"from before\n")
    pids, log = source.machine.agent_pids(), log_of(source.machine)

    target = Host(bench, "target", incoming=True)
    port = target.wait_for_move(folder)
    for host in (source, target):
        host.machine.qmp.command("migrate-set-capabilities", capabilities=[
            {"capability": "return-path", "state": True}])
    source.machine.qmp.command("migrate-set-parameters", max_bandwidth=1 << 32)
    source.machine.migrate(port)
    status = source.machine.wait_migrated()
    bench.say(f"migrated, downtime {status['downtime']} ms; {source.said('state saved')}; "
              f"{target.said('state loaded')}")
    source.machine.quit()
    source.end()

    user = target.user()
    target.said("sharing the clipboard")
    check(user.paste() == b"from before\r\n\0", "what was copied before the move is not there")
    bench.say("what the guest copied before the move, a VNC user pastes after it")
    both_ways(target, user)
    check(target.machine.agent_pids() == pids, "the guest's agent was started anew")
    news = log_of(target.machine)[len(log):]
    for word in ("reconnect", "lost", "AIIEEE", "new client"):
        check(word not in news, f"the guest's agent says: {news}")
    target.machine.quit()
    target.end()


def built_in_refuses(bench, folder):
    """QEMU 7.2's own agent beside it: the same migration is refused."""
    host = Host(bench, "builtin")
    arguments = host.arguments(folder, port="built in", bus=False)
    machine = desktop.Desktop(bench, "builtin", folder, arguments=[*arguments, "-S"])
    reply = machine.qmp.try_command("migrate", uri="exec:cat > /dev/null")
    said = reply.get("error", {}).get("desc", "")
    check("vdagent" in said, f"qemu-vdagent: {reply}")
    bench.say(f"qemu-vdagent: {said}")
    machine.quit()
    host.end()


def test(bench, _options):
    folder = desktop.prepare(bench)
    built_in_refuses(bench, folder)
    move(bench, folder)


if __name__ == "__main__":
    run(test, 180)
