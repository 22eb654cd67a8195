#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`caravan agent --host-clipboard`: the host's own X11 or Wayland desktop shares a clipboard.

users: with the users of QEMU's VNC server (a QEMU without a guest); the display server goes and
comes. moves: with a Debian desktop as guest, which moves from a host with X11 to one with Wayland.
"""
import signal

from harness import desktop, vm
from harness.host_desktop import Wayland, X11
from harness.run import check, run, until
from harness.vnc import Vnc
from host_agent import Host, check_undisturbed, guest_copies, guest_has, hop

SIZES = (1, 4096, 900_000)
UTF8 = "naïve, 日本語, 😀\nand a second line\n".encode()


def sized(size, first):
    """That many bytes of text, numbers counted up, that end with a line's end."""
    numbers = "\n".join(str(number) for number in range(first, first + size // 9 + 1))
    return numbers.encode()[:size - 1] + b"\n" if size > 1 else b"x"


def wire(data):
    return data.replace(b"\n", b"\r\n")


def shares(host_desktop):
    """The agent's arguments."""
    return ["--host-clipboard", host_desktop.option]


# -- with users of VNC --

def user_to_desktop(user, host_desktop, data):
    user.copy(wire(data))
    host_desktop.has(data)


def desktop_to_user(host_desktop, user, data):
    since = len(user.notices)
    host_desktop.copy(data)
    user.wait_notice(since, 30)
    until(lambda: user.paste(40) == wire(data) + b"\0", 60, "the desktop's text for a VNC user", 0.1)


def users_of(bench, kind):
    """Both ways; what a server that comes again is told."""
    host_desktop = kind(bench)
    host = Host(bench, kind.__name__.lower(), more=shares(host_desktop))
    machine = vm.Vm(bench, host.name, None, host.bare_arguments())
    host.said(f"sharing the clipboard of the {kind.__name__} display")
    host.said("sharing the clipboard of the VNC server")
    user = Vnc(bench, host.path("user"))
    for data in (*(sized(size, 10_000_000) for size in SIZES), UTF8):
        user_to_desktop(user, host_desktop, data)
        desktop_to_user(host_desktop, user, data)
    bench.say(f"{kind.__name__}: {', '.join(map(str, SIZES))} bytes and UTF-8 to and from a VNC user")
    user.close()
    machine.quit()
    host.end()
    host_desktop.end()


def server_comes_again(bench):
    """The agent lives on when the display server ends, and finds the next one."""
    first = X11(bench, "first")
    host = Host(bench, "again", more=shares(first))
    machine = vm.Vm(bench, host.name, None, host.bare_arguments())
    host.said("sharing the clipboard of the X11 display")
    host.said("sharing the clipboard of the VNC server")
    first.end()
    host.said("the X server has closed the link")
    user = Vnc(bench, host.path("user"))
    since = len(host.lines("sharing the clipboard of the X11 display"))
    user.copy(b"copied meanwhile")
    host.said("VNC server has text")
    second = X11(bench, "second", first.display)
    host.said("sharing the clipboard of the X11 display", since=since)
    second.has(b"copied meanwhile")
    check(len(host.lines("cannot be reached")) <= 1, "the agent complains more than once")
    bench.say("X11: a server that comes again is offered what a VNC user has copied meanwhile")
    user.close()
    machine.quit()
    host.end()
    second.end()


def server_hangs(bench, kind, copies):
    """It holds up nobody, whatever is copied meanwhile, and is offered the last of it."""
    host_desktop = kind(bench, f"hung-{kind.__name__.lower()}")
    host = Host(bench, host_desktop.name, more=shares(host_desktop))
    machine = vm.Vm(bench, host.name, None, host.bare_arguments())
    host.said(f"sharing the clipboard of the {kind.__name__} display")
    host.said("sharing the clipboard of the VNC server")
    user = Vnc(bench, host.path("user"))
    user_to_desktop(user, host_desktop, b"before")
    host_desktop.server.send_signal(signal.SIGSTOP)
    for _ in range(copies):
        user.copy(b"not this")
    user.copy(b"after all")
    host.said("VNC server has text", since=copies + 1)
    host_desktop.server.send_signal(signal.SIGCONT)
    host_desktop.has(b"after all")
    host_desktop.server.send_signal(signal.SIGSTOP)
    bench.say(f"{kind.__name__}: a server that hangs is offered the last of {copies} texts")
    user.close()
    machine.quit()
    host.end()  # within seconds
    host_desktop.server.kill()


# -- with a guest --

def both_ways(host, host_desktop):
    for size in SIZES:
        host_desktop.copy(sized(size, 10_000_000))
        guest_has(host.machine, sized(size, 10_000_000))
        if size > 1:
            guest_copies(host.machine, sized(size, 20_000_000))
        else:
            host.machine.shell("printf y > /run/copied")
            host.machine.copy("/run/copied")
        host_desktop.has(sized(size, 20_000_000) if size > 1 else b"y")
    host_desktop.copy(UTF8)
    guest_has(host.machine, UTF8)
    guest_copies(host.machine, b"more: " + UTF8)
    host_desktop.has(b"more: " + UTF8)
    host.bench.say(f"{host.name}: {', '.join(map(str, SIZES))} bytes and UTF-8 to and from "
                   f"{host_desktop.name}")


def guest_has_nothing(machine):
    until(lambda: machine.run("timeout 5 xclip -o -selection clipboard | grep -q .")[0] != 0, 40,
          "empty clipboard of the guest", 0.1)


def move_away_from_the_owner(bench, folder, source, here, there, name, theirs=None):
    """What the desktop has stays there: the guest has what the other desktop has, or nothing."""
    if theirs:
        there.copy(theirs)
    here.copy(b"stays here\n")
    guest_has(source.machine, b"stays here\n")
    pids, log = source.machine.agent_pids(), source.machine.agent_log()
    target = hop(bench, folder, source, name, shares(there))
    if theirs:
        guest_has(target.machine, theirs)
    else:
        guest_has_nothing(target.machine)
        check(not there.paste(), f"{there.name} has text out of nowhere")
    here.has(b"stays here\n")
    bench.say(f"what {here.name} had was released in the guest by a move to {there.name}")
    both_ways(target, there)
    check_undisturbed(target.machine, pids, log)
    return target


def move(bench, folder, source, here, there, name):
    """To another host, whose desktop is there; it takes the guest's text over from the one here."""
    data = f"the guest's on {source.name}\n".encode()
    guest_copies(source.machine, data)
    here.has(data)
    there.copy(b"of the other desktop\n")
    pids, log = source.machine.agent_pids(), source.machine.agent_log()
    target = hop(bench, folder, source, name, shares(there))
    there.has(data)
    here.has_nothing()
    bench.say(f"the guest's text has moved from {here.name} to {there.name}")
    both_ways(target, there)
    check_undisturbed(target.machine, pids, log)
    return target


def moves(bench, hops):
    folder = desktop.prepare(bench)
    here, there = X11(bench), Wayland(bench)
    host = Host(bench, "source", ("bus", "qmp"), shares(here))  # without VNC
    host.boot(folder)
    both_ways(host, here)
    host = move_away_from_the_owner(bench, folder, host, here, there, "away")
    here, there = there, here
    for number in range(hops):
        if number % 2:
            host = move_away_from_the_owner(bench, folder, host, here, there, f"host{number}",
                                            b"of the other desktop\n")
        else:
            host = move(bench, folder, host, here, there, f"host{number}")
        here, there = there, here
    host.machine.quit()
    host.end()


def test(bench, options):
    if options.what == "moves":
        moves(bench, options.hops)
        return
    for kind in (X11, Wayland):
        users_of(bench, kind)
        server_hangs(bench, kind, options.copies)
    server_comes_again(bench)


def arguments(parser):
    parser.add_argument("what", choices=["users", "moves"])
    parser.add_argument("--hops", type=int, default=1, help="how many moves")
    parser.add_argument("--copies", type=int, default=2000, help="while a display server hangs")


if __name__ == "__main__":
    run(test, 400, arguments)
