# SPDX-License-Identifier: MIT
"""The demo with the system's own SPICE server: a seamless move seen from the client, to the end."""
import os
import subprocess
import sys
import tempfile

from common import CARAVAN, GUEST, QEMU, check, need_qemu

need_qemu()
vga = sys.argv[1] if len(sys.argv) > 1 else "std"

with tempfile.TemporaryDirectory() as folder:
    done = subprocess.run([CARAVAN, "demo", "--libdir", "", "--guest", GUEST, "--qemu", QEMU,
                           "--vga", vga, "--out", folder],
                          capture_output=True, text=True, timeout=150, check=False)
    print(done.stdout, done.stderr)
    check(done.returncode == 0, "it ends with 0")
    check("\033" not in done.stdout and "\r" not in done.stdout, "no colours but on a terminal")
    for line in ("(the system's)", "announced", "VM stopped", "VM running", "session moved",
                 "picture continues", "all kept, none reopened", "18 of 18 codes"):
        check(line in done.stdout, f"it tells: {line}")
    check(done.stdout.count("exactly the VM's own") == 2, "both pictures are the VM's own")
    for name in ("before.png", "after.png", "timeline.png"):
        with open(os.path.join(folder, name), "rb") as file:
            check(file.read(8) == b"\x89PNG\r\n\x1a\n", f"{name} is there")
