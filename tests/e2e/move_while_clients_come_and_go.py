#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""While a VM moves, one client stays, two leave and two come: nobody else loses anything.

One comes between the announcement and the move, one while the RAM flows. Both, and the one that
stays, move seamlessly. Who comes when the VM has moved: move_goes_wrong.py client-frozen.
"""
from harness import client, tiny, vm
from harness.run import check, run, until
from keys_and_pointer import inputs_work
from move import nothing_reopened


CHANNELS = 4  # of each client


def linked(machine):
    """How many clients have all their links there."""
    ids = [channel["connection-id"] for channel in machine.query_spice()["channels"]]
    return sum(ids.count(one) == CHANNELS for one in set(ids))


def test(bench, _options):
    # the system's library takes a second client only with this variable
    extra = {"SPICE_DEBUG_ALLOW_MC": "1"}
    source = tiny.boot(bench, "std", environment=extra)
    target, port = tiny.target(bench, "std", environment=extra)
    stays = client.connect(bench, source, "stays")
    leaves = client.connect(bench, source, "leaves")
    leaves_late = client.connect(bench, source, "leaves-late")
    mark = stays.now()
    source.name_target(target)
    vm.sleep(0.5)
    leaves.quit()
    comes = client.connect(bench, source, "comes")
    came = comes.now()
    vm.sleep(0.5)
    source.qmp.command("migrate-set-parameters", max_bandwidth=50_000)
    source.migrate(port)
    leaves_late.quit()
    comes_late = client.connect(bench, source, "comes-late")
    came_late = comes_late.now()
    status = source.qmp.command("query-migrate")["status"]
    check(status == "active", f"the migration is {status} already")
    until(lambda: linked(target) == 3, 20, "the links of three clients at the target")
    source.qmp.command("migrate-set-parameters", max_bandwidth=1 << 30)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 30)
    check(source.query_spice()["migrated"], "query-spice does not say migrated")
    stays.command(f"wait-moved {target.spice.port} 15")
    source.quit()
    nothing_reopened(bench, stays, mark)
    for viewer, mark in ((comes, came), (comes_late, came_late)):
        viewer.command(f"wait-moved {target.spice.port} 30", 35)
        viewer.wait_picture()
        nothing_reopened(bench, viewer, mark)
    tiny.switch(target, "freeze", True)
    for viewer in (stays, comes, comes_late):
        inputs_work(bench, target, viewer)
        viewer.quit()
    target.quit()


run(test, 120)
