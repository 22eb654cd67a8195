#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`caravan agent`: a VM comes without the agent's state, or with one that makes no sense.

From a host without an agent, from one whose id-list left it out, in the middle of a text for the guest
as well, and with a state that is broken. The guest's agent works with the new host's in each case.
"""
import shutil

from harness import desktop
from harness.clipboard import text
from harness.run import Skip, check, run, until
from host_agent import IDENTITY, Host, guest_to_user, leave_with_paste_under_way, user_to_guest

OBJECT = {"path": "/objects/agent", "property": "id-list"}
MAGIC = b"CVAG"  # what the agent's state begins with (proto/agent_blob.h)


def works(host, user):
    content = text(4096)
    content.data += b"\n"
    guest_to_user(host, user, content)
    user_to_guest(host, user, content)


def save(host, path):
    """The VM into a file; it goes on at the source."""
    host.machine.qmp.command("migrate", uri=f"exec:cat > {path}")
    host.machine.wait_migrated()
    host.machine.qmp.command("cont")


def comes(bench, folder, name, path, options, more=(), says="without a state"):
    """A host to which it comes from that file: all is well there."""
    host = Host(bench, name, options, more)
    host.wait_for_move(folder, f"exec:cat {path}")
    until(lambda: host.machine.qmp.command("query-status")["status"] != "inmigrate", 60,
          f"the VM at {name}")
    host.machine.qmp.command("cont")
    bench.say(f"{name}: {host.answered_after(says)}")
    works(host, host.user())
    check(len(host.lines("connected anew")) <= 1, "the guest was disconnected again and again")
    host.machine.quit()
    host.end()


def from_nobody(bench, folder, source, everything):
    """The source has no agent, and no object for one."""
    path = bench.path("from-nobody")
    save(source, path)
    comes(bench, folder, "nobody-qmp", path, ("vnc", "bus", "qmp"))
    if not everything:
        return
    comes(bench, folder, "nobody-incoming", path, ("vnc", "bus"), ("--incoming",),
          says="guest speaks already")


def add_object(source):
    """An agent comes to the source, whose object names nobody."""
    source.start_agent()
    source.said("no dbus-vmstate object")
    source.said("sharing the clipboard")
    source.said("the guest's agent answers")
    source.machine.qmp.command("object-add", qom_type="dbus-vmstate", id="agent",
                               addr=f"unix:path={source.path('bus')}", id_list="")
    user = source.user()
    works(source, user)
    return user


def left_out(bench, folder, source):
    """The object left the agent out: its state has no entry."""
    path = bench.path("left-out")
    save(source, path)
    comes(bench, folder, "left-out-qmp", path, ("vnc", "bus", "qmp"))
    comes(bench, folder, "left-out-incoming", path, ("vnc", "bus"), ("--incoming",))


def cut(bench, folder, source, user):
    """The same in the middle of a text for the guest."""
    path = bench.path("cut")
    leave_with_paste_under_way(source, user)
    save(source, path)
    check(not source.lines("state saved"), "the agent was asked for its state")
    comes(bench, folder, "cut-qmp", path, ("vnc", "bus", "qmp"))


def broken(bench, folder, source):
    """The state begins with another word."""
    path = bench.path("broken")
    source.machine.qmp.command("qom-set", **OBJECT, value=IDENTITY)
    save(source, path)
    with open(path, "r+b") as file:
        data = file.read()
        check(data.count(MAGIC) == 1, f"the state's beginning is there {data.count(MAGIC)} times")
        file.seek(data.index(MAGIC))
        file.write(b"XXXX")
    comes(bench, folder, "broken-qmp", path, ("vnc", "bus", "qmp"))


def test(bench, options):
    if not shutil.which("qemu-img"):
        raise Skip("no qemu-img")
    folder = desktop.prepare(bench)
    source = Host(bench, "source", options=None)
    source.boot(folder, bus=False)
    from_nobody(bench, folder, source, options.all)
    user = add_object(source)
    if options.all:
        left_out(bench, folder, source)
    cut(bench, folder, source, user)
    broken(bench, folder, source)
    source.machine.quit()
    source.end()


def arguments(parser):
    parser.add_argument("--all", action="store_true",
                        help="also without a monitor, and with a guest that nothing was cut of")


if __name__ == "__main__":
    run(test, 300, arguments)
