#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Linux guest on the native qxl device: exact pictures at boot, later, and after a move."""
from harness import client, linux, tiny, vm
from harness.run import check, run
from move import nothing_reopened

MOVING_SECONDS = 10


def one_monitor(viewer, size):
    """The guest's monitor configuration reached the client."""
    at = viewer.wait(lambda event: event.get("event") == "monitors" and event["n"] > 0, 10,
                     "monitor configuration")
    heads = viewer.events[at]["heads"]
    check([(head["width"], head["height"]) for head in heads] == [size],
          f"the client has monitors {heads}, the guest one of {size}")


def still_picture(bench, machine, viewer):
    linux.freeze(machine, True)
    picture = tiny.same_picture(bench, machine, viewer)
    linux.freeze(machine, False)
    return picture


def test(bench, options):
    folder = linux.prepare(bench)
    source = linux.boot(bench, folder, options.vga)
    viewer = client.connect(bench, source)
    size = linux.screen_size(source)
    one_monitor(viewer, size)
    first = still_picture(bench, source, viewer)
    check((first.width, first.height) == size, f"the screen has {first.width}x{first.height}")
    vm.sleep(MOVING_SECONDS)
    linux.press(source, "m", "filled")
    second = still_picture(bench, source, viewer)
    check(first.rgb != second.rgb, "the guest's picture did not move: nothing was tested")

    target, port = linux.target(bench, folder, options.vga)
    mark = viewer.now()
    source.name_target(target)
    vm.sleep(1)
    source.migrate(port)
    status = source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    viewer.command(f"wait-moved {target.spice.port} 15")
    viewer.command("wait-picture 5 15")
    bench.say(f"migrated in {status['total-time']} ms, downtime {status['downtime']} ms, "
              f"{status['ram']['transferred'] >> 20} MiB")
    source.quit()
    nothing_reopened(bench, viewer, mark)
    still_picture(bench, target, viewer)
    since = len(target.serial_lines())
    viewer.command("type xyz")
    target.wait_line(lambda line: line.strip() == "typed xyz", 10, since)
    linux.press(target, "m", "filled")
    still_picture(bench, target, viewer)
    viewer.quit()
    late = client.connect(bench, target, "late")  # what was never sent to anybody here, too
    still_picture(bench, target, late)
    late.quit()
    target.quit()


def arguments(parser):
    parser.add_argument("--vga", choices=["qxl", "virtio", "std"], default="qxl")


run(test, 400, arguments)
