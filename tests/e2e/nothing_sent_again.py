#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The target sends no pixel that the client already shows.

The guest's picture stands still, so nothing on the screen differs after the move. What the display
channel may still bring is counted in bytes: MIGRATE, the state on its way, SET_ACK; hashes travel
in it, so its size goes with the screen's. A whole screen of this guest takes ten times as much.
"""
from harness import client, tiny
from harness.run import check, run


def display_bytes(viewer):
    channels = viewer.stats()["channels"]
    return sum(channel["bytes"] for channel in channels if channel["type"] == "display")


def state_bytes(width, height):
    """The state has 8 bytes for each tile of 16x16 pixels, and little else."""
    return (width // 16) * (height // 16) * 8 + 1024


def is_tick(line):
    return line.startswith("tick ")


def test(bench, options):
    source = tiny.boot(bench, options.vga)
    viewer = client.connect(bench, source)
    tiny.switch(source, "freeze", True)
    tiny.same_picture(bench, source, viewer)
    target, port = tiny.target(bench, options.vga)
    source.name_target(target)
    before = display_bytes(viewer)
    source.migrate(port)
    source.wait_migrated()
    viewer.command(f"wait-moved {target.spice.port} 15")
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    # a guest that runs again says so; its pictures would come within that second
    first = target.wait_line(is_tick, 10)
    target.wait_line(is_tick, 10, first)
    sent = display_bytes(viewer) - before
    picture = tiny.same_picture(bench, target, viewer)
    allowed = state_bytes(picture.width, picture.height)
    bench.say(f"{options.vga}: {sent} bytes on the display channel across the move, "
              f"{allowed} of them are its state")
    check(sent <= allowed, "the target sent pixels that the client showed already")
    viewer.quit()
    source.quit()
    target.quit()


run(test, 60, lambda parser: parser.add_argument("vga", choices=["std", "virtio", "qxl"]))
