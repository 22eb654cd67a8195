# SPDX-License-Identifier: MIT
"""`caravan vmstate dump` prints what SPICE's channels hand over, and the state of `caravan agent`: as the
server's code writes it, as a real move carries it through a client and a real QEMU saves it, and no harm
comes of broken ones."""
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

from common import CARAVAN, GUEST, QEMU, check, need
from pair import Monitor, start_pair
from streams import save

SAMPLES = os.environ.get("BLOB_SAMPLES", "")
LIBDIR = os.environ.get("CARAVAN_LIBDIR", "")

need(("program that writes bodies (BLOB_SAMPLES)", os.path.isfile(SAMPLES)))


def dump(*words, data=None, code=0):
    done = subprocess.run([CARAVAN, "vmstate", "dump", *words], input=data, capture_output=True,
                          timeout=60, check=False)
    if done.returncode != code:
        print(done.stderr.decode())
        check(False, f"{words} ends with {code}, not {done.returncode}")
    return done.stdout.decode(), done.stderr.decode()


def values(data):
    """What the JSON says: kind, the body's values, the trailer's."""
    told = json.loads(dump("--json", "-", data=data)[0])
    check(told["bytes"] == len(data), f"{told['kind']}: all {len(data)} bytes are counted")
    return (told["kind"], told["unknown"], *({v["path"]: v["value"] for v in told[part]}
                                             for part in ("fields", "trailer")))


def check_samples(folder):
    subprocess.run([SAMPLES, folder], check=True, timeout=60)
    bodies = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            bodies[name] = file.read()
    seen = {name: values(data) for name, data in bodies.items()}
    check(all(s[0] == name.split("-")[0] and s[1] == 0 for name, s in seen.items()),
          f"kinds are told, every byte has its field: {sorted(seen)}")
    _, _, body, trailer = seen["main"]
    check(body["agent.write_data"] == "010203" + "00" * 32 and body["c2a.msg_remaining"] == 8721
          and body["a2c.msg_header"] == b"abc".hex() and body["client_agent_started"] is True
          and trailer["mouse_mode.mode"] == 2, "the main channel's fields")
    check(trailer["hub.members[1].in.left"] == 9 and trailer["hub.selections[0].types[1]"] == 2
          and trailer["hub.members[0].max_clipboard"] == -1 and trailer["hub.in_charge"] == 7,
          "and what the agent's hub hands over")
    _, _, body, trailer = seen["display"]
    check(body["pixmap_cache_size"] == -1 and body["next_image_id"] == 2**64 - 2
          and body["surfaces.list[1].id"] == 1023 and "surfaces.list[0].left" not in body
          and trailer["tiles[0].hashes[0]"] == 2**64 - 1 and trailer["tiles[1].width"] == 1,
          "the display's, with tiles")
    _, _, body, trailer = seen["agent"]
    check(body["blob.text"] == b"rest".hex() and body["blob.in_len"] == 4
          and trailer["hub.guest.serial[0]"] == 7, "what the agent of a host saves")
    check(seen["display-lossy"][2]["surfaces.list[0].bottom"] == 4, "and with lossy surfaces")
    check(seen["inputs"][3]["held.list[1].x"] == -3, "those of inputs")
    check(seen["vmc"][3]["identity.name"] == b"org.x\x1b".hex(), "those of a port")
    _, _, body, trailer = seen["smartcard"]
    check(body["reader_added"] is True and body["read_data"] == "0000000700"
          and trailer["identity.name"] == b"smartcard".hex(), "and of a smart card reader")
    text, _ = dump(os.path.join(folder, "inputs"))
    check(re.search(r"held\.list\[1\]\.kind +2 \(0x2\)  motion\n", text), "text has words")
    check("\x1b" not in dump(os.path.join(folder, "vmc"))[0], "and nothing raw")
    long = bodies["main"] + b"rest"
    check("4 bytes behind it" in dump("-", data=long)[0], "what is not known is told")
    return bodies


