# SPDX-License-Identifier: MIT
"""`caravan agent --host-clipboard`: a desktop that is not known, or not named, is a mistake that is told."""
import os
import subprocess

from common import CARAVAN, check

BARE = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


def mistake(value, *words):
    done = subprocess.run([CARAVAN, "agent", "--port", "/nowhere", f"--host-clipboard={value}"], env=BARE,
                          capture_output=True, text=True, timeout=20, check=False)
    check(done.returncode == 1 and all(word in done.stderr for word in words),
          f"{value or 'nothing'}: {done.stderr.strip()}")


mistake("macos", "x11[:DISPLAY]", "wayland[:DISPLAY]", "auto")
mistake("x11ish", "x11[:DISPLAY]")
mistake("", "x11[:DISPLAY]")
mistake("auto", "WAYLAND_DISPLAY", "DISPLAY")
for kind, variable in (("x11", "DISPLAY"), ("wayland", "WAYLAND_DISPLAY")):
    for name in (kind, kind + ":"):
        mistake(name, kind)
