#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The client follows the guest from one resolution to the next, and shows each exactly."""
from harness import client, tiny
from harness.run import run

WALK = ["text", "640x480", "1024x768", "text", "800x600", "1024x768"]


def test(bench, options):
    machine = tiny.boot(bench, options.vga)
    viewer = client.connect(bench, machine)
    tiny.switch(machine, "freeze", True)
    for name in WALK:
        tiny.set_mode(machine, name)
        viewer.wait_picture(*tiny.MODES[name][2])
        tiny.same_picture(bench, machine, viewer)
    tiny.switch(machine, "freeze", False)
    for name in WALK:  # while it moves, with no time to settle in between
        tiny.set_mode(machine, name)
    tiny.switch(machine, "freeze", True)
    tiny.same_picture(bench, machine, viewer)
    viewer.quit()
    machine.quit()


def arguments(parser):
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])


run(test, 120, arguments)
