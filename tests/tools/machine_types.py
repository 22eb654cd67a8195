# SPDX-License-Identifier: MIT
"""`caravan vmstate inspect` names every section and field of what QEMU saves, for its machine types with
the usual devices; written back, streams are the same.

Names, types, sizes and values are compared with what the stream's own JSON says, read here the plain
way; section bodies are made again from the fields that inspect told, and put back by `splice`.

usage: machine_types.py [--all]        every machine type with every set of devices, or a few"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import paused
from common import CARAVAN, QEMU, check, need

need(("QEMU", shutil.which(QEMU)))

AUDIO = "-audiodev none,id=a "

# Each set has other devices than the rest; a video device names it. @D@ is a disk image.
SETS = {
    "std": "-vga std -smp 2 -device e1000 -device rtl8139 -drive @D@,if=ide -drive @C@,if=ide,media=cdrom "
           "-device piix3-usb-uhci,id=u -device usb-tablet,bus=u.0 -device usb-kbd,bus=u.0 "
           "-device AC97,audiodev=a -device virtio-balloon-pci -serial null -device i6300esb",
    "cirrus": "-vga cirrus -device ne2k_pci -device pcnet -drive @D@,if=none,id=d "
              "-device virtio-blk-pci,drive=d -device virtio-scsi-pci,id=s "
              "-drive @D@,if=none,id=e -device scsi-hd,bus=s.0,drive=e -device scsi-cd,bus=s.0 "
              "-device usb-ehci,id=u -device piix3-usb-uhci,id=v "
              "-device usb-mouse,bus=v.0 -drive @D@,if=none,id=f "
              "-device usb-storage,bus=u.0,drive=f -device ES1370,audiodev=a "
              "-device sb16,audiodev=a -drive @C@,if=floppy -parallel null",
    "qxl": "-vga qxl -device qxl -device virtio-net-pci -device i82551 -device vmxnet3 "
           "-device e1000e -device ahci,id=h -drive @D@,if=none,id=d -device ide-hd,bus=h.0,drive=d "
           "-device lsi53c895a,id=l -drive @D@,if=none,id=e -device scsi-hd,bus=l.0,drive=e "
           "-device qemu-xhci,id=u -device usb-tablet,bus=u.0 -device usb-hub,bus=u.0 "
           "-device intel-hda -device hda-duplex,audiodev=a -device virtio-serial-pci "
           "-chardev null,id=c -device virtserialport,chardev=c,name=x -device virtio-rng-pci",
    "virtio": "-vga virtio -netdev user,id=n -device virtio-net-pci,netdev=n -device i82557b "
              "-device nec-usb-xhci,id=u -device usb-ccid,bus=u.0 -device pci-ohci,id=o "
              "-device usb-kbd,bus=o.0 -device megasas -device pvscsi -device mptsas1068 "
              "-device am53c974 -device tulip -device intel-hda -device hda-output,audiodev=a "
              "-device gus,audiodev=a -device cs4231a,audiodev=a -device virtio-keyboard-pci "
              "-device virtio-tablet-pci -device virtio-gpu-pci "
              "-device pci-bridge,chassis_nr=1,id=b -device e1000-82545em,bus=b,addr=1",
}
FEW = [("pc-i440fx-1.4", "cirrus"), ("pc-i440fx-2.1", "std"), ("pc-q35-2.12", "virtio"),
       ("pc-q35-7.2", "qxl"), ("pc-i440fx-7.2", "virtio")]

NUMBERS = {"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int8": "b", "int16": "h",
           "int32": "i", "int64": "q", "bool": "?", "timer": "q"}


def machine_types():
    told = subprocess.run([QEMU, "-M", "help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^(pc-(?:i440fx|q35)-\S+)", told, re.M)


def caravan(*arguments):
    done = subprocess.run([CARAVAN, "vmstate", *arguments], capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode:
        check(False, f"caravan vmstate {' '.join(arguments)}: {done.returncode} {done.stderr}")
    return done.stdout


class Layout:
    """What the JSON says of one section: rows of (path, type, place, length), and the heads of
    subsections, from the section's bytes on."""

    def __init__(self, device, body):
        self.rows, self.heads, self.at, self.body = [], [], 0, body
        self.struct(device, "")

    def value(self, path, kind, size):
        if size:
            self.rows.append((path, kind, self.at, size))
        self.at += size

    def field(self, field, stem):
        count, path = field.get("array_len", 1), stem + field["name"]
        if "index" in field:
            path += f"[{field['index']}]"
        if "array_len" in field:
            path = path.removesuffix("[0]")  # the list is named for its first element
        inner = field.get("struct") or (field if field["type"] == "tmp" else None)
        if not inner and field["type"] == "uint8" and count > 1:
            self.value(path, "uint8", field["size"] * count)
            return
        for i in range(count):
            name = f"{path}[{i}]" if "array_len" in field else path
            if inner:
                self.struct(inner, name + ".")
            else:
                self.value(name, field["type"], field["size"])

    def struct(self, layout, stem):
        for field in layout.get("fields", []):
            self.field(field, stem)
        for sub in layout.get("subsections", []):
            name = sub["vmsd_name"].encode()
            head = b"\5" + bytes([len(name)]) + name + struct.pack(">I", sub["version"])
            self.heads.append((self.at, head))
            self.at += len(head)
            self.struct(sub, f"{stem}<{name.decode()}>.")


