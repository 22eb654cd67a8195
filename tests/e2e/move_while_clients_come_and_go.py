#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""While a VM moves, one client stays, one leaves and one comes: nobody else loses anything.

The one that stays and the one that came when the others were already on their way move seamlessly.
"""
from harness import client, tiny, vm
from harness.run import check, run
from keys_and_pointer import inputs_work
from move import nothing_reopened


def test(bench, _options):
    # the system's library takes a second client only with this variable
    extra = {"SPICE_DEBUG_ALLOW_MC": "1"}
    source = tiny.boot(bench, "std", environment=extra)
    target, port = tiny.target(bench, "std", environment=extra)
    stays = client.connect(bench, source, "stays")
    leaves = client.connect(bench, source, "leaves")
    mark = stays.now()
    source.name_target(target)
    vm.sleep(0.5)
    leaves.quit()
    comes = client.connect(bench, source, "comes")
    came = comes.now()
    vm.sleep(0.5)
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 30)
    check(source.query_spice()["migrated"], "query-spice does not say migrated")
    stays.command(f"wait-moved {target.spice.port} 15")
    source.quit()
    nothing_reopened(bench, stays, mark)
    comes.command(f"wait-moved {target.spice.port} 30", 35)
    comes.wait_picture()
    nothing_reopened(bench, comes, came)
    tiny.switch(target, "freeze", True)
    for viewer in (stays, comes):
        inputs_work(bench, target, viewer)
        viewer.quit()
    target.quit()


run(test, 120)
