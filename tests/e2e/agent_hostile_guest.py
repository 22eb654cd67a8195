#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guest's agent stops, starts, dies in the middle, and its place is taken by programs that mean harm.

Whatever they write to the port: QEMU lives, does not grow, clients keep all their channels, and when the
real agent is back everything works.
"""
import struct

from harness import client, clipboard, desktop, vm
from harness.run import check, run
from agent_file import make_file
from move import FORBIDDEN

PORT = "/dev/virtio-ports/com.redhat.spice.0"
FLOOD_BYTES = 12 << 20
GROWTH_KIB = 40 * 1024
FLOOD_SECONDS = 6
CLIENT_PORT, SERVER_PORT = 1, 2
ANNOUNCE, GRAB, CLIPBOARD, FILE_STATUS, DISPLAY_INFO = 6, 7, 4, 14, 16
CAPS = 0x38de7  # what Debian's agent announces


def message(kind, body, size=None, port=CLIENT_PORT, chunk=None):
    """One message in one chunk; the sizes may lie."""
    whole = struct.pack("<IIQI", 1, kind, 0, len(body) if size is None else size) + body
    return struct.pack("<II", port, len(whole) if chunk is None else chunk) + whole


HELLO = message(ANNOUNCE, struct.pack("<II", 1, CAPS))


def attacks():
    """What is written: a name, what comes once, what is repeated."""
    yield "nothing but an open port", b"", b""
    yield "garbage", b"", None
    yield "garbage behind a greeting", HELLO, None
    yield "half a greeting", HELLO[:11], b""
    yield "a chunk of 4 GiB", message(CLIPBOARD, bytes(100), chunk=0xffffffff), bytes(4096)
    yield "a message of 4 GiB", HELLO, message(CLIPBOARD, bytes(2000), size=0xffffffff)
    yield "greetings without end", b"", HELLO
    yield "grabs without end", HELLO, message(GRAB, struct.pack("<IIII", 0, 7, 1, 2))
    yield "grabs of 500 types", HELLO, message(GRAB, struct.pack("<II", 0, 0) + 500 * b"\1\0\0\0")
    yield "contents nobody asked for", HELLO, message(CLIPBOARD, struct.pack("<II", 0, 1) + bytes(4000))
    yield "status of files that are not", HELLO, message(FILE_STATUS, struct.pack("<II", 77, 0))
    yield "empty messages of every type", HELLO, b"".join(message(kind, b"") for kind in range(32))
    yield "empty chunks", HELLO, struct.pack("<II", CLIENT_PORT, 0) * 50
    yield "chunks for ports that are not", HELLO, message(ANNOUNCE, bytes(8), port=9)


QUICK = ["garbage behind a greeting", "a chunk of 4 GiB", "grabs without end"]


def octal(data):
    return "".join(f"\\{byte:03o}" for byte in data)


# ends all who have the port open: a host that closed it leaves them waiting
LET_GO = f"""port=$(readlink -f {PORT})
for fd in /proc/[0-9]*/fd/*; do
    case $(readlink $fd) in $port) pid=${{fd#/proc/}}; kill -9 ${{pid%%/*}};; esac
done; true"""


def write(machine, first, repeated):
    """Writes in the guest, for a while at most: a host that takes no more is in its right."""
    machine.shell(f"printf '{octal(first)}' > /run/first")
    if repeated:
        machine.shell(f"printf '{octal(repeated)}' > /run/block; while [ $(wc -c < /run/block) -lt 65536 ]; "
                      "do cat /run/block /run/block > /run/twice; mv /run/twice /run/block; done")
        source = f"while cat /run/block; do :; done 2> /dev/null | head -c {FLOOD_BYTES}"
    else:
        source = ":" if repeated == b"" else f"head -c {FLOOD_BYTES} /dev/urandom"
    machine.run(f"(cat /run/first; {source}; sleep 0.3) > {PORT} & writer=$!; i=0; "
                f"while kill -0 $writer && [ $i -lt {FLOOD_SECONDS * 10} ]; do usleep 100000; i=$((i+1)); "
                f"done 2> /dev/null; {LET_GO}", FLOOD_SECONDS + 20)


def all_is_well(bench, machine, viewers, mark):
    """The VM and the sessions are as before, and the agent that comes now works."""
    machine.check_alive()
    for viewer, since in zip(viewers, mark):
        wrong = [event for event in viewer.seen(FORBIDDEN, since) if event["event"] != "session"]
        check(not wrong, f"{viewer.name}: {wrong}")
    machine.shell("agent start")
    for viewer in viewers:
        viewer.command("wait-agent 20", 25)
    clipboard.both_ways(bench, machine, viewers)


def restarts(bench, machine, viewers):
    """The agent ends in the middle of a paste and of a file, and comes again."""
    marks = [viewer.now() for viewer in viewers]
    path, _sha256 = make_file(bench, "cut", 20_000_000)
    viewers[0].send(f"send-file {path} 30")
    machine.until("[ $(stat -c %s /run/xfer/cut) -gt 100000 ] && echo some", 20, "part of the file")
    machine.shell("agent stop")
    reply = viewers[0].events[viewers[0].wait_event("reply", 40, marks[0], cmd="send-file")]
    check(not reply["ok"], "the client thinks that the file has come")
    for viewer in viewers:
        viewer.command("wait-agent gone 10", 15)
    all_is_well(bench, machine, viewers, marks)
    bench.say(f"the agent died in the middle of a file ({reply['error']}) and came again")
    marks = [viewer.now() for viewer in viewers]
    clipboard.guest_copies(machine, clipboard.text(3_000_000))
    viewers[0].command("wait-clipboard clipboard text 10")
    viewers[0].send(f"clipboard-get clipboard text {bench.path('cut-paste')} 3")
    # with its reader dead in the middle xclip hangs, and all that paste with it
    machine.shell("kill -9 $(pidof spice-vdagent) $(pidof spice-vdagentd) $(pidof xclip)")
    machine.shell("rm -f /run/spice-vdagentd/*")
    viewers[0].wait_event("reply", 10, marks[0], cmd="clipboard-get")
    all_is_well(bench, machine, viewers, marks)
    bench.say("the agent was killed in the middle of a paste and came again")


def test(bench, options):
    several = {"SPICE_DEBUG_ALLOW_MC": "1"} if options.clients > 1 else None  # for the system's library
    machine = desktop.start(bench, environment=several)
    viewers = [client.connect(bench, machine, f"client{number}") for number in range(options.clients)]
    for viewer in viewers:
        viewer.command("wait-agent 10")
    if not options.brief:
        restarts(bench, machine, viewers)
    before = machine.heap_kib()
    for name, first, repeated in attacks():
        if (options.quick and name not in QUICK) or (options.brief and name != QUICK[0]):
            continue
        marks = [viewer.now() for viewer in viewers]
        machine.shell("agent stop")
        write(machine, first, repeated)
        grown = machine.heap_kib() - before
        check(grown < desktop.growth(GROWTH_KIB), f"{name}: QEMU has grown by {grown} KiB")
        all_is_well(bench, machine, viewers, marks)
        bench.say(f"{name}: all is well, {grown:+} KiB")
    for viewer in viewers:
        viewer.quit()
    machine.quit()


def arguments(parser):
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--brief", action="store_true", help=f"only {QUICK[0]}")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")


if __name__ == "__main__":
    run(test, 400, arguments)