def number(kind, raw):
    form = NUMBERS.get(kind.split(" ")[0])
    return struct.unpack(">" + form, raw)[0] if form and struct.calcsize(form) == len(raw) else None


def encoded(field, length):
    """The bytes of a field that inspect told."""
    value = field["value"]
    if isinstance(value, str):
        return bytes.fromhex(value)
    return (value & (1 << 8 * length) - 1).to_bytes(length, "big")


def compare_section(seen, device, stream, header):
    """The body made again from the fields, or words of what is wrong."""
    start = seen["offset"] + header
    body = stream[start:start + seen["bytes"]]
    layout = Layout(device, body)
    fields = seen["fields"]
    if [f["path"] for f in fields] != [row[0] for row in layout.rows]:
        odd = [(f["path"], row[0]) for f, row in zip(fields, layout.rows) if f["path"] != row[0]]
        return None, f"{len(fields)} fields, {len(layout.rows)} in the JSON; {odd[:3]}"
    again = bytearray(len(body))
    for at, head in layout.heads:
        again[at:at + len(head)] = head
    for field, (path, kind, at, size) in zip(fields, layout.rows):
        raw, wanted = body[at:at + size], number(kind, body[at:at + size])
        if field["type"] != kind:
            return None, f"{path} is {field['type']}, not {kind}"
        if wanted is not None and field["value"] != wanted:
            return None, f"{path} is {field['value']}, not {wanted}"
        if wanted is None and not isinstance(field["value"], str):
            return None, f"{path} is {field['value']}, not {raw.hex()}"
        again[at:at + size] = encoded(field, size)
    if layout.at != len(body) or again != body:
        return None, "its fields do not give its bytes"
    return bytes(again), ""


def sections_of(stream, description, seen):
    """Pairs of a section that inspect told and its device in the JSON, their headers checked."""
    told = [s for s in seen["sections"] if s["described"]]
    if [(s["name"], s["instance"]) for s in told] != [(d["name"], d["instance_id"])
                                                      for d in description["devices"]]:
        check(False, "other sections than in the JSON")
    for section, device in zip(told, description["devices"]):
        name = section["name"].encode()
        head = (b"\4" + struct.pack(">IB", section["id"], len(name)) + name
                + struct.pack(">II", section["instance"], section["version"]))
        at = section["offset"]
        if stream[at:at + len(head)] != head or device.get("version", section["version"]) \
                != section["version"]:
            check(False, f"{section['name']} is not where and what inspect says")
        yield section, device, len(head)


def check_stream(title, path, turn):
    """What inspect says of it; returns how many sections and fields there were."""
    with open(path, "rb") as file:
        stream = file.read()
    at = stream.rindex(b'{"page_size"')
    description = json.loads(stream[at:])
    seen = json.loads(caravan("inspect", "--json", "--fields", path))
    if not seen["complete"] or seen["bytes"] != len(stream) or seen["after"]:
        check(False, f"{title}: not read to its end")
    wrong, fields, bodies = [], 0, []
    for section, device, header in sections_of(stream, description, seen):
        body, words = compare_section(section, device, stream, header)
        bodies.append((section, body))
        fields += len(section["fields"])
        if words:
            wrong.append(f"{section['name']}: {words}")
    unnamed = [s["name"] for s in seen["sections"] if not s["described"] and s["name"] != "ram"]
    if wrong or unnamed:
        check(False, f"{title}: {wrong} {unnamed}")
    check_writing(title, path, stream, *bodies[turn % len(bodies)])
    return len(seen["sections"]), fields


def check_writing(title, path, stream, section, body):
    """The whole through the reader and the writer, with one section from its fields."""
    with open(path + ".body", "wb") as file:
        file.write(body)
    caravan("splice", path, f"{section['name']}:{section['instance']}", path + ".body",
            path + ".again")
    with open(path + ".again", "rb") as file:
        if file.read() != stream:
            check(False, f"{title}: written back it is another stream")
    os.remove(path + ".again")


def main(folder):
    rows = [(m, s) for m in machine_types() for s in SETS] if "--all" in sys.argv else FEW
    for name, size in (("disk", 1 << 20), ("floppy", 1440 << 10)):
        with open(f"{folder}/{name}", "wb") as file:
            file.truncate(size)
    path, total, fields = f"{folder}/stream", 0, 0
    for turn, (machine, video) in enumerate(rows):
        words = AUDIO + SETS[video].replace("@D@", f"file={folder}/disk,format=raw,snapshot=on")
        words = words.replace("@C@", f"file={folder}/floppy,format=raw,snapshot=on").split()
        paused.save(path, ["-M", f"{machine},suppress-vmdesc=off", "-m", "16", *words])
        found = check_stream(f"{machine}, {video}", path, turn)
        print(f"{machine}, {video}: {found[0]} sections, {found[1]} fields", flush=True)
        total, fields = total + found[0], fields + found[1]
    print(f"{len(rows)} streams, {total} sections, {fields} fields")
    check(True, "every section and field of the JSON is named, with its value; written back the same")


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    main(here)
