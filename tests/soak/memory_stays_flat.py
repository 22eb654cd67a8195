#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""QEMU's resident memory stays flat over minutes of moving picture, and the picture stays exact.

SECONDS_OF_SOAK of the environment (default 600) is how long.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import client, tiny, vm  # noqa: E402
from harness.run import check, run  # noqa: E402

SECONDS = int(os.environ.get("SECONDS_OF_SOAK", "600"))
WARM_UP = min(60, SECONDS // 4)
GROWTH_KIB = 8 * 1024


def test(bench, options):
    machine = tiny.boot(bench, options.vga)
    viewer = client.connect(bench, machine)
    vm.sleep(WARM_UP)
    first = most = machine.resident_kib()
    pictures = viewer.stats()["pictures"]
    for _ in range((SECONDS - WARM_UP) // 10):
        vm.sleep(10)
        most = max(most, machine.resident_kib())
    pictures = viewer.stats()["pictures"] - pictures
    bench.say(f"{SECONDS} s, {pictures} pictures: resident {first} KiB after {WARM_UP} s, "
              f"{most} KiB at most")
    check(pictures > SECONDS, "the picture hardly moved: nothing was tested")
    check(most - first <= GROWTH_KIB, "QEMU's memory grew")
    tiny.switch(machine, "freeze", True)
    tiny.same_picture(bench, machine, viewer)
    viewer.quit()
    machine.quit()


run(test, SECONDS + 120, lambda parser: parser.add_argument("vga", choices=["std", "virtio", "qxl"]))
