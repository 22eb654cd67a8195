#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Moves as libvirt makes them: two libvirtd, `virsh migrate --live`, three clients.

The target's address, ports and certificate's subject are those libvirt finds out, and the source
is ended when libvirt wants it to be.
"""
from harness import client, libvirt, tiny
from harness.run import check, run, until
from keys_and_pointer import inputs_work
from move import nothing_reopened
from tls import SUBJECT, certificates, trusting

CLIENTS = ("one", "two", "three")
SEAMLESS = "it has moved (seamless)"
END_SECONDS = 4  # a client that hears nothing from the target lets go after 5 s
SLOW_MIB = "1"  # a second: the picture that moves is more than that
FAST_MIB = "1000"


def connect(bench, source, settings=()):
    viewers = [client.connect(bench, source, name, settings=settings) for name in CLIENTS]
    for viewer in viewers:
        viewer.command("wait-picture 10 15")
    return viewers, [viewer.now() for viewer in viewers]


def all_moved(bench, target, viewers, marks):
    """Every client is at the target with all its channels, and everything works there."""
    for viewer, mark in zip(viewers, marks):
        viewer.command(f"wait-moved {target.spice.port or target.spice.tls_port} 15")
        viewer.command("wait-picture 10 15")
        nothing_reopened(bench, viewer, mark)
    tiny.switch(target, "freeze", True)
    for viewer in viewers:
        inputs_work(bench, target, viewer)
        viewer.quit()


def left_seamlessly(bench, source):
    """What the source says of the last move."""
    story = source.host.story()
    last = max(line["move"] for line in story)
    story = [line for line in story if line["move"] == last]
    outcomes = [line["state"] for line in story if line.get("state", "").startswith("it ")]
    check(outcomes == [SEAMLESS] * len(CLIENTS), f"outcomes {outcomes}")
    took = [line["mono_us"] for line in story if line["what"] in ("announced", "end complete")]
    check(len(took) == 2, f"announced and end complete: {len(took)}")
    seconds = (took[1] - took[0]) / 1e6
    bench.say(f"from the announcement to its end {seconds:.2f} s")
    check(seconds < END_SECONDS, "the source was kept waiting")


def ended_at(host):
    check(host.virsh("list", "--name") == "", f"there is a domain at {host.name}")


def move(bench):
    source_host, target_host = libvirt.Libvirtd(bench, "here"), libvirt.Libvirtd(bench, "there")
    source = libvirt.create(source_host)
    viewers, marks = connect(bench, source)
    target = libvirt.moved(source, target_host, libvirt.start_move(source, target_host))
    ended_at(source_host)
    left_seamlessly(bench, source)
    all_moved(bench, target, viewers, marks)
    target.quit()


def aborted(bench):
    """domjobabort in the middle: everybody stays; the next move is as good as the first."""
    source_host, target_host = libvirt.Libvirtd(bench, "here"), libvirt.Libvirtd(bench, "there")
    source = libvirt.create(source_host)
    viewers, marks = connect(bench, source)
    source_host.virsh("migrate-setspeed", "desk", SLOW_MIB)
    moving = libvirt.start_move(source, target_host)
    until(lambda: source.qmp.command("query-migrate").get("status") == "active", 20,
          "migration under way")
    source_host.virsh("domjobabort", "desk")
    status, text = source_host.ended(moving)
    check(status != 0, f"the migration was not aborted: {text}")
    ended_at(target_host)
    bench.say(f"aborted: {text.splitlines()[-1]}")
    for viewer, mark in zip(viewers, marks):
        viewer.command("wait-picture 10 15")
        nothing_reopened(bench, viewer, mark)
    source_host.virsh("migrate-setspeed", "desk", FAST_MIB)
    target = libvirt.moved(source, target_host, libvirt.start_move(source, target_host))
    ended_at(source_host)
    left_seamlessly(bench, source)
    all_moved(bench, target, viewers, marks)
    target.quit()


def tls(bench):
    """A listener with TLS only; the clients know the target by what libvirt tells of it."""
    folder = certificates(bench, "certificates")
    settings = f'spice_tls = 1\nspice_tls_x509_cert_dir = "{folder}"\n'
    source_host = libvirt.Libvirtd(bench, "here", settings)
    target_host = libvirt.Libvirtd(bench, "there", settings)
    libvirt.readable(folder)
    source = libvirt.create(source_host, " defaultMode='secure'")
    check(not source.spice.port and source.spice.tls_port, f"the ports are {source.query_spice()}")
    viewers, marks = connect(bench, source, trusting(folder))
    target = libvirt.moved(source, target_host, libvirt.start_move(source, target_host))
    left_seamlessly(bench, source)
    check(all(link["tls"] for link in target.query_spice()["channels"]), "a link has no TLS")
    bench.say(f"all links have TLS at the target, whose certificate is of {SUBJECT}")
    all_moved(bench, target, viewers, marks)
    target.quit()


CASES = {"move": move, "aborted": aborted, "tls": tls}


def test(bench, options):
    CASES[options.case](bench)


def arguments(parser):
    parser.add_argument("case", choices=CASES)


if __name__ == "__main__":
    run(test, 180, arguments)
