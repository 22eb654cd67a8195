#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client that dies after a move leaves no key hanging that it held before or during the move."""
from harness import client, tiny
from harness.run import run, until

KEYS = 2  # the inputs channel of two clients


def inputs(machine):
    return [each["channel-type"] for each in machine.query_spice()["channels"]].count(3)


def test(bench, _options):
    here = tiny.boot(bench, "std", name="host0")
    holder, other = (client.connect(bench, here, name) for name in ("holder", "other"))
    tiny.switch(here, "freeze", True)
    since = len(here.serial_lines())
    holder.command("press 1e")
    tiny.wait_inputs(here, ["key 1e"], since)
    holder.command("press e048")
    tiny.wait_inputs(here, ["key 1e", "key e0", "key 48"], since)
    for hop in (1, 2):
        there, port = tiny.target(bench, "std", name=f"host{hop}")
        here.name_target(there)
        until(lambda: inputs(there) == KEYS, 20, "the links of the clients")
        here.migrate(port)
        here.wait_migrated()
        here.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
        for viewer in (holder, other):
            viewer.command(f"wait-moved {there.spice.port} 15")
        here.quit()
        here = there
    since = len(here.serial_lines())
    other.command("key 1f")
    tiny.wait_inputs(here, ["key 1f", "key 9f"], since)
    since = len(here.serial_lines())
    holder.process.kill()
    tiny.wait_inputs(here, ["key 9e", "key e0", "key c8"], since)
    bench.say("the guest has heard both releases, once")
    other.quit()
    here.quit()


run(test, 120)
