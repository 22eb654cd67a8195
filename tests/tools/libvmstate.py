# SPDX-License-Identifier: MIT
"""libvmstate, installed, can be used alone: headers, pkg-config, shared and static; it exports what
its headers declare and nothing else; libspice-server has nothing of it to show."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from common import CARAVAN, QEMU, check, need
from streams import save

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("MESON_BUILD_ROOT", os.path.join(HERE, "../../build"))
CC = os.environ.get("CC", "cc").split()

need(("QEMU", shutil.which(QEMU)), ("pkg-config", shutil.which("pkg-config")),
     ("meson", shutil.which("meson")), ("nm", shutil.which("nm")))


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, **more)
    if done.returncode:
        sys.exit(f"FAILED: {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def declared(folder):
    """Names of the functions in the headers."""
    names = set()
    for header in glob.glob(f"{folder}/*.h"):
        with open(header, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S).replace("\\\n", "")
        text = re.sub(r"^ *#.*$", "", text, flags=re.M)
        text = re.sub(r"\{[^{}]*\}", "", re.sub(r"\{[^{}]*\}", "", text))
        text = re.sub(r"^typedef[^;]*;", "", text, flags=re.M)
        names |= set(re.findall(r"\b(\w+)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*;", text))
    return names


def exported(library):
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    return {line.split()[2].split("@")[0] for line in lines if line.split()[1] != "A"}


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    tree = os.path.join(here, "tree")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", tree)
    pc = run("find", tree, "-name", "vmstate.pc").strip()
    check(pc, "vmstate.pc is installed")
    libdir = os.path.dirname(os.path.dirname(pc))
    with open(pc, encoding="utf-8") as file:
        text = file.read()
    with open(pc, "w", encoding="utf-8") as file:  # where the tree is, for the prefix it is meant for
        file.write(re.sub("^prefix=", f"prefix={tree}", text, flags=re.M))
    environment = {**os.environ, "PKG_CONFIG_PATH": os.path.dirname(pc)}
    stream = os.path.join(here, "stream")
    save(stream, ["-M", "pc", "-vga", "qxl"])
    seen = json.loads(run(CARAVAN, "vmstate", "inspect", "--json", "--fields", stream))
    parts = sum(s["parts"] for s in seen["sections"])
    values = sum(len(s.get("fields", [])) for s in seen["sections"])

    for kind in ("shared", "static"):
        program = os.path.join(here, kind)
        flags = run("pkg-config", "--cflags", "--libs", *(["--static"] if kind == "static" else []),
                    "vmstate", env=environment).split()
        if kind == "static":
            flags = ["-l:libvmstate.a" if f == "-lvmstate" else f for f in flags]
        run(*CC, "-Wall", "-Wextra", "-Werror", "-o", program,
            os.path.join(HERE, "libvmstate_user.c"), *flags)
        out = run(program, stream, env={**os.environ, "LD_LIBRARY_PATH": libdir})
        check(out == f"x = -2\ny = 7\n{parts} sections, {values} values, written again\n",
              f"a program that uses it {kind}: {out.splitlines()[-1]}")
        needs = run("readelf", "-d", program)
        check(("libvmstate.so.0" in needs) == (kind == "shared"), f"and it is linked {kind}")

    names = declared(glob.glob(f"{tree}/**/include/vmstate", recursive=True)[0])
    symbols = exported(f"{libdir}/libvmstate.so.0")
    check(len(names) > 30 and names == symbols,
          f"{len(symbols)} symbols, those of the headers {sorted(names ^ symbols)}")

    server = f"{libdir}/libspice-server.so.1"
    check(not [s for s in exported(server) if s.startswith(("vmstate_", "fields_"))]
          and "libvmstate" not in run("readelf", "-d", server),
          "libspice-server neither shows nor needs it")
