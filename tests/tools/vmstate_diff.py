# SPDX-License-Identifier: MIT
"""`caravan vmstate diff`, `extract`, `splice`: what is changed is told and nothing else; what is taken
out and put back gives the same bytes; what does not fit is refused and nothing is left."""
import glob
import gzip
import json
import os
import shutil
import subprocess
import tempfile

from common import CARAVAN, QEMU, check, need
from streams import save

need(("QEMU", shutil.which(QEMU)))


def run(*words, code=0, data=None):
    done = subprocess.run([CARAVAN, "vmstate", *words], input=data, capture_output=True, timeout=60,
                          check=False)
    if done.returncode != code:
        print(done.stderr.decode())
        check(False, f"{words} ends with {code}, not {done.returncode}")
    return done.stdout, done.stderr.decode()


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def get(path):
    with open(path, "rb") as file:
        return file.read()


def check_round_trip(stream, names, out):
    """Each section out and in again."""
    whole = gzip.decompress(get(stream)) if stream.endswith(".gz") else get(stream)
    body, again = os.path.join(out, "body"), os.path.join(out, "again")
    for name in names:
        run("extract", stream, name, body)
        run("splice", stream, name, body, again)
        check(get(again) == whole, f"{os.path.basename(stream)}, {name}: {len(get(body))} bytes out "
              "and in again, the same stream")
        os.unlink(again)


def check_fields(a, out):
    """A byte of a section is changed: that field is told."""
    body, b = os.path.join(out, "body"), os.path.join(out, "b")
    run("extract", a, "mc146818rtc", body)
    rtc = bytearray(get(body))
    check(run("extract", a, "mc146818rtc", "-")[0] == bytes(rtc), "- is standard output")
    rtc[128] ^= 3  # behind 128 bytes of CMOS
    put(body, rtc)
    run("splice", a, "mc146818rtc:0", body, b)
    text, _ = run("diff", a, b, code=1)
    check(text.decode().splitlines() == ["mc146818rtc:0", "  cmos_index: 0 -> 3"],
          "one field differs, and that is told")
    told = json.loads(run("diff", "--json", a, b, code=1)[0])
    check(not told["same"] and told["ram"] == [] and told["sections"] == [
        {"name": "mc146818rtc", "instance": 0, "versions": [3, 3],
         "fields": [{"path": "cmos_index", "type": "uint8", "first": 0, "second": 3}]}],
          "so does the JSON")
    run("extract", a, "vga", body)
    vga = bytearray(get(body))
    vga[276 + 4 + 1 + 8 + 1 + 6] = 5  # gr[6], behind the PCI part, latch and sequencer
    put(body, vga)
    run("splice", a, "vga", body, b)
    text, _ = run("diff", a, b, code=1)
    check("vga.gr[0x06] (miscellaneous): 0 -> 5" in text.decode(), "registers are named")


def check_ram(a, out):
    """A page of RAM is changed: it is counted."""
    b, whole = os.path.join(out, "b"), bytearray(get(a))
    seen = json.loads(run("inspect", "--json", "--ram", "pc.bios", "0x3ff00", "256", a)[0])
    whole[whole.index(bytes.fromhex(seen["window"]["bytes"]))] ^= 1
    put(b, whole)
    text, _ = run("diff", a, b, code=1)
    text = text.decode().splitlines()
    check(len(text) == 1 and text[0].startswith("RAM pc.bios: of 64 pages, 1 changed"), text)
    told = json.loads(run("diff", "--json", a, b, code=1)[0])
    check(told["sections"] == [] and told["ram"][0]["changed"] == 1, "so does the JSON")


def check_machines(a, out):
    b = os.path.join(out, "b")
    save(b, ["-M", "pc-i440fx-6.2", "-vga", "std", "-device", "e1000"])
    text = run("diff", a, b, code=1)[0].decode()
    check("machine: pc-i440fx-7.2 -> pc-i440fx-6.2" in text
          and "0000:00:03.0/e1000:0: only in the second\n" in text
          and "RAM 0000:00:03.0/e1000.rom: only in the second" in text, "other devices are told")
    check("only in the first" in run("diff", b, a, code=1)[0].decode(), "and the other way round")


def check_refusals(a, out):
    body, b, whole = os.path.join(out, "body"), os.path.join(out, "refused"), get(a)
    run("extract", a, "vga", body)
    for words, code, said in (
            (("extract", a, "nonsense", b), 4, "no such section"),
            (("extract", a, "dma", b), 4, "several"),
            (("extract", a, "ram", b), 4, "in parts"),
            (("extract", a, "vga"), 1, "give"),
            (("extract", a, "vga", os.path.join(out, "no", "where")), 2, "No such file"),
            (("splice", a, "cpu", body, b), 2, "shorter than its description"),
            (("splice", a, "vga", "/nonexistent", b), 2, "nonexistent"),
            (("diff", a), 2, "two files"),
            (("diff", a, "/nonexistent"), 2, "nonexistent")):
        check(said in run(*words, code=code)[1], f"{words[0]} {words[2:3]}: {said}")
    put(body, get(body) + b"x")
    check("longer" in run("splice", a, "vga", body, b, code=2)[1], "a body that is too long")
    put(body, whole[:len(whole) // 2])
    run("extract", body, "vga", b, code=2)
    run("splice", body, "vga", a, b, code=2)
    run("diff", a, body, code=2)
    check(not glob.glob(b + "*"), "nothing is left of what was refused")


def check_old(out):
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.environ.get("CARAVAN_STREAMS", os.path.join(here, "../../../shared/streams"))
    for name in ("tick", "stdvga"):
        path = os.path.join(root, name + ".mig.gz")
        if os.path.exists(path):
            check_round_trip(path, ["cpu", "piix4_pm"], out)
            run("diff", path, path)


with tempfile.TemporaryDirectory(prefix="caravan-test-") as folder:
    first = os.path.join(folder, "a")
    save(first, ["-M", "pc-i440fx-7.2", "-vga", "std"])
    check(run("diff", first, first)[0] == b"", "a save and itself: nothing differs")
    check(run("diff", first, "-", data=get(first))[0] == b"", "nor from a pipe")
    check_round_trip(first, ["vga", "cpu:0", "dma:1", "0000:00:01.3/piix4_pm"], folder)
    check_fields(first, folder)
    check_ram(first, folder)
    check_machines(first, folder)
    check_refusals(first, folder)
    check_old(folder)
