#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copy and paste between a Debian desktop and its clients, both ways, of every size and type.

With several clients each one's copy can be pasted in the guest and by every other client, and the
guest's copy by all of them.
"""
from harness import client, clipboard, desktop
from harness.run import check, run


def client_to_guest(bench, vm, viewer, content):
    clipboard.offer(bench, viewer, content)
    took = clipboard.guest_pastes(vm, content)
    bench.say(f"{viewer.name} copies {content.name}: pasted in the guest after {took:.2f} s")


def guest_to_clients(bench, vm, viewers, content):
    marks = [viewer.now() for viewer in viewers]
    clipboard.guest_copies(vm, content)
    for viewer, mark in zip(viewers, marks):
        took = clipboard.client_pastes(bench, viewer, content, mark)
        bench.say(f"the guest copies {content.name}: {viewer.name} pastes it in {took:.2f} s")


def client_to_clients(bench, viewers, content):
    """What one client copies, another one pastes: the guest has no part in it."""
    marks = [viewer.now() for viewer in viewers]
    clipboard.offer(bench, viewers[0], content)
    for viewer, mark in list(zip(viewers, marks))[1:]:
        took = clipboard.client_pastes(bench, viewer, content, mark)
        bench.say(f"{viewers[0].name} copies {content.name}: {viewer.name} pastes it in {took:.2f} s")


def owner_leaves(bench, vm, viewers):
    """Who owns the clipboard goes: the guest is told, its paste ends at once, without anything."""
    content = clipboard.text(100)
    clipboard.offer(bench, viewers[-1], content)
    clipboard.guest_pastes(vm, content)
    viewers.pop().quit()
    vm.until("! timeout 5 xclip -o -selection clipboard > /dev/null 2>&1 && echo nobody", 10,
             "clipboard without an owner")


def selections_are_apart(bench, vm, viewer):
    one, other = clipboard.text(100), clipboard.text(100)
    clipboard.offer(bench, viewer, one, "primary")
    clipboard.offer(bench, viewer, other)
    clipboard.guest_pastes(vm, one, "primary")
    clipboard.guest_pastes(vm, other)


def test(bench, options):
    several = {"SPICE_DEBUG_ALLOW_MC": "1"} if options.clients > 1 else None  # for the system's library
    vm = desktop.start(bench, environment=several)
    viewers = []
    for number in range(options.clients):
        viewers.append(client.connect(bench, vm, f"client{number}"))
        viewers[-1].command("wait-agent 10")
    pids = vm.agent_pids()
    for content in clipboard.contents(bench):
        client_to_guest(bench, vm, viewers[0], content)
        guest_to_clients(bench, vm, viewers, content)
    for viewer in viewers[1:]:
        client_to_guest(bench, vm, viewer, clipboard.text(5000))
    for first in range(len(viewers) if len(viewers) > 1 else 0):
        client_to_clients(bench, viewers[first:] + viewers[:first], clipboard.text(200_000))
    selections_are_apart(bench, vm, viewers[0])
    owner_leaves(bench, vm, viewers)
    if viewers:
        clipboard.both_ways(bench, vm, viewers)
    check(vm.agent_pids() == pids, "the agent was started anew")
    for viewer in viewers:
        viewer.quit()
    vm.quit()


def arguments(parser):
    parser.add_argument("--clients", type=int, default=1)


run(test, 300, arguments)
