#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Passwords: wrong ones are refused, right ones taken, they expire, and may end sessions."""
from harness import client, tiny, vm
from harness.run import check, run

REFUSED, LOST = 3, 4


def refused(bench, machine, password, why):
    status = client.Client(bench, f"refused-{why}", machine.spice.uri, password).end()
    check(status == REFUSED, f"{why}: the client ended with {status}, not {REFUSED} (refused)")
    bench.say(f"{why}: refused")


def accepted(bench, machine, password, name):
    return client.connect(bench, machine, name, password=password)


def set_password(machine, password, connected="keep"):
    return machine.qmp.try_command("set_password", protocol="spice", password=password,
                                   connected=connected)


def expire(machine, when):
    machine.qmp.command("expire_password", protocol="spice", time=when)


def test(bench, _options):
    spice = vm.Spice.tcp("password-secret=secret")
    # -object is read before -spice wherever it stands
    machine = vm.Vm(bench, "source", spice,
                    tiny.machine("std") + ["-object", "secret,id=secret,data=first"])
    machine.wait_line("ready", tiny.BOOT_SECONDS)
    refused(bench, machine, "wrong", "a wrong password")
    refused(bench, machine, "", "an empty password")
    accepted(bench, machine, "first", "first").quit()

    check("return" in set_password(machine, "second"), "set_password failed")
    refused(bench, machine, "first", "the former password")
    stays = accepted(bench, machine, "second", "second")

    expire(machine, "now")
    refused(bench, machine, "second", "an expired password")
    expire(machine, "+1")
    vm.sleep(2.5)
    refused(bench, machine, "second", "a password that expired after 1 s")
    expire(machine, "never")

    check("error" in set_password(machine, "third", "fail"), "connected=fail did not fail")
    check("return" in set_password(machine, "third"), "connected=keep failed")
    stays.command("wait-picture 5 10")
    bench.say("who is connected stays with connected=keep, and keeps a password with =fail")
    check("return" in set_password(machine, "fourth", "disconnect"), "connected=disconnect failed")
    status = stays.end()
    check(status == LOST, f"connected=disconnect: the client ended with {status}, not {LOST}")
    bench.say("connected=disconnect ends the session")
    check("return" in set_password(machine, "fifth", "fail"), "connected=fail failed, nobody there")
    accepted(bench, machine, "fifth", "fifth").quit()
    machine.quit()


run(test, 120)
