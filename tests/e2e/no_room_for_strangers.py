#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Garbage and half-open links neither end the VM nor keep a good client out, nor leave anything."""
import random
import socket
import struct

from harness import client, tiny
from harness.run import check, run, until

MAGIC = b"REDQ"
HALF_OPEN = 30
GROWTH_KIB = 32 * 1024


def link(size, body=b"", major=2, minor=2):
    return MAGIC + struct.pack("<III", major, minor, size) + body


def link_body(connection=0, channel=1, number=0, common=1, channel_caps=1, offset=18, caps=b""):
    return struct.pack("<IBBIII", connection, channel, number, common, channel_caps, offset) + caps


def strangers():
    """Name and bytes of everything a stranger may send."""
    caps = struct.pack("<II", 0x0b, 0x09)
    yield "nothing", b""
    yield "one byte", b"R"
    yield "half a header", link(18)[:9]
    yield "another magic", b"HTTP" + bytes(12)
    yield "a web request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "a TLS hello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(160)
    yield "another version", link(18, link_body(), major=9)
    yield "a body of nothing", link(0)
    yield "a body too small", link(4, bytes(4))
    yield "a huge body", link(0xffffffff, bytes(64))
    yield "a body that never comes", link(4096)
    yield "capabilities behind the body", link(18, link_body(offset=4000))
    yield "capabilities beyond all counting", link(
        18, link_body(common=0xffffffff, channel_caps=0xffffffff))
    yield "counts that overflow", link(26, link_body(common=0x40000000, channel_caps=2, caps=caps))
    yield "an unknown channel", link(26, link_body(channel=200, caps=caps))
    yield "a display without a session", link(26, link_body(channel=2, caps=caps))
    yield "a display of a session that is not", link(
        26, link_body(connection=0x12345678, channel=2, caps=caps))
    yield "a link without a ticket", link(26, link_body(caps=caps))
    yield "a link and a wrong ticket", link(26, link_body(caps=caps)) + struct.pack(
        "<I", 1) + bytes(128)
    yield "a link and an unknown login", link(26, link_body(caps=caps)) + struct.pack(
        "<I", 77) + bytes(128)
    chance = random.Random(4711)
    for number in range(20):
        yield f"noise {number}", chance.randbytes(chance.randrange(1, 3000))
        yield f"noise behind a link {number}", link(26, link_body(caps=caps)) + struct.pack(
            "<I", 1) + chance.randbytes(chance.randrange(1, 3000))


def knock(port, data):
    """A connection that has sent data and stays open."""
    guest = socket.create_connection(("127.0.0.1", port), timeout=5)
    try:
        guest.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server may have had enough already
    return guest


def serves(bench, machine, name):
    viewer = client.connect(bench, machine, name)
    tiny.same_picture(bench, machine, viewer)
    return viewer


def closed_by_server(guests):
    closed = 0
    for guest in guests:
        guest.setblocking(False)
        try:
            while guest.recv(65536):
                pass
            closed += 1
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    return closed


def test(bench, _options):
    # the system's library takes a second client only with this variable
    machine = tiny.boot(bench, "std", environment={"SPICE_DEBUG_ALLOW_MC": "1"})
    tiny.switch(machine, "freeze", True)
    stays = serves(bench, machine, "stays")
    descriptors, memory = machine.descriptors(), machine.resident_kib()
    guests = []
    for name, data in strangers():
        guests.append(knock(machine.spice.port, data))
        check(machine.qmp.command("query-status")["running"], f"the VM stopped after {name}")
        machine.check_alive()
    guests += [knock(machine.spice.port, link(26)[:10]) for _ in range(HALF_OPEN)]
    bench.say(f"{len(guests)} strangers are here, {closed_by_server(guests)} were sent away, "
              f"QEMU grew by {machine.resident_kib() - memory} KiB")
    serves(bench, machine, "among-strangers").quit()
    tiny.same_picture(bench, machine, stays)
    for guest in guests:
        guest.close()
    until(lambda: machine.descriptors() <= descriptors, 15, "end of the strangers' connections")
    growth = machine.resident_kib() - memory
    check(growth <= GROWTH_KIB, f"QEMU's memory grew by {growth} KiB")
    serves(bench, machine, "after-strangers").quit()
    stays.quit()
    machine.quit()


run(test, 120)
