#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`caravan agent`: a Debian desktop in a QEMU without SPICE shares its clipboard with VNC users.

Before and after a live migration, savevm and loadvm, and migration to a file, with nothing said to
the guest on the way; and what QEMU's own qemu-vdagent does instead: it refuses to migrate.
"""
import hashlib
import os
import shlex
import shutil
import subprocess
import time

from harness import desktop, vm
from harness.clipboard import text
from harness.run import Skip, check, run, until
from harness.vnc import Vnc

IDENTITY = "caravan-agent"


class Host:
    """What one host has: sockets, the agent's process, the VM."""

    def __init__(self, bench, name, options=("vnc", "bus", "qmp"), more=()):
        """options: those the agent has, of those that name a socket; None: there is no agent yet.
        more: arguments of its."""
        self.bench, self.name = bench, name
        self.machine = self.agent = self.log = None
        self._agents = 0
        if options is not None:
            self.start_agent(options, more)

    def start_agent(self, options=("vnc", "bus", "qmp"), more=()):
        """Its words are in a new log."""
        self._agents += 1
        self.log = self.bench.path(f"{self.name}-agent{self._agents}.log")
        arguments = [*self.command(), "agent", "--verbose", "--port", self.path("port"), *more]
        for option in options:
            # NAME.qmp is the test's own
            arguments += [f"--{option}", self.path("monitor" if option == "qmp" else option)]
        with open(self.log, "wb") as log:
            self.agent = self.bench.spawn(arguments, self.log, stdin=subprocess.DEVNULL, stderr=log)
        if "bus" in options:
            until(lambda: os.path.exists(self.path("bus")), 10, "bus of the agent")

    def command(self):
        """The words that run `caravan`."""
        command = os.environ.get("CARAVAN_PROBE")
        if not command:
            raise Skip("no caravan command (CARAVAN_PROBE)")
        return shlex.split(command)

    def path(self, what):
        return self.bench.path(f"{self.name}.{what}")

    def _sockets(self):
        return ["-vnc", f"unix:{self.path('user')},id=user",
                "-vnc", f"unix:{self.path('vnc')},id=agent",
                "-qmp", f"unix:{self.path('monitor')},server=on,wait=off"]

    def bare_arguments(self):
        """Of a machine without a guest, for VNC users alone."""
        return ["-S", "-device", "virtio-serial",
                "-chardev", f"socket,id=vdagent,path={self.path('port')},server=on,wait=off",
                "-device", "virtserialport,chardev=vdagent,name=com.redhat.spice.0", *self._sockets()]

    def arguments(self, folder, port="socket", bus=True):
        chardev = {"socket": f"socket,path={self.path('port')},server=on,wait=off",
                   "built in": "qemu-vdagent,clipboard=on"}[port]
        arguments = desktop.machine(self.bench, folder, self.name, "std", chardev)
        arguments += self._sockets()
        disk = self.path("qcow2")  # where savevm keeps the VM
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1G"], check=True)
        arguments += ["-drive", f"if=none,format=qcow2,file={disk}"]
        if bus:
            arguments += ["-object", f"dbus-vmstate,id=agent,addr=unix:path={self.path('bus')},"
                          f"id-list={IDENTITY}"]
        return arguments

    def boot(self, folder, **options):
        self.machine = desktop.Desktop(self.bench, self.name, folder,
                                       arguments=self.arguments(folder, **options))
        self.machine.wait_line("ready", desktop.BOOT_SECONDS)
        self.bench.say(f"{self.name}: the desktop guest is up: {self.machine.agent_pids()}")

    def wait_for_move(self, folder, come_from=None, **options):
        port = vm.free_port()
        self.machine = desktop.Desktop(self.bench, self.name, folder, None,
                                       come_from or f"tcp:127.0.0.1:{port}",
                                       arguments=self.arguments(folder, **options))
        return port

    def set_return_path(self, state):
        self.machine.qmp.command("migrate-set-capabilities", capabilities=[
            {"capability": "return-path", "state": state}])

    def lines(self, what):
        with open(self.log, encoding="utf-8") as log:
            return [line.strip() for line in log if what in line]

    def said(self, what, seconds=30, since=0):
        """The line with that in the agent's log, but for so many first ones."""
        return until(lambda: self.lines(what)[since:], seconds,
                     f"{what!r} in the log of the agent at {self.name}")[0]

    def answered_after(self, what, seconds=60):
        """The line with that, once the guest's agent has answered after it."""
        line = self.said(what, seconds)

        def answered():
            with open(self.log, encoding="utf-8") as log:
                return "the guest's agent answers" in log.read().split(what, 1)[1]
        until(answered, seconds, f"answer of the guest's agent at {self.name}")
        return line

    def user(self):
        return Vnc(self.bench, self.path("user"))

    def end(self):
        self.agent.terminate()
        check(self.agent.wait(10) == 0, f"the agent ended with {self.agent.returncode}")
        check(not os.path.exists(self.path("bus")), "the bus's socket was left behind")


