#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Moves with passwords that expire, over unix sockets, and what query-spice says meanwhile."""
import glob
import os

from harness import client, tiny, vm
from harness.run import Skip, check, run, until
from keys_and_pointer import inputs_work
from move import nothing_reopened
from stock_peer import STOCK, with_library

MAIN, DISPLAY, INPUTS, CURSOR = 1, 2, 3, 4


def machine(bench, name, spice, incoming=None):
    return vm.Vm(bench, name, spice, tiny.machine("std") + ["-object", "secret,id=secret,data=open"],
                 incoming, {"G_MESSAGES_DEBUG": "Spice"})


def pair(bench, spices):
    """A VM and the QEMU it goes to, with the migration's port."""
    port = vm.free_port()
    source = machine(bench, "source", spices[0])
    source.wait_line("ready", tiny.BOOT_SECONDS)
    target = machine(bench, "target", spices[1], f"tcp:127.0.0.1:{port}")
    until(lambda: target.qmp.command("query-status")["status"] == "inmigrate", 30, "inmigrate")
    return source, target, port


def go(source, port):
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)


def expiry(bench):
    """Who was let in stays in: the password expires at the source, then at the target, then it moves."""
    source, target, port = pair(bench, [vm.Spice.tcp("password-secret=secret") for _ in range(2)])
    viewer = client.connect(bench, source, password="open")
    mark = viewer.now()
    source.qmp.command("expire_password", protocol="spice", time="now")
    source.name_target(target)
    until(lambda: len(target.query_spice()["channels"]) == 4, 10, "links at the target")
    target.qmp.command("expire_password", protocol="spice", time="now")
    go(source, port)
    viewer.command(f"wait-moved {target.spice.port} 15")
    nothing_reopened(bench, viewer, mark)
    status = client.Client(bench, "late", target.spice.uri, "open").end()
    check(status == 3, f"an expired password let a newcomer in, or it ended otherwise: {status}")
    tiny.switch(target, "freeze", True)
    inputs_work(bench, target, viewer)
    viewer.quit()


def unix_path(bench):
    """A client by a unix socket links the same path again: the target must have taken it over."""
    path = bench.path("spice.sock")
    source = tiny.boot(bench, "std", vm.Spice.unix(path, "disable-ticketing=on,seamless-migration=on"))
    viewer = client.connect(bench, source)
    mark = viewer.now()
    os.rename(path, path + ".before")
    target, port = tiny.target(bench, "std", vm.Spice.unix(path))
    # the monitor wants a port; the client has none to try
    source.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                       port=vm.free_port())
    until(lambda: len(target.query_spice()["channels"]) == 4, 10, "links at the target")
    go(source, port)
    viewer.wait_event("migration", 15, mark, state="none")
    source.quit()
    viewer.command("wait-picture 10 15")
    nothing_reopened(bench, viewer, mark)
    tiny.switch(target, "freeze", True)
    inputs_work(bench, target, viewer)
    viewer.quit()
    client.connect(bench, target, "newcomer").quit()  # the source has not taken the path along
    target.quit()


def told(answer):
    """What query-spice said, without what differs from run to run."""
    channels = sorted((each["channel-type"], each["channel-id"], each["tls"], each["family"],
                       each["host"]) for each in answer.get("channels", ()))
    rest = {name: value for name, value in answer.items() if name not in ("channels", "port")}
    return dict(rest, channels=channels)


def story(bench):
    """query-spice at both sides: alone, with a client, announced, moved."""
    source, target, port = pair(bench, [vm.Spice.tcp() for _ in range(2)])
    answers = [told(source.query_spice()), told(target.query_spice())]
    viewer = client.connect(bench, source)
    session = {each["connection-id"] for each in source.query_spice()["channels"]}
    check(len(session) == 1, f"one client has connection ids {session}")
    answers.append(told(source.query_spice()))
    source.name_target(target)
    until(lambda: len(target.query_spice()["channels"]) == 4, 10, "links at the target")
    answers += [told(source.query_spice()), told(target.query_spice())]
    go(source, port)
    until(lambda: source.query_spice()["channels"] == [], 10, "the end of all links at the source")
    answers += [told(source.query_spice()), told(target.query_spice())]
    check({each["connection-id"] for each in target.query_spice()["channels"]} == session,
          "the session's connection id has changed")
    check(target.query_spice()["port"] == target.spice.port, "query-spice names another port")
    viewer.quit()
    for each in (source, target):
        each.quit()
    return answers


def query_spice(bench):
    """query-spice says before, in and after a move what it says with the stock server."""
    if not os.environ.get("CARAVAN_LIBDIR") or not glob.glob(STOCK):
        raise Skip("needs both servers: CARAVAN_LIBDIR, and Debian's package libspice-server1")
    ours = story(bench)
    stock = with_library("", lambda: story(bench))
    moments = ("source alone", "target alone", "source with a client", "source announced",
               "target linked", "source moved", "target moved")
    for moment, mine, its in zip(moments, ours, stock):
        check(mine == its, f"{moment}: {mine}, the stock server: {its}")
        bench.say(f"{moment}: {mine}")
    check(ours[5]["migrated"] and not ours[6]["migrated"], "migrated is wrong")
    check([each[0] for each in ours[6]["channels"]] == [MAIN, DISPLAY, INPUTS, CURSOR], "channels")


def test(bench, _options):
    for case in (expiry, unix_path, query_spice):
        bench.say(f"-- {case.__doc__}")
        case(bench)
        bench.close()


run(test, 120)
