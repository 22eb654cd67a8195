# SPDX-License-Identifier: MIT
"""`caravan vmstate inspect` reads what QEMU writes: to the end, every section as QEMU describes it;
and old streams as far as they can be read without layouts."""
import glob
import gzip
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from common import CARAVAN, QEMU, check, need
from streams import save

need(("QEMU", shutil.which(QEMU)))

MACHINES = [
    ("pc, std", ["-M", "pc", "-vga", "std"]),
    ("pc 1.4, cirrus", ["-M", "pc-i440fx-1.4", "-vga", "cirrus", "-device", "rtl8139"]),
    ("pc 2.12, qxl, virtio", ["-M", "pc-i440fx-2.12", "-vga", "qxl", "-device", "virtio-net-pci",
                              "-device", "virtio-balloon-pci", "-device", "virtio-serial-pci"]),
    ("q35, qxl, usb, sound", ["-M", "q35", "-vga", "qxl", "-device", "qemu-xhci", "-device",
                              "usb-tablet", "-device", "usb-hub", "-audiodev", "none,id=a",
                              "-device", "intel-hda", "-device", "hda-duplex,audiodev=a"]),
    ("q35, virtio", ["-M", "q35", "-smp", "2", "-vga", "virtio", "-device", "virtio-scsi-pci",
                     "-device", "virtio-keyboard-pci", "-device", "e1000e", "-device", "lsi53c895a"]),
    ("pc, vmware, many", ["-M", "pc", "-vga", "vmware", "-netdev", "user,id=n", "-device",
                          "e1000,netdev=n", "-usb", "-device", "usb-kbd", "-device", "pcnet",
                          "-device", "ES1370,audiodev=a", "-audiodev", "none,id=a"]),
]


def inspect(*arguments, data=None, code=0):
    done = subprocess.run([CARAVAN, "vmstate", "inspect", *arguments], input=data,
                          capture_output=True, timeout=120, check=False)
    if done.returncode != code:
        print(done.stderr.decode())
        check(False, f"{arguments} ends with {code}, not {done.returncode}")
    return done.stdout.decode(), done.stderr.decode()


def description(stream):
    at = stream.rindex(b'{"page_size"')
    size = struct.unpack(">I", stream[at - 4:at])[0]
    check(at + size == len(stream) and stream[at - 6:at - 4] == b"\0\6", "the JSON is the end")
    return json.loads(stream[at:])


def leaves(fields):
    """How many values the JSON has, and the names of the structs' own fields."""
    for field in fields:
        count = field.get("array_len", 1)
        if field["type"] == "struct":
            inner = field["struct"]
            yield from list(every_leaf(inner)) * count
        elif field["type"] == "tmp":
            yield from every_leaf(field)
        elif field["size"] and field["type"] == "uint8" and count > 1:
            yield field["type"], field["size"] * count
        elif field["size"]:
            yield from [(field["type"], field["size"])] * count


def every_leaf(layout):
    yield from leaves(layout.get("fields", []))
    for subsection in layout.get("subsections", []):
        yield from every_leaf(subsection)


def last_pages(stream, block, size):
    """The block's content, from QEMU's own record format, read the plain way."""
    ram = bytearray(size)
    at = stream.index(b"\3ram") + 12
    known, current = {}, None
    while True:
        word = struct.unpack(">Q", stream[at:at + 8])[0]
        at += 8
        flags, place = word & 0xfff, word & ~0xfff
        if flags == 4:
            while place:
                n = stream[at]
                name, length = stream[at + 1:at + 1 + n], struct.unpack(
                    ">Q", stream[at + 1 + n:at + 9 + n])[0]
                known[name] = length
                place -= length
                at += 9 + n
            continue
        if flags == 16:
            at += 5 if stream[at] == 0x7e else 0  # a footer
            if stream[at] not in (2, 3):
                return ram
            at += 5
            continue
        if not flags & 32:
            n = stream[at]
            current = stream[at + 1:at + 1 + n]
            at += 1 + n
        if flags & 8:
            if current == block:
                ram[place:place + 4096] = stream[at:at + 4096]
            at += 4096
        else:
            if current == block:
                ram[place:place + 4096] = stream[at:at + 1] * 4096
            at += 1


def check_fields(seen, device):
    sizes = {"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "int8": 1, "int16": 2, "int32": 4,
             "int64": 8, "bool": 1, "timer": 8}
    wanted = list(every_leaf(device))
    got = [(f["type"], len(f["value"]) // 2 if isinstance(f["value"], str)
            else sizes[f["type"].split(" ")[0]]) for f in seen["fields"]]
    return wanted == got


