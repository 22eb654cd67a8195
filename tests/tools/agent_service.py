# SPDX-License-Identifier: MIT
"""The unit of `caravan agent` is one that systemd takes, and is confined as its program needs no more."""
import os
import shutil
import subprocess
import sys
import tempfile

from common import CARAVAN, check, need

MOST = 20  # tenths of systemd's exposure level, 0 to 100

need(("systemd-analyze", shutil.which("systemd-analyze")),
     ("caravan-agent@.service: caravan-agent was not built", os.path.exists(sys.argv[1])))


def analyze(*arguments):
    """systemd-analyze's exit code and words."""
    done = subprocess.run(["systemd-analyze", *arguments], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return done.returncode, done.stdout


def main(unit, folder):
    copy = os.path.join(folder, os.path.basename(unit))
    with open(unit, encoding="utf-8") as file:
        text = file.read()
    words = [line.split("=", 1)[1].split()[0] for line in text.splitlines()
             if line.startswith("ExecStart=")]
    check(len(words) == 1 and os.path.basename(words[0]) == "caravan", f"it starts {words}")
    with open(copy, "w", encoding="utf-8") as file:  # what it starts is not installed yet
        file.write(text.replace(words[0], os.path.abspath(CARAVAN)))
    status, said = analyze("verify", "--man=no", copy.replace("@.", "@vm1."))
    check(status == 0 and os.path.basename(copy)[:13] not in said, f"verify: {status}: {said}")
    status, said = analyze("security", "--offline=true", f"--threshold={MOST}", "--no-pager", copy)
    last = said.strip().splitlines()[-1]
    check(status == 0, f"security: {last}")
    print(last)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1], scratch)
