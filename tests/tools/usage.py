# SPDX-License-Identifier: MIT
"""The command line: help and version say what there is, mistakes are named and end with 1."""
import os
import re
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

HERE = os.path.dirname(os.path.abspath(__file__))
COMPLETION = os.path.join(HERE, "../../tools/caravan/caravan.bash-completion")


def complete(*words):
    """What bash offers behind these words."""
    script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _caravan; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    path = os.path.dirname(os.path.abspath(CARAVAN)) + ":" + os.environ["PATH"]
    done = subprocess.run(["bash", "-c", script, COMPLETION, "caravan", *words], timeout=60,
                          capture_output=True, text=True, check=True, env={**os.environ, "PATH": path})
    return done.stdout.split()


listing = run("vmstate", "--help").stdout
actions = [line.split()[0] for line in listing[listing.index("Actions:"):].splitlines()
           if line.startswith("  ")]
check(set(complete("")) >= {*names, "--version"}, f"bash completes {names}")
check(complete("vmstate", "") == [*actions, "--help"], f"and {actions}")
with open(os.path.join(HERE, "../../tools/caravan/caravan-vmstate.1"), encoding="utf-8") as page:
    page = page.read()
for action in actions:
    help_text = run("vmstate", action, "--help")
    options = set(re.findall(r"--[a-z][a-z-]*", help_text.stdout))
    check(help_text.returncode == 0 and set(complete("vmstate", action, "--")) == options,
          f"and the options of {action}: {sorted(options)}")
    check("Exit:" in help_text.stdout, f"{action} --help tells its exit codes")
    own = os.path.join(HERE, f"../../tools/caravan/caravan-vmstate-{action}.1")
    text = page
    if os.path.exists(own):
        with open(own, encoding="utf-8") as file:
            text = file.read()
    text = text.replace("\\-", "-")
    check(f"caravan vmstate {action}" in text, f"{action} has a man page")
    missing = {o for o in options - {"--help"} if o not in text}
    check(not missing, f"which has its options {sorted(missing)}")

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
