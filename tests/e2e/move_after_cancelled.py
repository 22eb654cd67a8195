#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Moves that come to nothing leave the client where it is, and the next move is seamless."""
from harness import client, tiny, vm
from harness.run import check, run, until
from keys_and_pointer import inputs_work
from move import nothing_reopened

SLOW_BYTES_PER_SECOND = 200_000  # so slow that there is time to end it
FAST_BYTES_PER_SECOND = 1 << 30


def start_slow_move(bench, source, target, port):
    """A migration that is under way, with a client that is linked to both."""
    source.qmp.command("migrate-set-parameters", max_bandwidth=SLOW_BYTES_PER_SECOND)
    source.name_target(target)
    vm.sleep(1)
    source.migrate(port)
    until(lambda: source.qmp.command("query-migrate")["status"] == "active", 10,
          "active migration")


def over(source, wanted):
    until(lambda: source.qmp.command("query-migrate")["status"] in wanted, 30,
          f"migration status {wanted}")


def cancel(bench, source):
    """Cancelled by the monitor."""
    target, port = tiny.target(bench, "std", name="cancelled")
    start_slow_move(bench, source, target, port)
    source.qmp.command("migrate_cancel")
    over(source, ["cancelled"])


def lose_target(bench, source):
    """The target's host dies."""
    target, port = tiny.target(bench, "std", name="dead")
    start_slow_move(bench, source, target, port)
    target.process.kill()
    over(source, ["failed"])


def no_target(_bench, source):
    """Nobody is where the clients are sent."""
    spice_port, port = vm.free_port(), vm.free_port()
    source.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                       port=spice_port)
    source.qmp.try_command("migrate", uri=f"tcp:127.0.0.1:{port}")
    over(source, ["failed"])


def test(bench, _options):
    source = tiny.boot(bench, "std")
    viewer = client.connect(bench, source)
    for trouble in (cancel, lose_target, no_target, cancel):
        mark = viewer.now()
        trouble(bench, source)
        viewer.command("wait-picture 25 10")
        bench.say(f"{trouble.__doc__} The VM runs on.")
        check(source.qmp.command("query-status")["running"], "the VM does not run")
        nothing_reopened(bench, viewer, mark)
        tiny.switch(source, "freeze", True)
        tiny.same_picture(bench, source, viewer)
        tiny.switch(source, "freeze", False)

    target, port = tiny.target(bench, "std")
    mark = viewer.now()
    source.qmp.command("migrate-set-parameters", max_bandwidth=FAST_BYTES_PER_SECOND)
    source.name_target(target)
    vm.sleep(1)
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    viewer.command(f"wait-moved {target.spice.port} 15")
    source.quit()
    viewer.command("wait-picture 25 10")
    nothing_reopened(bench, viewer, mark)
    tiny.switch(target, "freeze", True)
    inputs_work(bench, target, viewer)
    viewer.quit()
    target.quit()


run(test, 180)
