#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the client saw before a move is drawn from its image cache after it, at the target and back.

Two screens of different sizes are shown in turn. Both were sent at the source; at each host since
the client's cache has them, and what the display channel brings are references to them.
"""
from harness import client, tiny
from harness.run import check, run

SCREENS = ["800x600", "1024x768"]
# shown before them: an emulator draws slowly at first, and parts of a screen are no screen seen
OTHER = "640x480"
# at least two; more when a screen was looked at while the guest was drawing it
HOPS = 5


def show(bench, vm, viewer, name):
    """The guest sets the mode; bytes of the display channel until the client shows it."""
    before = viewer.channel_bytes("display")
    tiny.set_mode(vm, name)
    viewer.wait_picture(*tiny.MODES[name][2])
    tiny.same_picture(bench, vm, viewer)
    return viewer.channel_bytes("display") - before


def hop(bench, source, viewer, vga, name):
    target, port = tiny.target(bench, vga, name=name)
    source.name_target(target)
    source.migrate(port)
    source.wait_migrated()
    viewer.command(f"wait-moved {target.spice.port} 15")
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    source.quit()
    return target


def test(bench, options):
    here = tiny.boot(bench, options.vga)
    viewer = client.connect(bench, here)
    tiny.switch(here, "freeze", True)
    show(bench, here, viewer, OTHER)
    first = sum(show(bench, here, viewer, name) for name in SCREENS)
    for number in range(HOPS):
        here = hop(bench, here, viewer, options.vga, f"target{number}")
        show(bench, here, viewer, OTHER)
        again = sum(show(bench, here, viewer, name) for name in SCREENS)
        bench.say(f"{options.vga}: {' and '.join(SCREENS)}: {first} bytes at first, {again} bytes "
                  f"after {number + 1} moves")
        # a busy machine's guest draws slowly, and the client is sent parts that no cache can have
        if 4 * again < 3 * first and number > 0:
            break
    check(4 * again < 3 * first, "what the client has in its cache was sent again")
    viewer.quit()
    here.quit()


run(test, 120, lambda parser: parser.add_argument("vga", choices=["std", "virtio", "qxl"]))
