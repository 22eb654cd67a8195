#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""disable-copy-paste and disable-agent-file-xfer hold, each alone, also right after a move."""
from harness import client, clipboard, desktop, vm
from harness.run import check, run
from agent_file import arrives, make_file
from agent_mouse_and_resize import pointer_follows
from move import FORBIDDEN

TIME_FOR_WHAT_MUST_NOT_COME = 1


def nothing_is_copied(bench, machine, viewer):
    """Neither side learns of what the other one copies; the agent works otherwise."""
    mark = viewer.now()
    viewer.try_command(f"clipboard-grab clipboard text={clipboard.text(50).file(bench)}")
    machine.shell("echo secret > /run/copied")
    machine.copy("/run/copied", selection="primary")
    arrives(bench, machine, viewer, *make_file(bench, "fence", 3000))
    vm.sleep(TIME_FOR_WHAT_MUST_NOT_COME)
    check(not viewer.seen(["clipboard"], mark), "the client heard of the guest's clipboard")
    status, got = machine.run("timeout 5 xclip -o -selection clipboard")
    check(status != 0, f"the guest pastes {got!r}")
    bench.say(f"{machine.name}: nothing is copied, files are")


def no_file_goes(bench, machine, viewer):
    path, _sha256 = make_file(bench, "refused", 3000)
    reply = viewer.try_command(f"send-file {path} 20", 25)
    check(not reply["ok"] and "not within" not in reply["error"], f"the transfer: {reply}")
    check(machine.shell("ls /run/xfer") == "", "the file is in the guest")
    clipboard.both_ways(bench, machine, [viewer])
    bench.say(f"{machine.name}: no file goes ({reply['error']}), clipboards do")


CASES = {"disable-copy-paste": nothing_is_copied, "disable-agent-file-xfer": no_file_goes}


def one_switch(bench, name):
    def spice():
        return vm.Spice.tcp(f"disable-ticketing=on,{name}=on")
    source = desktop.start(bench, f"source-{name}", spice())
    viewer = client.connect(bench, source, f"client-{name}")
    viewer.command("wait-agent 10")
    CASES[name](bench, source, viewer)
    target, port = desktop.target(bench, f"target-{name}", spice())
    mark = viewer.now()
    source.name_target(target)
    vm.sleep(1)
    source.migrate(port)
    source.wait_migrated()
    viewer.command(f"wait-moved {target.spice.port} 15")
    source.quit()
    check(not viewer.seen(FORBIDDEN, mark), "the move was not seamless")
    CASES[name](bench, target, viewer)
    pointer_follows(bench, target, viewer, [(300, 300)])
    viewer.quit()
    target.quit()


def test(bench, options):
    for name in options.switches or CASES:
        one_switch(bench, name)


def arguments(parser):
    parser.add_argument("switches", nargs="*", choices=[[], *CASES])


if __name__ == "__main__":
    run(test, 300, arguments)
