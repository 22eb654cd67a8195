#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Links over TLS: who gets in by which port, what is refused and said, and moves between hosts."""
import os
import random
import shutil
import socket
import subprocess

from harness import client, tiny, vm
from harness.run import Skip, check, run, until
from keys_and_pointer import inputs_work
from listen_unix_ipv6 import Doorman
from move import nothing_reopened

SUBJECT = "O=caravan tests,CN=server"
NO_CONNECTION, LOST = 2, 4
BUSY_PICTURES = 60
HANDSHAKE_SECONDS = 10
HALF_OPEN = 20
NOISE = 40
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, text=True, timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"openssl {' '.join(arguments)}: {done.stdout}")


def certificates(bench, name):
    """A folder as QEMU's x509-dir wants it: a CA, a certificate for SUBJECT and its key."""
    if not shutil.which("openssl"):
        raise Skip("no openssl command")
    folder = bench.path(name)
    os.mkdir(folder)
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            f"/CN={name} CA", "-keyout", "ca-key.pem", "-out", "ca-cert.pem")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj",
            "/" + SUBJECT.replace(",", "/"), "-keyout", "server-key.pem", "-out", "server.csr")
    with open(os.path.join(folder, "names"), "w", encoding="ascii") as names:
        names.write("subjectAltName=IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca-cert.pem", "-CAkey",
            "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out",
            "server-cert.pem")
    return folder


def trusting(folder):
    """The client's settings that have it trust the CA in `folder`."""
    return [f"ca-file={folder}/ca-cert.pem"]


def boot(bench, spice, name="source"):
    return tiny.boot(bench, "std", spice, name, {"G_MESSAGES_DEBUG": "Spice"})


def wait_said(bench, machine, text, seconds=5):
    """Waits for a line in QEMU's log that holds text."""
    def said():
        with open(bench.path(f"{machine.name}.stderr"), errors="replace", encoding="utf-8") as log:
            return next((line for line in log if text in line), None)
    bench.say("log: " + until(said, seconds, f"line with {text!r} in the log").strip())


def secured(machine):
    """Channel types of all links (SPICE_CHANNEL_*), and whether each has TLS, as QEMU tells."""
    return {link["channel-type"]: link["tls"] for link in machine.query_spice()["channels"]}


def serves(bench, machine, viewer):
    """Pictures are right and input arrives; leaves the guest frozen."""
    tiny.switch(machine, "freeze", True)
    tiny.same_picture(bench, machine, viewer)
    inputs_work(bench, machine, viewer)
    tiny.switch(machine, "freeze", False)


def keeps_up(bench, machine, viewer):
    """Noise fills the link, and what is shown in the end is right."""
    tiny.switch(machine, "busy", True)
    viewer.command(f"wait-picture {BUSY_PICTURES} 30")
    tiny.switch(machine, "busy", False)
    tiny.switch(machine, "freeze", True)
    tiny.same_picture(bench, machine, viewer)
    tiny.switch(machine, "freeze", False)


def refused(bench, machine, name, uri=None, settings=()):
    status = client.Client(bench, name, uri or machine.spice.uri, settings=settings).end()
    check(status == NO_CONNECTION, f"{name} ended with {status}, not {NO_CONNECTION}")
    machine.check_alive()
    bench.say(f"{name}: refused")


def tls_port_only(bench, folder, other):
    machine = boot(bench, vm.Spice.tls(folder, SUBJECT))
    told = machine.query_spice()
    check(told["tls-port"] == machine.spice.tls_port and "port" not in told, f"query-spice: {told}")
    viewer = client.connect(bench, machine, settings=trusting(folder))
    serves(bench, machine, viewer)
    keeps_up(bench, machine, viewer)
    links = secured(machine)
    check(len(links) == 4 and all(links.values()), f"query-spice: tls of channels {links}")
    bench.say(f"query-spice: tls of channels {links}")
    refused(bench, machine, "trusts-another-ca", settings=trusting(other))
    wait_said(bench, machine, "failed: tlsv1 alert unknown ca")
    refused(bench, machine, "plain", f"spice://127.0.0.1:{machine.spice.tls_port}")
    wait_said(bench, machine, "failed: wrong version number")
    refused(bench, machine, "another-subject",
            settings=trusting(folder) + ["verify=4", "cert-subject=O=caravan tests,CN=other"])
    client.connect(bench, machine, "by-subject", settings=trusting(folder) + [
        "verify=4", f"cert-subject={SUBJECT}"]).quit()
    serves(bench, machine, viewer)
    viewer.quit()
    machine.quit()


