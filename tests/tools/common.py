# SPDX-License-Identifier: MIT
"""What the tests of the caravan command share: QEMUs with the system's own SPICE server, and checks.

The environment gives CARAVAN (the command) and GUEST_IMG (an image from guest/). Exit 77: skipped."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

QEMU = os.environ.get("CARAVAN_QEMU", "qemu-system-x86_64")
CARAVAN = os.environ.get("CARAVAN", "caravan")
GUEST = os.environ.get("GUEST_IMG", "")
os.environ.pop("LD_LIBRARY_PATH", None)  # meson's: QEMU would load our library for the system's


def check(good, what):
    if not good:
        print(f"FAILED: {what}")
        sys.exit(1)
    print(f"ok: {what}")


def need(*things):
    for thing, present in things:
        if not present:
            print(f"skipped: no {thing}")
            sys.exit(77)


def need_qemu():
    need(("QEMU", shutil.which(QEMU)), ("guest image (GUEST_IMG)", os.path.isfile(GUEST)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Vm:
    """A QEMU with the system's libspice-server on a unix socket, ended by `with`."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="caravan-test-")
        self.socket = os.path.join(self.folder, "spice")
        self.uri = "spice+unix://" + self.socket
        spice = f"unix=on,addr={self.socket}"
        if not any("id=ticket" in a for a in arguments):
            spice += ",disable-ticketing=on"
        else:
            spice += ",password-secret=ticket"
        command = [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg", "-m", "64",
                   "-display", "none", "-vga", "std", "-spice", spice,
                   "-serial", f"file:{self.folder}/serial",
                   "-drive", f"file={GUEST},format=raw,snapshot=on", *arguments]
        self.process = subprocess.Popen(command)
        end = time.monotonic() + 10
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit("FAILED: QEMU does not come up")
            time.sleep(0.02)

    def wait_ready(self):
        """Until the guest takes keys."""
        end = time.monotonic() + 30
        while not self.serial_has("ready"):
            if time.monotonic() > end:
                sys.exit("FAILED: the guest does not come up")
            time.sleep(0.05)

    def serial_has(self, text):
        path = os.path.join(self.folder, "serial")
        if not os.path.exists(path):  # QEMU makes it after the SPICE socket
            return False
        with open(path, encoding="latin-1") as serial:
            return text in serial.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def probe(uri, lines, *options, timeout=60):
    """Runs `caravan probe` with these lines; gives exit code, events and what stderr said."""
    done = subprocess.run([CARAVAN, "probe", *options, uri], input="".join(f"{x}\n" for x in lines),
                          capture_output=True, text=True, timeout=timeout, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, events, done.stderr


def replies(events):
    return [e for e in events if e["event"] == "reply"]
