# SPDX-License-Identifier: MIT
"""The command line: help and version say what there is, mistakes are named and end with 1."""
import os
import shutil
import subprocess
import tempfile

from common import CARAVAN, check


def run(*arguments):
    return subprocess.run([CARAVAN, *arguments], capture_output=True, text=True, timeout=20,
                          check=False)


listing = run("--help")
check(listing.returncode == 0, "--help ends with 0")
names = [line.split()[0] for line in listing.stdout.splitlines() if line.startswith("  ")]
check("probe" in names and "demo" in names, "it lists probe and demo")
for name in names:
    help_text = run(name, "--help")
    check(help_text.returncode == 0 and "Usage:" in help_text.stdout, f"{name} --help")

with tempfile.TemporaryDirectory(prefix="caravan-test-") as folder:
    alone = shutil.copy(CARAVAN, os.path.join(folder, "caravan"))
    lost = subprocess.run([alone, "probe", "--help"], capture_output=True, text=True, timeout=20,
                          check=False)
    # an installed one may stand in
    check(lost.returncode == 0 or (lost.returncode == 127 and "caravan-viewer" in lost.stderr),
          "without caravan-viewer it says what is missing")
    help_text = subprocess.run([alone, "vmstate", "--help"], capture_output=True, timeout=20,
                               check=False)
    check(help_text.returncode == 0, "and vmstate works all the same")

version = run("--version")
check(version.returncode == 0 and version.stdout.startswith("caravan "), "--version")

MISTAKES = [
    ([], "Usage:"),
    (["nonsense"], "nonsense"),
    (["probe"], "URI"),
    (["probe", "spice://a:1", "spice://b:1"], "URI"),
    (["probe", "--nonsense", "spice://a:1"], "nonsense"),
    (["probe", "--set", "nonsense=1", "spice://a:1"], "nonsense"),
    (["probe", "--set", "cache-size=big", "spice://a:1"], "cache-size"),
    (["probe", "--script", "/nonexistent", "spice://a:1"], "script"),
    (["demo", "extra"], "arguments"),
    (["demo", "--vga", "cga"], "--vga"),
    (["demo", "--libdir", "", "--guest", "/nonexistent"], "guest"),
]
for words, named in MISTAKES:
    wrong = run(*words)
    check(wrong.returncode == 1 and named in wrong.stderr, f"{words} is refused and named")