def by_descriptor(bench, folder):
    """Sockets that the monitor hands in, and TLS on them (add_client with tls=true)."""
    machine = boot(bench, vm.Spice.tls(folder, SUBJECT))
    doorman = Doorman(machine, tls=True)
    bench.at_end(doorman.close)
    viewer = client.connect(bench, machine, "by-descriptor", doorman.uri,
                            settings=trusting(folder))
    until(lambda: doorman.error or doorman.handed >= 4, 10, "four channels by descriptors")
    check(doorman.error is None, f"add_client: {doorman.error}")
    check(all(secured(machine).values()), "a link has no TLS")
    serves(bench, machine, viewer)
    viewer.quit()
    machine.quit()


def channel_needs_tls(bench, folder):
    spice = vm.Spice.tls(folder, SUBJECT, plain=True, extra=",tls-channel=main,tls-channel=inputs")
    machine = boot(bench, spice)
    viewer = client.connect(bench, machine, "both-ports", settings=trusting(folder))
    serves(bench, machine, viewer)
    links = secured(machine)
    check(links[1] and links[3] and not links[2] and not links[4],
          f"query-spice: tls of channels {links}")
    bench.say(f"query-spice: tls of channels {links}")
    refused(bench, machine, "plain-only", f"spice://127.0.0.1:{spice.port}")
    viewer.quit()
    machine.quit()


def bad_files(bench, folder):
    """QEMU goes on without the port; the log says which file is wrong."""
    broken = bench.path("broken")
    shutil.copytree(folder, broken)
    os.unlink(os.path.join(broken, "server-key.pem"))
    spice = vm.Spice.tls(broken, SUBJECT, plain=True)
    machine = boot(bench, spice)
    wait_said(bench, machine, f"TLS port {spice.tls_port} is not opened: the private key "
                              f"{broken}/server-key.pem cannot be read")
    refused(bench, machine, "no-such-port", f"spice://127.0.0.1?tls-port={spice.tls_port}")
    client.connect(bench, machine, "goes-plain", f"spice://127.0.0.1:{spice.port}").quit()
    machine.quit()


def links(bench):
    folder, other = certificates(bench, "certificates"), certificates(bench, "other")
    tls_port_only(bench, folder, other)
    channel_needs_tls(bench, folder)
    by_descriptor(bench, folder)
    bad_files(bench, folder)


def knock(port, data):
    guest = socket.create_connection(("127.0.0.1", port), timeout=5)
    guest.sendall(data)
    return guest


def half_open(bench):
    """Handshakes that stop in the middle, and noise, keep nobody out and are ended."""
    folder = certificates(bench, "certificates")
    machine = boot(bench, vm.Spice.tls(folder, SUBJECT))
    descriptors = machine.descriptors()
    guests = [knock(machine.spice.tls_port, HELLO[:at % (len(HELLO) + 1)])
              for at in range(HALF_OPEN)]
    until(lambda: machine.descriptors() == descriptors + HALF_OPEN, 5, "half-open handshakes")
    chance = random.Random(4711)
    noise = [knock(machine.spice.tls_port, (HELLO if number % 2 else b"") +
                   chance.randbytes(chance.randrange(1, 3000))) for number in range(NOISE)]
    viewer = client.connect(bench, machine, settings=trusting(folder))
    serves(bench, machine, viewer)
    for guest in noise:
        guest.close()
    for guest in guests:
        guest.settimeout(HANDSHAKE_SECONDS + 5)
        check(guest.recv(1) == b"", "the server answered half a handshake")
        guest.close()
    bench.say(f"{HALF_OPEN} half-open handshakes were ended")
    wait_said(bench, machine, "TLS handshake of 127.0.0.1:")
    viewer.quit()
    until(lambda: machine.descriptors() <= descriptors, 10, "end of all links")
    machine.quit()