def guest_copies(machine, data):
    """Text that ends with a line's end; long ones are numbers counted up (harness.clipboard.text)."""
    script = f"cat <<'END'\n{data.decode()}END\n"
    if len(data) > 1000:
        script = f"seq {data.split()[0].decode()} 99999999 | head -c {len(data) - 1}; echo"
    machine.shell("{\n" + script + "\n} > /run/copied")
    machine.copy("/run/copied")


def pastes(user, data, since, what):
    """A user pastes that; what was offered since may have been something older, offered again."""
    wanted = data.replace(b"\n", b"\r\n") + b"\0"
    user.wait_notice(since, 30)
    until(lambda: user.paste(40) == wanted, 60, f"{what} for a VNC user", 0.2)


def guest_to_user(host, user, content):
    since = len(user.notices)
    guest_copies(host.machine, content.data)
    pastes(user, content.data, since, content.name)
    host.bench.say(f"{host.name}: the guest copies {content.name}, a VNC user pastes it")


def guest_has(machine, data, seconds=40):
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
    user_to_guest(host, user, text(900_000))
    content = text(900_000)
    content.data = content.data.rstrip(b"\n") + b"\n"
    guest_to_user(host, user, content)


def ask(machine, file):
    """A program of the guest pastes into a file; its status is in FILE.done."""
    machine.shell(f"rm -f {file} {file}.done; (timeout 60 xclip -o -selection clipboard "
                  f"-t UTF8_STRING > {file}; echo $? > {file}.done) > /dev/null 2>&1 &")


def wait_asked(machine, file):
    machine.until(f"cat {file}.done", 60, "end of a paste")


def check_undisturbed(machine, pids, log):
    check(machine.agent_pids() == pids, "the guest's agent was started anew")
    news = machine.agent_log()[len(log):]
    for word in ("reconnect", "lost", "AIIEEE", "new client"):
        check(word not in news, f"the guest's agent says: {news}")


def leave_with_paste_under_way(source, user):
    """The guest has asked for a text, the VM stands, the text is on its way to the guest."""
    content = text(500_000)
    user.hold = True
    user.copy(content.data)
    since = len(source.lines("the guest wants"))
    ask(source.machine, "/run/underway")
    source.said("the guest wants", since=since)
    source.machine.qmp.command("stop")
    since = len(source.lines("VNC server gives"))
    user.give()
    source.said("VNC server gives", since=since)
    return content


def hop(bench, folder, source, name, more=()):
    """A live migration to a new host, which is returned; the VM runs there or stands as before."""
    target = Host(bench, name, more=more)
    port = target.wait_for_move(folder)
    for host in (source, target):
        host.set_return_path(True)
    source.machine.qmp.command("migrate-set-parameters", max_bandwidth=1 << 32)
    since = len(source.lines("state saved"))
    source.machine.migrate(port)
    status = source.machine.wait_migrated()
    bench.say(f"migrated, downtime {status['downtime']} ms; "
              f"{source.said('state saved', since=since)}; {target.said('state loaded')}")
    source.machine.quit()
    source.end()
    return target


