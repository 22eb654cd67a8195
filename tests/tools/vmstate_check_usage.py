# SPDX-License-Identifier: MIT
"""The command line of `caravan vmstate check`: answers, remedies and exit codes in each of its forms."""
import json
import os
import shlex
import shutil
import subprocess
import tempfile

import paused
from common import CARAVAN, QEMU, check, need

need(("QEMU", shutil.which(QEMU)))

SAVED = ["-M", "pc-i440fx-7.1", "-m", "16", "-vga", "std", "-device", "e1000,addr=5"]


def line(*words):
    return shlex.join([QEMU, *paused.BASE, *words])


def run(*arguments, given=None):
    with open(given or os.devnull, "rb") as file:
        return subprocess.run([CARAVAN, "vmstate", "check", *arguments], stdin=file, text=True,
                              capture_output=True, timeout=180, check=False)


def answers(done, code, *words):
    told = done.stdout + done.stderr
    missing = [word for word in words if word not in told]
    if done.returncode != code or missing:
        print(told)
    check(done.returncode == code and not missing, f"{shlex.join(done.args[3:])[:90]}: {code}")


def test_answers(path):
    same, other = line(*SAVED), line(*["pc-i440fx-7.2" if "7.1" in w else w for w in SAVED])
    answers(run(path, "--target", same), 0, "yes, it will load", "loaded it")
    answers(run("-", "--target", same, given=path), 0, "yes, it will load", "only once")
    answers(run("--source", same, "--target", same), 0, "yes, it will load")
    answers(run("--source", same, "--target", other), 2, "no, it will not load")
    answers(run(path, "--target", other), 2, "remedy: -machine pc-i440fx-7.1", "convert does this",
            "converted for the target's machine type it would load")
    answers(run(path, "--target", line(*SAVED[:-2])), 2, "/e1000: the target has no such device",
            "remedy: -device e1000,addr=0x5.0")
    answers(run(path, "--target", line(*SAVED, "-m", "32")), 2, "remedy: -m 16")
    more = line(*SAVED, "-device", "rtl8139")
    check("note" in run(path, "--target", more).stdout, "a device more is worth a note")
    check("note" not in run(path, "--quiet", "--target", more).stdout, "but not if it is quiet")
    wacom = line(*SAVED, "-usb", "-device", "usb-wacom-tablet")
    answers(run(path, "--target", wacom), 2, "QEMU does not migrate")
    answers(run("--source", wacom, "--target", same), 2, "QEMU saves nothing")
    told = json.loads(run(path, "--json", "--target", other).stdout)
    check(told["loads"] is False and told["findings"][0]["code"] == "machine-type" and
          told["findings"][0]["convert"], "JSON has what the text has")


def test_schema(path, folder):
    for machine, code in (("pc-i440fx-7.1", 0), ("pc-i440fx-7.2", 2)):
        schema = f"{folder}/schema.json"
        subprocess.run([QEMU, "-M", machine, "-dump-vmstate", schema], check=True, timeout=60,
                       capture_output=True)
        answers(run(path, "--schema", schema), code, "there is only a schema")
    with open(schema, encoding="utf-8") as file:
        text = json.load(file)
    text["vmschkmachine"]["Name"] = "pc-i440fx-7.1"
    for device in text.values():
        if device.get("Description", {}).get("name") == "e1000":
            device["Description"]["version_id"] = 1
    with open(schema, "w", encoding="utf-8") as file:
        json.dump(text, file)
    answers(run(path, "--schema", schema), 2, "the target reads up to 1")


def test_mistakes(path, folder):
    same = line(*SAVED)
    cut = f"{folder}/cut"
    with open(path, "rb") as whole, open(cut, "wb") as part:
        part.write(whole.read(20000))
    for words in ([], [path], [path, path, "-t", same], ["-t", same], ["--nonsense", path],
                  ["--source", same, "--schema", path], [path, "-t", same, "--rehearse", "maybe"],
                  [path, "-t", same, "--timeout", "-1"], [path, "-t", same, "--schema", path]):
        answers(run(*words), 1, "--help' helps")
    answers(run(cut, "-t", same), 3, "broken at byte 20000")
    answers(run(f"{folder}/nothing", "-t", same), 3, "nothing")
    answers(run(path, "-t", line("-M", "nonsense")), 4, "the target cannot be asked", "machine type")
    answers(run("--source", line("-M", "nonsense"), "-t", same), 4, "the source cannot be asked")
    answers(run(path, "-t", "/nonexistent/qemu -M pc"), 4, "the target cannot be asked")
    answers(run(path, "-t", "qemu 'unclosed"), 4, "the target cannot be asked")
    answers(run(path, "--schema", cut), 4, "cut")


def main(folder):
    path = f"{folder}/stream"
    paused.save(path, SAVED)
    test_answers(path)
    test_schema(path, folder)
    test_mistakes(path, folder)


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    main(here)
