#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two clients see the same; one that stops reading slows neither the other nor fills memory."""
from harness import client, tiny, vm
from harness.run import check, run

SECONDS = 10
SLOWEST_RATIO = 0.6  # of a server that waits for the other: 0.02; machines are noisy
GROWTH_KIB = 16 * 1024


def pictures_in(viewer, seconds):
    before = viewer.stats()["pictures"]
    vm.sleep(seconds)
    return viewer.stats()["pictures"] - before


def test(bench, _options):
    # the system's library takes a second client only with this variable
    machine = tiny.boot(bench, "std", environment={"SPICE_DEBUG_ALLOW_MC": "1"})
    good = client.connect(bench, machine, "good")
    lazy = client.connect(bench, machine, "lazy")
    tiny.switch(machine, "freeze", True)
    for viewer in (good, lazy):
        tiny.same_picture(bench, machine, viewer)
    tiny.switch(machine, "freeze", False)
    tiny.switch(machine, "busy", True)  # the most there is to queue up

    before = pictures_in(good, SECONDS)
    memory = machine.resident_kib()
    lazy.send(f"pause {SECONDS + 1}")
    mark = lazy.now()
    during = pictures_in(good, SECONDS)
    growth = machine.resident_kib() - memory
    bench.say(f"pictures in {SECONDS} s: {before} before, {during} while the other read nothing; "
              f"QEMU grew by {growth} KiB")
    check(before > SECONDS, "the picture hardly moved: nothing was tested")
    check(during >= SLOWEST_RATIO * before, "the client that reads was slowed")
    check(growth <= GROWTH_KIB, f"QEMU's memory grew by more than {GROWTH_KIB} KiB")

    lazy.wait_event("reply", 10, mark, cmd="pause")
    tiny.switch(machine, "freeze", True)
    for viewer in (good, lazy):
        tiny.same_picture(bench, machine, viewer)
        viewer.quit()
    machine.quit()


run(test, 120)
