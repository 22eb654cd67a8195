# SPDX-License-Identifier: MIT
"""`caravan vmstate check` agrees with what QEMU does: each pair is saved and loaded for real.

usage: vmstate_check.py [--all]        all pairs of check_pairs.py, or those for CI"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import paused
from check_pairs import PAIRS
from common import CARAVAN, QEMU, check, need

need(("QEMU", shutil.which(QEMU)))


class Tally:
    """What came out, of one way of asking."""

    def __init__(self, name):
        self.name, self.right, self.wrong = name, 0, []

    def add(self, pair, told, real):
        if told == real:
            self.right += 1
        else:
            self.wrong.append(pair)


def words(text, folder):
    parts = shlex.split(text.replace("@DISK@", f"{folder}/disk").replace("@FLASH@", f"{folder}/flash"))
    return parts if "-m" in parts else ["-m", "16", *parts]


def ask(path, target, *options, source=None):
    """(loads, what was found)"""
    command = shlex.join([QEMU, *paused.BASE, *target])
    given = ["--source", shlex.join([QEMU, *paused.BASE, *source])] if source else [path]
    done = subprocess.run([CARAVAN, "vmstate", "check", "--json", *given, "--target", command,
                           *options], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode not in (0, 2):
        check(False, f"check ends with {done.returncode}: {done.stderr}")
    told = json.loads(done.stdout)
    check_quiet(told["loads"] == (done.returncode == 0), "the exit code says the same")
    check_quiet(told["loads"] or any(f["kind"] != "note" for f in told["findings"]),
                "a no has a reason")
    return told["loads"], told


def check_quiet(good, what):
    if not good:
        check(good, what)


def run_pair(pair, folder, tallies):
    name, source, target, _ = pair
    target = source + target[1:] if target.startswith("+") else target
    path = os.path.join(folder, "stream")
    source, target = words(source, folder), words(target, folder)
    paused.save(path, source)
    alone, told = ask(path, target, "--rehearse=never")
    usual, _ = ask(path, target)
    before, _ = ask(path, target, "--rehearse=never", source=source)
    refusal = paused.load(path, target)
    for tally, answer in zip(tallies, (usual, alone, before)):
        tally.add(name, answer, refusal is None)
    print(f"{'loads ' if refusal is None else 'refuses'} {name}")
    if (refusal is None) != alone or "-v" in sys.argv:
        print(f"   QEMU: {refusal}")
        for finding in told["findings"]:
            if finding["kind"] != "note":
                print(f"   {finding['kind']}: {finding.get('where', '')}: {finding['reason']}")
    return refusal is None


def main(folder):
    pairs = PAIRS if "--all" in sys.argv else [p for p in PAIRS if p[3]]
    chosen = [a for a in sys.argv[1:] if not a.startswith("-")]
    if chosen:
        pairs = [p for p in PAIRS if p[0] in chosen]
    with open(f"{folder}/disk", "wb") as file:
        file.truncate(1440 << 10)
    with open(f"{folder}/flash", "wb") as file:
        file.write(b"\xff" * (256 << 10))
    tallies = [Tally("as usual"), Tally("without a rehearsal"), Tally("of two command lines")]
    loaded = [run_pair(pair, folder, tallies) for pair in pairs]
    print(f"{len(pairs)} pairs, QEMU refuses {loaded.count(False)}")
    for tally in tallies:
        print(f"check {tally.name}: {tally.right} of {len(pairs)} agree; not: {tally.wrong}")
    check(not tallies[0].wrong, "check agrees with QEMU")
    check(len(tallies[1].wrong) * 20 <= len(pairs), "nearly always without a rehearsal too")
    check(chosen or loaded.count(False) * 3 >= len(pairs), "a good part of the pairs fails")


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    main(here)
