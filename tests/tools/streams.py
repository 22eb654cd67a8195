# SPDX-License-Identifier: MIT
"""Migration streams from a real QEMU, for the tests of `caravan vmstate`."""
import json
import subprocess
import sys

from common import QEMU


def ask(process, command, **arguments):
    process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    process.stdin.flush()
    while True:
        line = process.stdout.readline()
        if not line:
            sys.exit("FAILED: QEMU ended")
        answer = json.loads(line)
        if "return" in answer:
            return answer["return"]
        if "error" in answer:
            sys.exit(f"FAILED: {command}: {answer['error']['desc']}")


def save(path, arguments, *capabilities):
    """A VM that never ran, saved to a file."""
    process = subprocess.Popen(
        [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg", "-S", "-m", "32", "-display",
         "none", "-qmp", "stdio", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    try:
        ask(process, "qmp_capabilities")
        ask(process, "migrate-set-capabilities",
            capabilities=[{"capability": c, "state": True} for c in ("events", *capabilities)])
        ask(process, "migrate", uri=f"exec:cat > {path}")
        while True:
            line = process.stdout.readline()
            if not line:
                sys.exit("FAILED: QEMU ended")
            event = json.loads(line)
            if event.get("event") == "MIGRATION":
                status = event["data"]["status"]
                if status in ("failed", "cancelled"):
                    sys.exit("FAILED: QEMU cannot save")
                if status == "completed":
                    break
        ask(process, "quit")
        process.wait(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
