#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Moves of every kind: clients x display device x seamless or not x time to get ready.

In each cell every client must be at the target, show its screen exactly, and its keys must arrive.
With seamless-migration=on no channel may be made anew; without, the session goes on (semi-seamless).
`--quick`: a few cells that touch every value.
"""
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import client, tiny, vm  # noqa: E402
from harness.run import Failure, check, run  # noqa: E402
from keys_and_pointer import inputs_work  # noqa: E402
from move import nothing_reopened  # noqa: E402

CLIENTS, DEVICES, SEAMLESS, HEAD_STARTS = (1, 2, 4), ("std", "virtio", "qxl"), (True, False), (1, 0)
QUICK = [(1, "virtio", False, 1), (2, "qxl", True, 0), (4, "std", True, 0), (2, "std", False, 0)]


def cell(bench, name, clients, vga, seamless, head_start):
    # the system's library takes a second client only with this variable
    extra = {"SPICE_DEBUG_ALLOW_MC": "1"} if clients > 1 else None
    source = tiny.boot(bench, vga, vm.Spice.tcp(seamless=seamless), f"source{name}", extra)
    target, port = tiny.target(bench, vga, vm.Spice.tcp(seamless=seamless), f"target{name}", extra)
    viewers = [client.connect(bench, source, f"client{name}-{number}") for number in range(clients)]
    marks = [viewer.now() for viewer in viewers]
    source.name_target(target)
    vm.sleep(head_start)
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    for viewer, mark in zip(viewers, marks):
        viewer.command(f"wait-moved {target.spice.port} 15")
        viewer.command("wait-picture 5 15")
        if seamless:
            nothing_reopened(bench, viewer, mark)
        check(not viewer.seen(["disconnected", "channel-error"], mark), f"{viewer.name}: lost")
    source.quit()
    tiny.switch(target, "freeze", True)
    for viewer in viewers:
        inputs_work(bench, target, viewer)
        viewer.quit()
    target.quit()


def test(bench, options):
    cells = QUICK if options.quick else list(
        itertools.product(CLIENTS, DEVICES, SEAMLESS, HEAD_STARTS))
    failed = []
    for number, row in enumerate(cells):
        text = "{} clients, {}, seamless {}, head start {} s".format(*row)
        bench.say(f"-- {text}")
        try:
            cell(bench, number, *row)
        except Failure as failure:
            bench.say(f"{text}: FAILED: {failure}")
            failed.append(text)
        bench.close()
    check(not failed, f"{len(failed)} of {len(cells)} cells failed: {failed}")
    bench.say(f"{len(cells)} cells")


run(test, 900, lambda parser: parser.add_argument("--quick", action="store_true"))
