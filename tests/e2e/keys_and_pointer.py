#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keys, pointer and buttons of the client reach the guest; what they draw reaches the client."""
from harness import client, tiny
from harness.run import run


def test(bench, _options):
    machine = tiny.boot(bench, "std")
    viewer = client.connect(bench, machine)
    tiny.switch(machine, "freeze", True)
    inputs_work(bench, machine, viewer)
    viewer.quit()
    machine.quit()


def inputs_work(bench, machine, viewer):
    """Every kind of input arrives, once and in order."""
    viewer.command("wait-channel inputs 15")  # it may have connected anew
    expect(machine, viewer, "press 1e", ["key 1e"])
    expect(machine, viewer, "release 1e", ["key 9e"])
    expect(machine, viewer, "key e048", ["key e0", "key 48", "key e0", "key c8"])
    expect(machine, viewer, "type bC", ["key 30", "key b0", "key 2a", "key 2e", "key ae", "key aa"])
    expect(machine, viewer, "motion 30 -12", ["mouse 30 -12 0"])
    expect(machine, viewer, "button 1 press", ["mouse 0 0 1"])
    expect(machine, viewer, "button 1 release", ["mouse 0 0 0"])
    expect(machine, viewer, "motion -7 5", ["mouse -7 5 0"])
    bench.say(f"keys, pointer and buttons reach the guest at {machine.name}")
    tiny.same_picture(bench, machine, viewer)


def expect(machine, viewer, command, lines):
    """The command makes the guest write these key and mouse lines, in this order and no other."""
    since = len(machine.serial_lines())
    viewer.command(command)
    tiny.wait_inputs(machine, lines, since)


if __name__ == "__main__":
    run(test, 90)
