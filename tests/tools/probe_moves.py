# SPDX-License-Identifier: MIT
"""A probe tells a seamless move from a semi-seamless one, with the system's own SPICE servers."""
import json
import os
import socket
import subprocess
import tempfile
import time

from common import CARAVAN, GUEST, QEMU, check, free_port, need_qemu

need_qemu()


class Monitor:
    def __init__(self, path):
        end = time.monotonic() + 15
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while "return" not in (answer := json.loads(self.file.readline())):
            check("error" not in answer, f"QEMU takes {command}")


def move(seamless):
    """Events of a probe that went along with a move, and the target's port."""
    with tempfile.TemporaryDirectory() as folder:
        ports = [free_port(), free_port()]
        channel = os.path.join(folder, "ram")
        vms = []
        for index, port in enumerate(ports):
            vms.append(subprocess.Popen(
                [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg", "-m", "64",
                 "-display", "none", "-vga", "std", "-drive",
                 f"file={GUEST},format=raw,snapshot=on",
                 "-qmp", f"unix:{folder}/{index},server=on,wait=off",
                 "-spice", f"port={port},addr=127.0.0.1,disable-ticketing=on,"
                           f"seamless-migration={'on' if seamless else 'off'}",
                 *(["-incoming", f"unix:{channel}"] if index else [])]))
        try:
            source = Monitor(f"{folder}/0")
            Monitor(f"{folder}/1")
            probe = subprocess.Popen([CARAVAN, "probe", f"spice://127.0.0.1:{ports[0]}"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            events = []

            def until(matches):
                for line in probe.stdout:
                    events.append(json.loads(line))
                    if matches(events[-1]):
                        return
                check(False, "the probe goes on")

            def ask(line):
                probe.stdin.write(line + "\n")
                probe.stdin.flush()

            ask("wait-primary 1024 768 20")
            ask("wait-channel inputs 10")
            ask("wait-channel cursor 10")
            until(lambda e: e["event"] == "reply" and e["cmd"] == "wait-channel")
            until(lambda e: e["event"] == "reply")
            source.run("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                       port=ports[1])
            until(lambda e: e["event"] == "migration" and e["state"] == "migrating")
            ask("sleep 1")  # the client links every channel at the target meanwhile
            until(lambda e: e["event"] == "reply")
            source.run("migrate", uri=f"unix:{channel}")
            ask(f"wait-moved {ports[1]} 30")
            ask("wait-picture 3 10")
            ask("channels")
            ask("quit")
            rest, _ = probe.communicate(timeout=90)
            events += [json.loads(line) for line in rest.splitlines()]
            check(probe.returncode == 0, "the probe ends well")
            return events, ports[1]
        finally:
            for vm in vms:
                vm.kill()
                vm.wait()


for seamless in (True, False):
    name = "seamless" if seamless else "semi-seamless"
    events, port = move(seamless)
    moved = {e["type"]: e for e in events if e["event"] == "channel-moved"}
    check(sorted(moved) == ["cursor", "display", "inputs", "main"], f"{name}: every channel moves")
    check(all(e["port"] == port for e in moved.values()), "to the target")
    resets = {kind for kind, e in moved.items() if e["reset"]}
    check(resets == (set() if seamless else {"cursor", "display", "inputs"}),
          f"reset are: {sorted(resets)}")
    check(not any(e["event"] in ("channel-closed", "channel-error") for e in events),
          "none closes")
    channels = next(e["channels"] for e in events if e.get("cmd") == "channels")
    check(sorted(c["serial"] for c in channels) == [1, 2, 3, 4], "the objects are the same")
    check(all(c["opened"] == 1 and c["moves"] == 1 for c in channels), "each moved once")