def move_with_paste_under_way(bench, folder, source):
    user = source.user()
    pids, log = source.machine.agent_pids(), source.machine.agent_log()
    content = leave_with_paste_under_way(source, user)
    target = hop(bench, folder, source, "target")
    target.machine.qmp.command("cont")
    wait_asked(target.machine, "/run/underway")
    size, digest = target.machine.shell("wc -c < /run/underway; sha256sum < /run/underway").split()[:2]
    check(digest == content.sha256, f"a paste that was under way gave {size} bytes")
    bench.say(f"a paste of {size} bytes that was under way has ended in the guest of the target")
    both_ways(target, target.user())
    check_undisturbed(target.machine, pids, log)
    return target


def move_with_what_the_guest_has(bench, folder, source, name):
    user = source.user()
    pids, log = source.machine.agent_pids(), source.machine.agent_log()
    since = len(user.notices)
    guest_copies(source.machine, b"from before\n")
    user.wait_notice(since, 30)
    target = hop(bench, folder, source, name)
    user = target.user()
    pastes(user, b"from before\n", 0, "what was copied before the move")
    bench.say("what the guest copied before the move, a VNC user pastes after it")
    both_ways(target, user)
    check_undisturbed(target.machine, pids, log)
    return target


def move_while_nobody_answers(bench, folder, source):
    """The guest waits for a text that never comes: it is let go. To a file and from there."""
    pids, log = source.machine.agent_pids(), source.machine.agent_log()
    user = source.user()
    user.hold = True
    user.copy(b"never given")
    since = len(source.lines("the guest wants"))
    ask(source.machine, "/run/waiting")
    source.said("the guest wants", since=since)
    source.set_return_path(False)  # a file says nothing
    source.machine.qmp.command("migrate", uri=f"exec:cat > {bench.path('vm')}")
    source.machine.wait_migrated()
    source.machine.quit()
    source.end()
    target = Host(bench, "restored")
    target.wait_for_move(folder, f"exec:cat {bench.path('vm')}")
    bench.say(f"from a file: {target.said('state loaded', 60)}")
    wait_asked(target.machine, "/run/waiting")
    check(target.machine.shell("wc -c < /run/waiting") == "0", "text out of nowhere")
    bench.say("a paste that nobody answers has ended")
    both_ways(target, target.user())
    check_undisturbed(target.machine, pids, log)
    return target


def monitor(machine, line):
    said = machine.qmp.command("human-monitor-command", command_line=line)
    check(not said.strip(), f"{line}: {said}")


def go_back(bench, host):
    """savevm and loadvm: the guest's clipboard is what it was."""
    user = host.user()
    pids, log = host.machine.agent_pids(), host.machine.agent_log()
    for name in ("first", "second"):
        since = len(user.notices)
        guest_copies(host.machine, f"the {name}\n".encode())
        pastes(user, f"the {name}\n".encode(), since, f"the {name}")
        if name == "first":
            monitor(host.machine, "savevm then")
    bench.say(host.said("state saved"))
    since = len(user.notices)
    monitor(host.machine, "loadvm then")
    pastes(user, b"the first\n", since, "what the guest had then")
    bench.say(f"loadvm: {host.said('state loaded')}; what the guest had then is pasted")
    both_ways(host, user)
    check_undisturbed(host.machine, pids, log)


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


def test(bench, options):
    if not shutil.which("qemu-img"):
        raise Skip("no qemu-img")
    folder = desktop.prepare(bench)
    built_in_refuses(bench, folder)
    host = Host(bench, "source")
    host.boot(folder)
    host.said("sharing the clipboard")
    user = host.user()
    both_ways(host, user)
    long_text(host, user)
    go_back(bench, host)
    host = move_with_paste_under_way(bench, folder, host)
    for name in ["third", *(f"more{n}" for n in range(options.more_hops))]:
        host = move_with_what_the_guest_has(bench, folder, host, name)
    host = move_while_nobody_answers(bench, folder, host)
    host.machine.quit()
    host.end()


def arguments(parser):
    parser.add_argument("--more-hops", type=int, default=0,
                        help="so many more moves right after the guest has copied")


if __name__ == "__main__":
    run(test, 900, arguments)
