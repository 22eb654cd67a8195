#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The target sends no pixel that the client already shows.

The guest's picture stands still, so nothing on the screen differs after the move. Clients reach the
target through a proxy that counts what it sends: in the second after a client brought its state,
drawing commands must come to 0 bytes. The system's library (empty CARAVAN_LIBDIR) is reported
only.
"""
import os
import threading
import time

from harness import client, proxy, tiny, vm
from harness.run import check, run, until

FIRST_DISPLAY_MESSAGE = 101  # those before it are common to all channels: SET_ACK, PING, ...
NOT_DRAWN = {102, 103, 105, 106, 107, 108, 317, 319}  # MARK, RESET, INVAL_*, MONITORS_CONFIG, reports
SECOND = 1.0


class Count:
    """What the target has sent to each client on display channels, by a proxy's hooks."""

    def __init__(self, man_in_the_middle):
        self._lock = threading.Lock()
        self.moved = {}  # client: when it brought its state, or the display began anew
        self.messages = []
        man_in_the_middle.sent, man_in_the_middle.said = self._sent, self._said

    def _sent(self, link, kind, body):
        if link.channel == proxy.DISPLAY:
            with self._lock:
                self.moved.setdefault(link.client, time.monotonic())
        return kind, body

    def _said(self, link, kind, body):
        if link.channel == proxy.DISPLAY:
            with self._lock:
                self.messages.append((link.client, time.monotonic(), kind,
                                      proxy.MESSAGE_HEADER + len(body)))
        return kind, body

    def over(self, clients):
        """Whether each client's first second at the target is over."""
        with self._lock:
            return (len(self.moved) == clients
                    and time.monotonic() > max(self.moved.values()) + SECOND)

    def sent(self, number):
        """Bytes of drawing commands, and of all messages, in the client's first second."""
        with self._lock:
            mine = [(kind, size) for which, when, kind, size in self.messages
                    if which == number and when < self.moved[number] + SECOND]
        return (sum(size for kind, size in mine
                    if kind >= FIRST_DISPLAY_MESSAGE and kind not in NOT_DRAWN),
                sum(size for _kind, size in mine))


def is_tick(line):
    return line.startswith("tick ")


def connect(bench, source, middle, number):
    viewer = client.connect(bench, source, f"client{number}", environment={
        "SPICE_MIG_HOST": middle.address(number)})
    tiny.same_picture(bench, source, viewer)
    return viewer


def test(bench, options):
    ours = bool(os.environ.get("CARAVAN_LIBDIR"))
    several = {"SPICE_DEBUG_ALLOW_MC": "1"} if options.clients > 1 else None  # for the system's library
    source = tiny.boot(bench, options.vga, environment=several)
    tiny.switch(source, "freeze", True)
    target, port = tiny.target(bench, options.vga, environment=several)
    middle = proxy.Proxy(bench, target.spice.port, options.clients)
    count = Count(middle)
    viewers = [connect(bench, source, middle, number) for number in range(options.clients)]
    source.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                       port=middle.port)
    vm.sleep(1)  # the system's library moves seamlessly only whom it has asked before
    source.migrate(port)
    source.wait_migrated()
    target.wait_line(is_tick, 30)  # the guest runs
    until(lambda: count.over(options.clients), 30, "the first second at the target")
    for number, viewer in enumerate(viewers):
        drawn, all_of_it = count.sent(number)
        bench.say(f"{options.vga}, {viewer.name}: {drawn} picture bytes in the first second at the "
                  f"target, {all_of_it} bytes in all on the display channel")
        check(drawn == 0 or not ours, "the target sent pixels that the client showed already")
        check(all_of_it > 0, "the target sent nothing at all: nothing was measured")
        tiny.same_picture(bench, target, viewer)
        viewer.quit()
    source.quit()
    target.quit()


def arguments(parser):
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])
    parser.add_argument("--clients", type=int, default=1)


run(test, 120, arguments)
