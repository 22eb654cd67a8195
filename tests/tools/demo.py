# SPDX-License-Identifier: MIT
"""The demo to its end: a seamless move seen from the client. Arguments: VGA [--own] [--clients N].

Without --own it runs the system's own SPICE server, else the one in CARAVAN_LIBDIR."""
import argparse
import os
import subprocess
import tempfile

from common import CARAVAN, GUEST, QEMU, check, need, need_qemu

parser = argparse.ArgumentParser()
parser.add_argument("vga")
parser.add_argument("--own", action="store_true")
parser.add_argument("--clients", type=int, default=1)
options = parser.parse_args()

need_qemu()
libdir = os.environ.get("CARAVAN_LIBDIR", "") if options.own else ""
if options.own:
    need(("library (CARAVAN_LIBDIR)", os.path.exists(f"{libdir}/libspice-server.so.1")))

with tempfile.TemporaryDirectory() as folder:
    done = subprocess.run([CARAVAN, "demo", "--libdir", libdir, "--guest", GUEST, "--qemu", QEMU,
                           "--vga", options.vga, "--clients", str(options.clients),
                           "--out", folder],
                          capture_output=True, text=True, timeout=150, check=False)
    print(done.stdout, done.stderr)
    check(done.returncode == 0, "it ends with 0")
    check("\033" not in done.stdout and "\r" not in done.stdout, "no colours but on a terminal")
    server = os.path.realpath(libdir) if options.own else "(the system's)"
    for text in (server, "announced", "VM stopped", "VM running", "session moved",
                 "picture continues", "18 of 18 codes"):
        check(text in done.stdout, f"it tells: {text}")
    check(done.stdout.count("all kept, none begun anew") == options.clients, "all channels are kept")
    check(done.stdout.count("exactly the VM's own") == 2, "both pictures are the VM's own")
    for name in ("before.png", "after.png", "timeline.png"):
        with open(os.path.join(folder, name), "rb") as file:
            check(file.read(8) == b"\x89PNG\r\n\x1a\n", f"{name} is there")
    check(not os.path.exists(os.path.join(folder, "after-vm.png")), "no picture of a difference")