def move(bench):
    """Two hops by TLS alone, each target known by the subject of its certificate."""
    folder = certificates(bench, "certificates")
    source = boot(bench, vm.Spice.tls(folder, SUBJECT), "host-0")
    viewers = [client.connect(bench, source, name, settings=trusting(folder))
               for name in ("first", "second")]
    for hop in (1, 2):
        target, port = tiny.target(bench, "std", vm.Spice.tls(folder, SUBJECT), f"host-{hop}",
                                   {"G_MESSAGES_DEBUG": "Spice"})
        marks = [viewer.now() for viewer in viewers]
        source.name_target(target)
        source.migrate(port)
        source.wait_migrated()
        source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
        for viewer, mark in zip(viewers, marks):
            viewer.command(f"wait-moved {target.spice.tls_port} 15")
            viewer.command("wait-picture 10 15")
            nothing_reopened(bench, viewer, mark)
        check(all(secured(target).values()), "a link at the target has no TLS")
        source.quit()
        source = target
    for viewer in viewers:
        serves(bench, source, viewer)
        viewer.quit()
    source.quit()


def move_to_stranger(bench):
    """A target whose certificate the client does not trust gets no client; the VM arrives."""
    folder, other = certificates(bench, "certificates"), certificates(bench, "other")
    source = boot(bench, vm.Spice.tls(folder, SUBJECT))
    viewer = client.connect(bench, source, settings=trusting(folder))
    target, port = tiny.target(bench, "std", vm.Spice.tls(other, SUBJECT), "stranger",
                               {"G_MESSAGES_DEBUG": "Spice"})
    source.name_target(target)
    wait_said(bench, target, "failed: tlsv1 alert unknown ca")
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    status = viewer.end()
    check(status in (NO_CONNECTION, LOST), f"the client ended with {status}")
    wait_said(bench, source, "cannot link to the target; it will switch host")
    target.wait_line(lambda line: line.startswith("tick "), 10)
    check(not target.query_spice()["channels"], "somebody is at the target")
    bench.say(f"the client has ended with {status}, the VM runs at the target")
    client.connect(bench, target, "trusts-it", settings=trusting(other)).quit()
    source.quit()
    target.quit()


def move_wrong_subject(bench):
    """The announced cert-subject is not the target's: a client that trusts its CA is not fooled."""
    folder = certificates(bench, "certificates")
    source = boot(bench, vm.Spice.tls(folder, SUBJECT))
    viewer = client.connect(bench, source, settings=trusting(folder))
    target, port = tiny.target(bench, "std", vm.Spice.tls(folder, "O=caravan tests,CN=another"))
    source.name_target(target)
    wait_said(bench, source, "cannot link to the target; it will switch host")
    source.migrate(port)
    source.wait_migrated()
    source.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    status = viewer.end()
    check(status in (NO_CONNECTION, LOST), f"the client ended with {status}")
    wait_said(bench, source, "it was sent to connect anew (switch-host)")
    target.wait_line(lambda line: line.startswith("tick "), 10)
    check(not target.query_spice()["channels"], "somebody is at the target")
    client.connect(bench, target, "by-address", settings=trusting(folder)).quit()
    source.quit()
    target.quit()


CASES = {"links": links, "half-open": half_open, "move": move,
         "move-to-stranger": move_to_stranger, "move-wrong-subject": move_wrong_subject}


def test(bench, options):
    CASES[options.case](bench)


def arguments(parser):
    parser.add_argument("case", choices=CASES)


if __name__ == "__main__":
    run(test, 180, arguments)