def check_modern(name, arguments, folder):
    path = os.path.join(folder, "stream")
    save(path, arguments)
    with open(path, "rb") as file:
        stream = file.read()
    devices = description(stream)["devices"]
    seen = json.loads(inspect("--json", "--fields", path)[0])
    check(seen["complete"] and seen["bytes"] == len(stream) and seen["after"] == 0,
          f"{name}: read to its end, no rest")
    sections = [s for s in seen["sections"] if s["described"]]
    check([(s["name"], s["instance"]) for s in sections]
          == [(d["name"], d["instance_id"]) for d in devices], f"{name}: {len(devices)} sections")
    check({s["name"] for s in seen["sections"] if not s["described"]} == {"ram"},
          f"{name}: and RAM")
    check(all(d.get("version", s["version"]) == s["version"] for s, d in zip(sections, devices)),
          f"{name}: their versions")
    wrong = [s["name"] for s, d in zip(sections, devices) if not check_fields(s, d)]
    check(not wrong, f"{name}: every field of the JSON, by type and size {wrong}")
    state = next(s for s in sections if s["name"] == "globalstate")
    value = next(f["value"] for f in state["fields"] if f["path"] == "runstate")
    check(bytes.fromhex(value).startswith(b"prelaunch\0"), f"{name}: the run state is legible")
    for block in seen["ram"]:
        check(block["zero"] + block["data"] == -(-block["bytes"] // 4096),
              f"{name}: all pages of {block['name']} were sent")
    bios = next(b for b in seen["ram"] if b["name"] == "pc.bios")
    content = last_pages(stream, b"pc.bios", bios["bytes"])
    zero = sum(not any(content[i:i + 4096]) for i in range(0, len(content), 4096))
    check(bios["zero"] == zero, f"{name}: {zero} pages of the BIOS are zero")
    window = json.loads(inspect("--json", path, "--ram", "pc.bios", str(bios["bytes"] - 20), "20")[0])
    check(bytes.fromhex(window["window"]["bytes"]) == content[-20:]
          and window["window"]["known"] == "+" * 20, f"{name}: --ram shows the BIOS's end")
    return stream


def check_capabilities(folder):
    """Ways of saving that change RAM's records or the configuration."""
    path = os.path.join(folder, "stream")
    uuid = ["-uuid", "12345678-1234-1234-1234-123456789abc"]
    save(path, ["-M", "pc"])
    plain = json.loads(inspect("--json", path)[0])
    for name in ("compress", "xbzrle", "validate-uuid", "auto-converge"):
        save(path, ["-M", "pc", *uuid], name)
        seen = json.loads(inspect("--json", path)[0])
        check(seen["complete"] and [s["name"] for s in seen["sections"]]
              == [s["name"] for s in plain["sections"]], f"saved with {name}: read to its end")
        if name == "compress":
            bios = next(b for b in seen["ram"] if b["name"] == "pc.bios")
            check(bios["records"]["compressed"] > 10 and bios["encoded"]
                  == bios["records"]["compressed"], "compressed pages are told apart")
    save(path, ["-M", "pc"], "x-ignore-shared")
    _, said = inspect(path, code=2)
    check("x-ignore-shared" in said, "what cannot be read is named")


def check_disks(folder):
    """Disks that are migrated along, and the machine's UUID."""
    path, disk = os.path.join(folder, "stream"), os.path.join(folder, "disk")
    with open(disk, "wb") as file:
        file.write(b"x" * (2 << 20))
        file.truncate(7 << 20)
    uuid = "12345678-1234-1234-1234-123456789abc"
    save(path, ["-M", "pc", "-uuid", uuid, "-drive", f"file={disk},format=raw,if=virtio,id=d"],
         "block", "validate-uuid")
    seen = json.loads(inspect("--json", path)[0])
    check(seen["complete"] and [d["blocks"] for d in seen["disks"]] == [7], f"{seen['disks']}")
    check(seen["uuid"] == uuid, "the UUID is told")
    text, _ = inspect(path)
    check(re.search(r"\nd  .* 7340032 ", text) and uuid in text, "and so in words")


def check_progress(folder):
    """On a terminal a bar, unless --quiet, and none in a pipe."""
    path = os.path.join(folder, "large")
    name = b"\x06pc.ram"
    page = struct.pack(">Q", 0x28) + b"x" * 4096
    with open(path, "wb") as file:
        file.write(b"QEVM" + struct.pack(">IBIB", 3, 1, 2, 3) + b"ram" + struct.pack(">II", 0, 4))
        file.write(struct.pack(">Q", 4096 << 12 | 4) + name + struct.pack(">Q", 4096 << 12))
        file.write(struct.pack(">Q", 8) + name + b"x" * 4096)
        file.write(page * 8191)  # the same page again and again
        file.write(struct.pack(">Q", 16) + b"\0")
    said = {}
    for quiet in ([], ["--quiet"]):
        ours, theirs = pty.openpty()
        with subprocess.Popen([CARAVAN, "vmstate", "inspect", *quiet, path], stdout=theirs,
                              env={**os.environ, "TERM": "xterm"}) as process:
            os.close(theirs)
            out = b""
            try:
                while more := os.read(ours, 65536):
                    out += more
            except OSError:  # the other end is closed
                pass
            os.close(ours)
            check(process.wait(timeout=60) == 0, "a stream of RAM alone is read")
        said[bool(quiet)] = out
    check(re.search(rb"reading .* 50 %  16\.0 MiB of 32\.1 MiB", said[False]), "a bar on a terminal")
    check(b"reading" not in said[True], "none with --quiet")
    check("reading" not in inspect(path)[0], "none in a pipe")


def check_undescribed(folder):
    """Machine types for which QEMU writes no description unless it is asked to."""
    path = os.path.join(folder, "stream")
    save(path, ["-M", "pc-i440fx-2.1"])
    text, said = inspect("--json", path, code=3)
    check("'cpu'" in said and "suppress-vmdesc=off" in said, "pc 2.1: stops, with a remedy")
    check(all(b["unsent"] == 0 for b in json.loads(text)["ram"]), "pc 2.1: RAM was read")
    save(path, ["-M", "pc-i440fx-2.1,suppress-vmdesc=off"])
    check(json.loads(inspect("--json", path)[0])["complete"], "and the remedy helps")


def check_words(stream, folder):
    """What is said to people: through a pipe, of a part, and when something is wrong."""
    path = os.path.join(folder, "stream")
    with open(path, "wb") as file:
        file.write(stream)
    text, said = inspect("-", data=stream)
    check(text == inspect(path)[0] and not said, "a pipe gives the same as the file")
    text, _ = inspect("--section", "globalstate", path)
    check("runstate" in text and "pc.ram" not in text, "--section gives that section alone")
    _, said = inspect("--section", "nonsense", path, code=4)
    check("nonsense" in said, "a section that is not there is named")
    _, said = inspect("--section", "ram", path, code=4)
    check("no fields" in said, "RAM has no fields")
    _, said = inspect("--ram", "nonsense", "0", "16", path, code=4)
    check("nonsense" in said, "a block that is not there is named")
    text, _ = inspect("-", data=stream + b"rest")
    check("4 bytes follow" in text, "bytes behind the stream are told")
    _, said = inspect("/nonexistent", code=2)
    check("/nonexistent" in said, "a missing file is named")
    _, said = inspect("-", data=b"", code=2)
    check("the input ends" in said, "so is an empty one")
    _, said = inspect("-", data=stream[:1000], code=2)
    check("at byte 1000" in said and "'ram'" in said, "a cut one says where")
    _, said = inspect("-", data=stream[:-1], code=3)
    check("cut off" in said, "one without its description may be cut off")
    at = stream.index(b"globalstate") - 2
    wrong = stream[:at - 4] + b"\7" + stream[at - 3:]
    _, said = inspect("-", data=wrong, code=2)
    check("footer" in said or "type" in said, f"a wrong byte is found: {said.strip()}")
    for words in (["--ram", "pc.ram", "0"], ["--ram", "pc.ram", "x", "1", path], [],
                  ["--ram", "pc.ram", "0", "0x7fffffff", path], [path, path], ["--nonsense", path]):
        inspect(*words, code=1)
    check(True, "wrong command lines end with 1")


def check_old():
    """Streams of qemu-kvm 1.0 and QEMU 2.0 have no description: built-in layouts say what is in them."""
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.environ.get("CARAVAN_STREAMS", os.path.join(here, "../../../shared/streams"))
    paths = sorted(glob.glob(os.path.join(root, "*.mig.gz")))
    for path in paths:
        with gzip.open(path) as file:
            stream = file.read()
        name = os.path.basename(path)
        seen = json.loads(inspect("--json", "--fields", "-", data=stream)[0])
        check(seen["complete"] and seen["bytes"] == len(stream), f"{name}: read to its end")
        check(seen.get("flavour") == (None if name.startswith("q20") else "qemu-kvm-1.0"),
              f"{name}: {seen.get('flavour')}")
        pit = next(s for s in seen["sections"] if s["name"] == "i8254")
        check({f["path"] for f in pit["fields"]} > {"flags", "channels[2].mode", "irq_timer"},
              f"{name}: its fields have names")
    print(f"{len(paths)} old streams")


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    for title, options in MACHINES:
        last = check_modern(title, options, here)
    check_capabilities(here)
    check_undescribed(here)
    check_disks(here)
    check_progress(here)
    check_words(last, here)
check_old()
