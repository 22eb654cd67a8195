#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The agent makes client mouse mode; the screen takes the size a client asks for, also after a move.

The system's library 0.15.1 loses the resize where the VM came from a stream: `--boot` passes there,
`--move` does not.
"""
from harness import client, desktop, tiny, vm
from harness.run import check, run, until
from move import FORBIDDEN

SPOTS = [(324, 200), (17, 700), (1000, 3), (512, 384)]
SIZES = [(1280, 800), (800, 600), (1152, 768)]


def client_mode(viewer):
    viewer.command("wait-agent 10")
    at = viewer.wait(lambda event: event.get("event") == "mouse-mode" and event["mode"] == "client", 10,
                     "client mouse mode")
    return viewer.events[at]


def pointer_follows(bench, machine, viewer, spots=tuple(SPOTS)):
    """X's pointer goes where the client points at; the guest's tablet may be off by one.

    vdagentd makes another tablet when the screen's size changes: what comes before X has it is lost, so
    the pointer is moved again, and not to where it was, as Linux passes on changes only.
    """
    for x, y in spots:
        def there(x=x, y=y):
            viewer.command(f"position {x + 9} {y + 9}")
            viewer.command(f"position {x} {y}")
            return all(abs(a - b) <= 1 for a, b in zip(machine.pointer(), (x, y)))
        until(there, 15, f"pointer at {x},{y}")
    bench.say(f"{machine.name}: the pointer was at {', '.join(map(str, spots))}")


def screen_follows(bench, machine, viewer, size):
    """The guest's X and the client's surface take the size, and the picture is whole."""
    viewer.command(f"resize {size[0]} {size[1]}")
    until(lambda: machine.screen() == size, 15, f"screen of {size} in the guest of {machine.name}")
    viewer.wait_picture(*size)
    tiny.same_picture(bench, machine, viewer)
    bench.say(f"{machine.name}: resized to {size}")


def test(bench, options):
    source = desktop.start(bench, fresh=options.boot)
    viewer = client.connect(bench, source)
    client_mode(viewer)
    pointer_follows(bench, source, viewer)
    for size in SIZES[:2]:
        screen_follows(bench, source, viewer, size)
    if options.move:
        target, port = desktop.target(bench)
        mark = viewer.now()
        source.name_target(target)
        vm.sleep(1)
        source.migrate(port)
        source.wait_migrated()
        viewer.command(f"wait-moved {target.spice.port} 15")
        source.quit()
        check(not viewer.seen(FORBIDDEN, mark), "the move was not seamless")
        pointer_follows(bench, target, viewer, [(100, 100), (700, 500)])
        screen_follows(bench, target, viewer, SIZES[2])
        source = target
    viewer.command("mouse-mode server")
    viewer.wait_event("mouse-mode", 10, mode="server")
    viewer.quit()
    source.quit()


def arguments(parser):
    parser.add_argument("--move", action="store_true")
    parser.add_argument("--boot", action="store_true", help="instead of a kept state")


if __name__ == "__main__":
    run(test, 120, arguments)
