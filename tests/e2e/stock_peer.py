#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A move with the stock server on one side: no channel is lost, the picture is exact.

`from-stock`: from Debian's libspice-server to ours; `to-stock`: from ours to Debian's; `nack`: the
same with two clients, to a stock server that takes them (SPICE_DEBUG_ALLOW_MC), and therefore answers a
seamless client with NACK: they move semi-seamlessly.
"""
import glob
import os

from harness import client, tiny
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
    if options.direction == "nack":
        nack(bench, options, ours)
        return
    libraries = ["", ours] if options.direction == "from-stock" else [ours, ""]
    source = with_library(libraries[0], lambda: tiny.boot(bench, options.vga))
    viewer = client.connect(bench, source)
    target, port = with_library(libraries[1], lambda: tiny.target(bench, options.vga))
    check(source.library != target.library, f"both sides run {source.library}")
    mark = viewer.now()
    source.name_target(target)
    target.wait_linked(source)
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


def nack(bench, options, ours):
    allow = {"SPICE_DEBUG_ALLOW_MC": "1"}
    source = with_library(ours, lambda: tiny.boot(bench, options.vga, environment={
        "G_MESSAGES_DEBUG": "Spice"}))
    target, port = with_library("", lambda: tiny.target(bench, options.vga, environment=allow))
    viewers = [client.connect(bench, source, name) for name in ("one", "two")]
    source.name_target(target)
    target.wait_linked(source)
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    with open(bench.path("source.stderr"), encoding="utf-8", errors="replace") as log:
        check(log.read().count("it has moved (semi-seamless)") == 2, "the operator is not told")
    tiny.switch(target, "freeze", True)
    for viewer in viewers:
        viewer.command(f"wait-moved {target.spice.port} 15")
        inputs_work(bench, target, viewer)
        viewer.quit()


def arguments(parser):
    parser.add_argument("direction", choices=["from-stock", "to-stock", "nack"])
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])


if __name__ == "__main__":
    run(test, 120, arguments)
