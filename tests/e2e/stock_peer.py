#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A move with the stock server on one side: no channel is lost, the picture is exact.

`from-stock`: from Debian's libspice-server to ours; `to-stock`: from ours to Debian's.
"""
import glob
import os

from harness import client, tiny, vm
from harness.run import Skip, check, run
from keys_and_pointer import inputs_work
from move import nothing_reopened

STOCK = "/usr/lib/*/libspice-server.so.1"


def with_library(folder, start):
    """Runs start() with QEMU's library from this folder, or the system's if it is empty."""
    ours = os.environ["CARAVAN_LIBDIR"]
    os.environ["CARAVAN_LIBDIR"] = folder
    try:
        return start()
    finally:
        os.environ["CARAVAN_LIBDIR"] = ours


def test(bench, options):
    ours = os.environ.get("CARAVAN_LIBDIR")
    if not ours or not glob.glob(STOCK):
        raise Skip("needs both servers: CARAVAN_LIBDIR, and Debian's package libspice-server1")
    libraries = ["", ours] if options.direction == "from-stock" else [ours, ""]
    source = with_library(libraries[0], lambda: tiny.boot(bench, options.vga))
    viewer = client.connect(bench, source)
    target, port = with_library(libraries[1], lambda: tiny.target(bench, options.vga))
    check(source.library != target.library, f"both sides run {source.library}")
    mark = viewer.now()
    source.name_target(target)
    vm.sleep(1)  # a stock target keeps only links that are there when its guest starts
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    viewer.command(f"wait-moved {target.spice.port} 15")
    viewer.command("wait-picture 25 15")
    nothing_reopened(bench, viewer, mark)
    source.quit()
    tiny.switch(target, "freeze", True)
    tiny.same_picture(bench, target, viewer)
    inputs_work(bench, target, viewer)
    viewer.quit()
    target.quit()


def arguments(parser):
    parser.add_argument("direction", choices=["from-stock", "to-stock"])
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])


if __name__ == "__main__":
    run(test, 120, arguments)
