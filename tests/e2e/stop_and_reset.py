#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A VM that is paused, goes on and is reset, running or paused, shows exactly its own screen.

The tiny guest tests a device in its VGA mode, the Linux guest native qxl: its rings, surfaces and
commands are given up at a reset, and nothing may be raised in a guest that is stopped.
"""
from harness import client, linux, tiny, vm
from harness.run import check, run

PAUSES = 20
RESETS = [False, True, False]  # while paused?
BUG = "spice-server bug"  # what QEMU says of a server that works while the guest is stopped


def test(bench, options):
    if options.guest == "tiny":
        machine, freeze, ready = tiny.boot(bench, options.vga), freeze_tiny, "ready"
    else:
        machine = linux.boot(bench, linux.prepare(bench), options.vga)
        freeze, ready = linux.freeze, "ready"
    viewer = client.connect(bench, machine)
    for number in range(PAUSES):
        machine.qmp.command("stop")
        if number % 10 == 0:
            tiny.same_picture(bench, machine, viewer)
        machine.qmp.command("cont")
        vm.sleep(0.05)
    still(bench, machine, viewer, freeze)
    for paused in RESETS:
        since = len(machine.serial_lines())
        if paused:
            machine.qmp.command("stop")
        machine.qmp.command("system_reset")
        if paused:
            machine.qmp.command("cont")
        machine.wait_line(ready, 60, since)
        still(bench, machine, viewer, freeze)
    machine.check_alive()
    with open(bench.path(f"{machine.name}.stderr"), encoding="utf-8", errors="replace") as log:
        bugs = [line for line in log if BUG in line]
    check(not bugs, f"QEMU complains: {bugs[:3]}")
    viewer.quit()
    machine.quit()


def freeze_tiny(machine, on):
    tiny.switch(machine, "freeze", on)


def still(bench, machine, viewer, freeze):
    freeze(machine, True)
    tiny.same_picture(bench, machine, viewer)
    freeze(machine, False)


def arguments(parser):
    parser.add_argument("guest", choices=["tiny", "linux"])
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])


run(test, 240, arguments)
