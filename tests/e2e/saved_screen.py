#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The screen that `caravan vmstate inspect --screenshot` draws from a saved Linux guest is the one
that QEMU showed: native qxl, virtio-gpu."""
import os
import subprocess

from harness import linux
from harness.picture import Picture
from harness.run import check, run

COMMAND = os.environ.get("CARAVAN_PROBE", "caravan")
MOVING = "tick 2"


def test(bench, options):
    folder = linux.prepare(bench)
    machine = linux.boot(bench, folder, options.vga)
    machine.wait_line(lambda line: line.startswith(MOVING), 30)
    machine.qmp.command("stop")
    shown = machine.picture()
    stream, path = bench.path("stream"), bench.path("drawn.ppm")
    machine.qmp.command("migrate", uri=f"exec:cat > {stream}")
    machine.wait_migrated()
    machine.quit()
    done = subprocess.run([COMMAND, "vmstate", "inspect", "--screenshot", path, stream],
                          capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, f"it is drawn: {done.stdout}{done.stderr}")
    drawn = Picture.from_ppm(path)
    bench.say(f"{done.stdout.strip()}, {shown.colours()} colours")
    check((drawn.width, drawn.height) == (shown.width, shown.height) and drawn.rgb == shown.rgb,
          "pixel for pixel as QEMU showed it")
    check(shown.colours() > 3, "the guest's picture is plain: nothing was tested")


def arguments(parser):
    parser.add_argument("vga", choices=["qxl", "virtio", "std"])


run(test, 200, arguments)