def check_hostile(bodies):
    """Cut, and a byte changed, at 150 places of each: an answer or an error that names a place."""
    good = bad = 0
    for data in bodies.values():
        places = range(0, len(data), 1 + len(data) // 150)
        for hurt in ([data[:n] for n in places]
                     + [data[:n] + bytes([data[n] ^ 0xff]) + data[n + 1:] for n in places]):
            done = subprocess.run([CARAVAN, "vmstate", "dump", "--json", "-"], input=hurt,
                                  capture_output=True, timeout=60, check=False)
            if done.returncode not in (0, 2) or done.returncode == 2 and not done.stderr:
                print(hurt.hex(), done.stderr.decode())
                check(False, f"a broken body ends with {done.returncode}")
            good, bad = good + (done.returncode == 0), bad + (done.returncode == 2)
            if done.stdout:
                json.loads(done.stdout)
    check(good and bad, f"broken bodies: {good} are other bodies, {bad} are refused")
    _, said = dump("-", data=bodies["inputs"][:9], code=2)
    check("byte 8, motion_count" in said, said.strip())


def check_bus(blob):
    """In the body of section dbus-vmstate, behind the state of somebody else."""
    others = b"".join(struct.pack(">I", len(x)) + x for x in (b"other", b"CV", b"caravan-agent", blob))
    data = struct.pack(">I", 2) + others
    body = struct.pack(">I", len(data)) + data
    check(dump("-", data=body) == dump("-", data=blob), "the agent's state is found in dbus-vmstate's")
    for n in range(60):
        hurt = body[:n] + bytes([body[n] ^ 0xff]) + body[n + 1:]
        done = subprocess.run([CARAVAN, "vmstate", "dump", "-"], input=hurt, capture_output=True,
                              timeout=60, check=False)
        if done.returncode not in (0, 2):
            check(False, f"byte {n} of dbus-vmstate's body is wrong: {done.returncode}")
    dump("-", data=body[:-1], code=2)


def check_saved_agent():
    """As QEMU saves it while the agent runs."""
    if not shutil.which(QEMU):
        print("no QEMU: the agent's state in a stream is left out")
        return
    with tempfile.TemporaryDirectory(prefix="caravan-test-") as folder:
        port, vnc, bus, stream, body = (os.path.join(folder, name) for name in (
            "port", "vnc", "bus", "stream", "body"))
        agent = subprocess.Popen([CARAVAN, "agent", "--once", "--quiet", "--port", port, "--vnc", vnc,
                                  "--bus", bus])
        try:
            end = time.monotonic() + 30
            while not os.path.exists(bus):
                check(agent.poll() is None and time.monotonic() < end, "caravan agent makes its bus")
                time.sleep(0.02)
            save(stream, ["-M", "pc", "-device", "virtio-serial", "-chardev",
                          f"socket,id=agent,path={port},server=on,wait=on", "-device",
                          "virtserialport,chardev=agent,name=com.redhat.spice.0", "-vnc",
                          f"unix:{vnc},id=agent", "-object", f"dbus-vmstate,id=agent,"
                          f"addr=unix:path={bus},id-list=caravan-agent"])
        finally:
            agent.terminate()
            agent.wait(timeout=30)
        subprocess.run([CARAVAN, "vmstate", "extract", stream, "dbus-vmstate", body], check=True,
                       timeout=60)
        told = json.loads(dump("--json", body)[0])
        check(told["kind"] == "agent" and told["unknown"] == 0, "the agent's state in QEMU's stream")


def check_refusals():
    for data, word in ((b"", "no blob"), (b"QEVM\0\0\0\3", "vmstate inspect"),
                       (b"RIFFxxxx", "no blob"), (b"MNMD" + bytes(40 << 20), "larger")):
        check(word in dump("-", data=data, code=2)[1], f"{data[:4]}: {word}")
    check("nonexistent" in dump("/nonexistent", code=2)[1], "a missing file is named")
    for words in ([], ["a", "b"], ["--nonsense", "a"]):
        dump(*words, code=1)


class Tap:
    """Passes connections on to a port and keeps what its server says."""

    def __init__(self, port):
        self.to, self.said = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            kept = bytearray()
            self.said.append(kept)
            for ends in ((client, server, None), (server, client, kept)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(source, sink, kept):
        try:
            while data := source.recv(1 << 16):
                if kept is not None:
                    kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def bodies(self):
        """The bodies of MIGRATE_DATA messages (type 2, behind a header of six bytes)."""
        for kept in self.said:
            for match in re.finditer(b"\2\0(....)(?:MNMD|DCMD|ICMD|SVMD)\1\0\0\0", bytes(kept), re.S):
                size = struct.unpack("<I", match[1])[0]
                if match.end(1) + size <= len(kept):
                    yield bytes(kept[match.end(1):match.end(1) + size])


def bodies_of_move(libdir):
    with tempfile.TemporaryDirectory(prefix="caravan-test-") as folder, \
            start_pair(folder, True, libdir) as ports:
        source = Monitor(f"{folder}/0")
        target = Monitor(f"{folder}/1")
        tap = Tap(ports[0])
        probe = subprocess.Popen([CARAVAN, "probe", f"spice://127.0.0.1:{tap.port}"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(line):
            probe.stdin.write(line + "\n")
            probe.stdin.flush()

        def until(event, **want):
            for line in probe.stdout:
                seen = json.loads(line)
                if seen["event"] == event and all(seen.get(k) == v for k, v in want.items()):
                    return
            check(False, f"the probe tells {event}")

        ask("wait-primary 1024 768 60")
        until("reply")
        ask("wait-channel inputs 30")
        until("reply")
        source.run("client_migrate_info", protocol="spice", hostname="127.0.0.1", port=ports[1])
        until("migration", state="migrating")
        target.wait_linked(source)
        source.run("migrate", uri=f"unix:{folder}/ram")
        ask(f"wait-moved {ports[1]} 60")
        ask("quit")
        probe.communicate(timeout=90)
        tap.listener.close()
        return list(tap.bodies())


def check_moves():
    if not shutil.which(QEMU) or not os.path.isfile(GUEST):
        print("no QEMU or no guest: bodies of real moves are left out")
        return
    libraries = {"stock": None}
    if os.path.exists(os.path.join(LIBDIR, "libspice-server.so.1")):
        libraries["caravan"] = LIBDIR
    for name, libdir in libraries.items():
        seen = {told[0]: told for told in map(values, bodies_of_move(libdir))}
        check(set(seen) >= {"main", "display", "inputs"}, f"{name}: bodies of {sorted(seen)}")
        check(all(told[1] == 0 for told in seen.values()), f"{name}: every byte has its field")
        check(seen["display"][2]["surfaces.count"] == 1, f"{name}: the display has its surface")
        check(("tiles[0].hashes[0]" in seen["display"][3]) == bool(libdir),
              f"{name}: {'with' if libdir else 'without'} our trailer")


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    written = check_samples(here)
check_hostile(written)
check_bus(written["agent"])
check_saved_agent()
check_refusals()
check_moves()
