# SPDX-License-Identifier: MIT
"""A probe tells a seamless move from a semi-seamless one, with the system's own SPICE servers."""
import json
import subprocess
import tempfile

from common import CARAVAN, check, need_qemu
from pair import Monitor, start_pair

need_qemu()


def move(seamless):
    """Events of a probe that went along with a move, and the target's port."""
    with tempfile.TemporaryDirectory() as folder, start_pair(folder, seamless) as ports:
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
        source.run("migrate", uri=f"unix:{folder}/ram")
        ask(f"wait-moved {ports[1]} 30")
        ask("wait-picture 3 10")
        ask("channels")
        ask("quit")
        rest, _ = probe.communicate(timeout=90)
        events += [json.loads(line) for line in rest.splitlines()]
        check(probe.returncode == 0, "the probe ends well")
        return events, ports[1]


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
