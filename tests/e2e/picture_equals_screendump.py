#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The client shows exactly what the screen shows: at once, and after a time of moving pictures."""
from harness import client, tiny, vm
from harness.run import check, run


def test(bench, options):
    machine = tiny.boot(bench, options.vga)
    viewer = client.connect(bench, machine)
    tiny.switch(machine, "freeze", True)
    before = tiny.same_picture(bench, machine, viewer)
    tiny.switch(machine, "freeze", False)
    if options.noise:
        tiny.switch(machine, "busy", True)
    shown = viewer.stats()["pictures"]
    vm.sleep(options.seconds)
    shown = viewer.stats()["pictures"] - shown
    bench.say(f"{shown} pictures in {options.seconds} s")
    check(shown > options.seconds, "the client's picture hardly moved")
    tiny.switch(machine, "freeze", True)
    after = tiny.same_picture(bench, machine, viewer)
    check(before.rgb != after.rgb, "the guest's picture did not move: nothing was tested")
    viewer.quit()
    machine.quit()


def arguments(parser):
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--noise", action="store_true", help="with pixels nothing compresses")


run(test, 180, arguments)
