# SPDX-License-Identifier: MIT
"""The guests that are built from Debian's packages (tests/guest-NAME), each in a folder of the build."""
import functools
import os
import subprocess
import sys

from .run import Skip, check

TESTS = os.path.join(os.path.dirname(__file__), "..", "..")


@functools.lru_cache(maxsize=None)
def prepare(bench, name, seconds):
    """The folder with that guest's files, made unless they are there; Skip if that cannot be."""
    variable = f"CARAVAN_{name.upper()}_GUEST"
    folder = os.environ.get(variable)
    if not folder:
        raise Skip(f"no folder for the {name} guest ({variable})")
    folder = os.path.abspath(folder)
    done = subprocess.run([sys.executable, os.path.join(TESTS, f"guest-{name}", "build.py"), folder],
                          text=True, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    bench.say(done.stdout.strip())
    if done.returncode == 77:
        raise Skip(f"no packages, or a tool is missing, for the {name} guest")
    check(done.returncode == 0, f"the {name} guest cannot be built")
    return folder
