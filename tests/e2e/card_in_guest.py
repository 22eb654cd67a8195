#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Debian guest (pcscd, OpenSC) uses the software card (libcacard) of a spice-gtk client, also in moves.

Certificates are read, a signature is made with a key that only the client has, the card is pulled and put in.
While commands and answers go on without an end the VM's RAM flows; for the switch itself they rest, since QEMU
7.2 loses what its reader has in hand then (docs/devices.md). None is lost, doubled or taken for another, the
guest's service and the channels stay. A second client waits; when the first is killed within an exchange the
guest sees its reader empty, and then the second's card.

`--usb xhci`: without OpenSC, one of whose answers fills its USB packet, which QEMU's reader does not bear there.
"""
import os
import signal
import subprocess

from harness import card_guest
from harness.card_guest import PIN, PKCS11, Card, CardViewer
from harness.run import check, run, until

ATR = "3b7a18000073667465206364313434"  # libcacard's
A_HOP = 200  # answers
SLOW, FAST = 100_000, 1 << 32  # bytes of RAM a second


def reads_and_signs(bench, here, card, usb):
    """OpenSC sees the card's certificates; a signature fits the first, whose key the client has."""
    if usb != "uhci":
        return
    subjects = here.certificates()
    check(subjects == [f"{card.name} card{number}" for number in (1, 2, 3)], f"certificates {subjects}")
    pem = here.shell("pkcs15-tool --read-certificate 0001 2> /run/pkcs15.log || "
                     "{ cat /run/pkcs15.log; exit 1; }", 60) + "\n"
    check(pem == card.certificate(), f"another certificate: {pem}")
    signature = here.shell(f"echo {bench.name} > /run/text; {PKCS11} --login --pin {PIN} --sign "
                           "-m SHA256-RSA-PKCS --id 0001 -i /run/text -o /run/signature > /run/sign.log 2>&1 "
                           "|| { cat /run/sign.log; exit 1; }; base64 -w 0 /run/signature", 60)
    paths = {name: bench.path(f"{card.name}.{name}") for name in ("pem", "key", "text", "b64", "sig")}
    for name, text in (("pem", pem), ("text", f"{bench.name}\n"), ("b64", signature)):
        with open(paths[name], "w", encoding="ascii") as file:
            file.write(text)
    script = ("openssl x509 -in {pem} -noout -pubkey > {key} && openssl base64 -d -A -in {b64} -out {sig} && "
              "openssl dgst -sha256 -verify {key} -signature {sig} {text}")
    done = subprocess.run(script.format(**paths), shell=True, text=True, timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(done.returncode == 0, f"the signature is not the card's: {done.stdout}")


def pulled_and_put_in(here, viewer):
    for command, state in (("remove", "absent"), ("insert", "present")):
        viewer.command(command)
        here.wait_card(state)


def put_in(bench, here, name):
    """A client whose card is in the guest's reader."""
    card = Card(bench, name)
    viewer = CardViewer(bench, here, name, card)
    atr = here.wait_card("present")
    check(atr == ATR, f"answer to reset {atr}")
    bench.say(f"{name}: its card is in the reader, {atr}")
    return viewer, card


def hop(bench, here, usb, name):
    there, port = card_guest.target(bench, usb, name)
    here.name_target(there)
    there.wait_linked(here)
    before = here.counted()
    here.qmp.command("migrate-set-parameters", max_bandwidth=SLOW)
    here.migrate(port)
    here.go_on(A_HOP)
    check(here.qmp.command("query-migrate")["status"] == "active", "the move is over too soon")
    here.rest()
    here.qmp.command("migrate-set-parameters", max_bandwidth=FAST)
    status = here.wait_migrated()
    here.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    here.quit()
    there.rest_no_more()
    there.go_on(A_HOP)
    bench.say(f"{name}: downtime {status['downtime']} ms, {before} answers before, {there.counted()} now")
    return there


def exchanges_in_moves(bench, here, viewer, options):
    """The VM after its hops, in which each command had its one answer."""
    service, given = here.shell("pidof pcscd"), viewer.apdus()
    here.start_counting()
    here.go_on(A_HOP)
    for number in range(1, options.hops + 1):
        here = hop(bench, here, options.usb, f"host{number}")
    answers = here.stop_counting()
    until(lambda: viewer.apdus() - given >= answers, 20, "log of the client")
    check(viewer.apdus() - given == answers, f"{viewer.apdus() - given} commands, {answers} answers")
    check(here.shell("pidof pcscd") == service, "the guest's service was started anew")
    bench.say(f"{answers} commands came to the card, and as many answers to the guest, each the right one")
    return here


def owner_dies(bench, here, viewer, second):
    """Within an exchange: the guest is told, then the second has the reader."""
    here.start_counting()
    here.go_on(A_HOP)
    os.kill(viewer.process.pid, signal.SIGKILL)
    status = here.until("cat /run/count.status", 60, "end of the exchange")
    said = here.shell("cat /run/count.said")
    check(status != "0" and said.startswith("SCard"), f"the guest has not seen the card go: {said}")
    bench.say(f"the first client is killed; the exchange has ended: {said}")
    until(lambda: here.reaches(second), 30, "the second client's card")


def test(bench, options):
    here = card_guest.boot(bench, options.usb)
    viewer, card = put_in(bench, here, "first")
    reads_and_signs(bench, here, card, options.usb)
    its_card = Card(bench, "second")
    second = CardViewer(bench, here, "second", its_card)
    for _ in range(3):
        pulled_and_put_in(here, viewer)
    here = exchanges_in_moves(bench, here, viewer, options)
    pulled_and_put_in(here, viewer)
    reads_and_signs(bench, here, card, options.usb)
    bench.say("the card was pulled and put in; it is still the first client's")
    for each in (viewer, second):
        each.nothing_closed()
    owner_dies(bench, here, viewer, second)
    pulled_and_put_in(here, second)
    reads_and_signs(bench, here, its_card, options.usb)
    second.nothing_closed()
    bench.say("now the second client's card is in the reader")
    second.quit()
    here.wait_card("absent")
    here.quit()


def arguments(parser):
    parser.add_argument("--hops", type=int, default=int(os.environ.get("HOPS", "2")))
    parser.add_argument("--usb", choices=card_guest.CONTROLLERS, default="uhci")


run(test, 800, arguments)
