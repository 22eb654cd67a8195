#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client streams numbers through a named port to a guest that echoes them, while the VM moves.

Nothing may be lost, doubled or out of order, in either direction, and no channel may close. The
client always has more to send than the guest can take, so every queue on the way is full at each
hop.
"""
from harness import echo, vm
from harness.run import check, run

PORT = "org.test.0"
A_HOP = 24 * 1024  # bytes echoed between two hops


def test(bench, options):
    devices = echo.port(PORT, 2)
    source = echo.boot(bench, devices, "host0")
    viewer = echo.PortClient(bench, "client", source.spice.uri, PORT)
    viewer.wait_opened()
    viewer.allow(1 << 30)
    mark, count = viewer.now(), 0
    for hop in range(1, options.hops + 1):
        count = viewer.received() + A_HOP
        viewer.wait_received(count, 60)
        target, port = echo.target(bench, devices, f"host{hop}")
        source.name_target(target)
        vm.sleep(0.3)
        source.migrate(port)
        status = source.wait_migrated()
        source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
        bench.say(f"hop {hop}: downtime {status['downtime']} ms, {viewer.received()} bytes so far")
        source.quit()
        source = target
    viewer.wait_received(viewer.received() + A_HOP, 60)
    lost = viewer.seen(["closed", "opened"], mark)
    check(not lost, f"the move was not seamless: {lost}")
    state = viewer.command("stat")
    bench.say(f"{state['received']} bytes echoed in order, {state['sent'] - state['received']} "
              "under way")
    viewer.quit()
    source.quit()


def arguments(parser):
    parser.add_argument("--hops", type=int, default=3)


run(test, 300, arguments)
