# SPDX-License-Identifier: MIT
"""However a demo ends, it says why, with the right exit code, and leaves no QEMU behind."""
import os
import re
import signal
import subprocess
import tempfile
import time

from common import CARAVAN, GUEST, QEMU, check, need_qemu

need_qemu()


def gone(pid, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def start(folder, *options):
    """A demo whose leftovers, if it is killed, lie in folder too."""
    return subprocess.Popen([CARAVAN, "demo", "--libdir", "", "--guest", GUEST, "--qemu", QEMU,
                             "--out", folder, *options],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "TMPDIR": folder})


def until(demo, text):
    """Reads its lines up to the one with text; the pids of the QEMUs it told of."""
    pids = []
    for line in demo.stdout:
        pids += [int(p) for p in re.findall(r"pid (\d+)", line)]
        if text in line:
            return pids
    check(False, f"the demo came to '{text}'")
    return pids


with tempfile.TemporaryDirectory() as folder:
    for name, number, code in (("SIGINT", signal.SIGINT, 130), ("SIGTERM", signal.SIGTERM, 130)):
        demo = start(folder)
        pids = until(demo, "connected")
        demo.send_signal(number)
        _, said = demo.communicate(timeout=30)
        check(demo.returncode == code and "interrupted" in said, f"{name}: {code}")
        check(all(gone(p) for p in pids), "no QEMU is left")

    demo = start(folder)
    pids = until(demo, "announced")
    demo.kill()
    demo.communicate(timeout=30)
    check(len(pids) == 2 and all(gone(p) for p in pids), "even SIGKILL leaves no QEMU")

    for text, index, name in (("connected", 1, "target"), ("connected", 0, "source"),
                              ("announced", 1, "target")):
        demo = start(folder)
        pids = until(demo, text)
        os.kill(pids[index], signal.SIGKILL)
        out, said = demo.communicate(timeout=90)
        check(demo.returncode == 2 and "caravan demo:" in said,
              f"the {name} dies after '{text}': 2, with a reason ({demo.returncode}: {said[-300:]})")
        check(all(gone(p) for p in pids), "no QEMU is left")

    demo = start(folder, "--clients", "2")
    pids = until(demo, "connected")
    _, said = demo.communicate(timeout=90)
    check(demo.returncode in (0, 2) and (demo.returncode == 0 or "source QEMU died" in said),
          "a server that can't move two clients is what is named")
    check(all(gone(p) for p in pids), "no QEMU is left")

    demo = start(folder, "--qemu-arg", "-nonsense")
    _, said = demo.communicate(timeout=30)
    check(demo.returncode == 2 and "nonsense" in said, "QEMU does not start: 2, and its words")

    empty = os.path.join(folder, "empty")
    os.mkdir(empty)
    demo = subprocess.run([CARAVAN, "demo", "--libdir", empty, "--guest", GUEST, "--out", folder],
                          capture_output=True, text=True, timeout=60, check=False)
    check(demo.returncode == 2 and "not the one in" in demo.stderr,
          "a library that is not the one asked for is noticed")
