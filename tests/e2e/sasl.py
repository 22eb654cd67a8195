#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Login by SASL (`sasl=on`): who gets in, with TLS and without, and a seamless move.

Users are in a file of the test's own (saslpasswd2 -f), to which a configuration of its own leads
(SASL_CONF_PATH). Without TLS the login has to bring encryption, which of Debian's standard mechanisms
DIGEST-MD5 does; with TLS SCRAM is used.
"""
import os
import shutil
import subprocess

from harness import client, tiny
from harness.run import Skip, check, run
from harness.vm import Spice
from keys_and_pointer import inputs_work
from move import nothing_reopened
from tls import SUBJECT, certificates, trusting, wait_said

USER, PASSWORD = "alice", "open sesame"
NOT_LET_IN = 3
MECHANISMS = {"plain": "DIGEST-MD5", "tls": "SCRAM-SHA-256"}
CONFIGURATION = """\
mech_list: {mechanisms}
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/users
"""


def users(bench, mechanisms):
    """A folder with a SASL configuration for QEMU and the user; the environment that uses it."""
    tool = shutil.which("saslpasswd2", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not tool:
        raise Skip("no saslpasswd2 (Debian's sasl2-bin)")
    folder = bench.path("sasl")
    os.mkdir(folder)
    with open(os.path.join(folder, "qemu.conf"), "w", encoding="ascii") as file:
        file.write(CONFIGURATION.format(mechanisms=mechanisms, folder=folder))
    done = subprocess.run([tool, "-p", "-c", "-f", os.path.join(folder, "users"), USER],
                          input=PASSWORD, text=True, timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"saslpasswd2: {done.stdout}")
    return {"SASL_CONF_PATH": folder}


def spice(options, folder):
    if options.link == "tls":
        found = Spice.tls(folder, SUBJECT)
        return Spice(found.options.replace("disable-ticketing=on", "sasl=on"), found.uri,
                     found.port, found.tls_port, found.subject)
    return Spice.tcp("sasl=on")


def refused(bench, machine, name, settings, password):
    viewer = client.Client(bench, name, machine.spice.uri, password, settings)
    status = viewer.end()
    check(status == NOT_LET_IN, f"{name}: ended with status {status}")
    bench.say(f"{name} is not let in")


def keeps_up(machine, viewer):
    """Much passes through the layer, in both directions, and nothing is lost of it."""
    tiny.switch(machine, "busy", True)
    viewer.command("wait-picture 40 30", 40)
    tiny.switch(machine, "busy", False)


def works(bench, machine, viewer):
    tiny.switch(machine, "freeze", True)
    tiny.same_picture(bench, machine, viewer)
    inputs_work(bench, machine, viewer)
    tiny.switch(machine, "freeze", False)


def test(bench, options):
    environment = users(bench, MECHANISMS[options.link])
    environment["G_MESSAGES_DEBUG"] = "Spice"
    folder = certificates(bench, "home") if options.link == "tls" else None
    trust = trusting(folder) if folder else []
    source = tiny.boot(bench, "std", spice(options, folder), environment=environment)
    check(source.query_spice()["auth"] == "sasl", "query-spice does not tell of SASL")
    settings = [f"username={USER}", *trust]
    viewer = client.connect(bench, source, password=PASSWORD, settings=settings)
    wait_said(bench, source, f"has logged in as {USER}")
    refused(bench, source, "one with a wrong password", settings, "close sesame")
    refused(bench, source, "a stranger", ["username=mallory", *trust], PASSWORD)
    keeps_up(source, viewer)
    works(bench, source, viewer)
    target, port = tiny.target(bench, "std", spice(options, folder), environment=environment)
    mark = viewer.now()
    source.name_target(target)
    wait_said(bench, source, "linked to the target (seamless)", 30)
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    viewer.command(f"wait-moved {target.spice.port or target.spice.tls_port} 15")
    source.quit()
    nothing_reopened(bench, viewer, mark)
    wait_said(bench, target, f"has logged in as {USER}")
    keeps_up(target, viewer)
    works(bench, target, viewer)
    viewer.quit()
    target.quit()


run(test, 120, lambda parser: parser.add_argument("link", choices=["plain", "tls"]))
