# SPDX-License-Identifier: MIT
"""`caravan probe --follow` tells a move step by step, as JSON lines and for people."""
import json
import re
import signal
import subprocess
import tempfile
import time

from common import CARAVAN, check, need_qemu
from pair import Monitor, start_pair

need_qemu()


def follow(port, *options):
    return subprocess.Popen([CARAVAN, "probe", "--follow", *options, f"spice://127.0.0.1:{port}"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def until(client, lines, matches):
    for line in client.stdout:
        lines.append(line.rstrip("\n"))
        if matches(lines[-1]):
            return
    check(False, f"the probe goes on after {lines[-3:]}")


def move(seamless, *options):
    """The lines of a follower that went along with a move, and the target's port."""
    with tempfile.TemporaryDirectory() as folder, start_pair(folder, seamless) as ports:
        source = Monitor(f"{folder}/0")
        Monitor(f"{folder}/1")
        client, lines = follow(ports[0], *options), []
        for _channel in range(4):
            until(client, lines, lambda line: "linked" in line)
        source.run("client_migrate_info", protocol="spice", hostname="127.0.0.1", port=ports[1])
        until(client, lines, lambda line: "announced" in line)
        time.sleep(1)  # the client links every channel at the target meanwhile
        source.run("migrate", uri=f"unix:{folder}/ram")
        until(client, lines, lambda line: '"picture"' in line or " picture:" in line)
        client.send_signal(signal.SIGTERM)
        check(client.wait(timeout=10) == 0, "a signal ends it cleanly")
        client.stdout.close()
        return lines, ports[1]


def check_machine(lines, port, how):
    steps = [json.loads(line) for line in lines]
    check({step["event"] for step in steps} <= {"move", "end"}, "nothing else is told")
    mine = [step for step in steps if step.get("move") == 1]
    check([step["step"] for step in mine][0] == "announced", "it begins with the announcement")
    moved = [step for step in mine if step["step"] == "moved"]
    check({step["type"] for step in moved} == {"main", "display", "inputs", "cursor"},
          "every channel's step is told")
    check({step["port"] for step in moved} == {port}, "they are at the target")
    check({step["how"] for step in moved if step["type"] != "main"} == {how}, f"they moved {how}")
    over = next(step for step in mine if step["step"] == "over")
    check(over["how"] == how and over["channels"] == 4, f"in all it was {how}")
    check(mine[-1]["step"] == "picture" and mine[-1]["gap_ms"] > 0, "the pause is told")
    times = [step["ms"] for step in mine]
    check(times == sorted(times) and times[-1] >= 1000, "times count from the announcement")


check_machine(*move(True), "seamless")
people, target = move(False, "--text")
print("\n".join(people))
for wanted in (r"move 1 +\+0\.0 ms +announced", r"move 1 +\+\d+\.\d ms +display 0 moved: semi-seamless, "
               rf"port {target}", r"move 1 +\+\d+\.\d ms +over: semi-seamless, 4 channels"):
    check(any(re.fullmatch(wanted, line) for line in people), f"people are told {wanted}")
