# SPDX-License-Identifier: MIT
"""A stream as qemu-kvm 1.0 or QEMU 1.0 wrote it, made of one that today's QEMU saved: sections that
they did not have are left out, the others get the names, versions and layouts that they had."""
import json
import struct
import subprocess
import sys
import time

from common import CARAVAN, GUEST, QEMU
from streams import ask

MACHINE = ["-machine", "pc-i440fx-1.4,accel=tcg", "-net", "none", "-drive",
           f"if=ide,index=0,format=raw,snapshot=on,file={GUEST}"]
CIRRUS = ["-vga", "cirrus", "-global", "cirrus-vga.vgamem_mb=16"]
NOT_THERE = ("parallel_isa",)
# Bytes without subsections that came later, and versions.
FIXED = {"cpu": 1817, "fdc": 545, "ps2kbd": 284, "rtl8139": 638, "e1000": 67608, "usb-hub": 61,
         "uhci": 311}
VERSION = {"rtl8139": 4, "uhci": 2, "lsiscsi": 0, "i6300esb_wdt": 1368}
PIIX4_GPE = 300


def save_running(path, folder, arguments):
    """Lets the guest boot and saves it."""
    serial = f"{folder}/saved-serial"
    process = subprocess.Popen(
        [QEMU, "-no-user-config", "-display", "none", *MACHINE, *arguments, "-serial",
         f"file:{serial}", "-qmp", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    try:
        ask(process, "qmp_capabilities")
        end = time.monotonic() + 60
        while "ready" not in open(serial, encoding="latin-1").read():
            if time.monotonic() > end:
                sys.exit("FAILED: the guest does not come up")
            time.sleep(0.05)
        ask(process, "stop")
        ask(process, "migrate", uri=f"exec:cat > {path}")
        while (state := ask(process, "query-migrate")["status"]) != "completed":
            if state in ("failed", "cancelled"):
                sys.exit("FAILED: QEMU cannot save")
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()


def words_for_bytes(body):
    """piix4_pm of QEMU 1.0: as many words as bytes were meant; behind the first whatever lay there."""
    sts, en, rest = body[PIIX4_GPE:PIIX4_GPE + 2], body[PIIX4_GPE + 2:PIIX4_GPE + 4], b"\x5a" * 6
    return body[:PIIX4_GPE] + sts + rest + en + rest + body[PIIX4_GPE + 4:]


def old_section(name, version, body, kvm_fork):
    device = name.rsplit("/", 1)[-1]
    if device.startswith("usb-"):
        name = name.split("/", 1)[1]
    if device == "virtio-balloon":
        body = body[:14] + b"\x00\x05" + body[16:]
    if device == "i8254":
        version, body = 2, body if kvm_fork else body[4:]
    if device == "piix4_pm":
        version, body = 2, body if kvm_fork else words_for_bytes(body)
    return name, VERSION.get(device, version), body[:FIXED.get(device)]


def make(path, folder, *arguments, kvm_fork=True, screen=None):
    """Returns the stream's bytes, too."""
    modern = f"{folder}/modern"
    save_running(modern, folder, [*(screen or CIRRUS), *arguments])
    with open(modern, "rb") as file:
        data = file.read()
    told = json.loads(subprocess.run([CARAVAN, "vmstate", "inspect", "--json", modern], check=True,
                                     capture_output=True).stdout)
    devices = [s for s in told["sections"] if s["name"] not in ("ram", "block", "slirp")]
    old = [data[:devices[0]["offset"]]]
    for section in devices:
        if section["name"] in NOT_THERE or (section["name"] == "kvm-tpr-opt" and not kvm_fork):
            continue
        at = section["offset"] + 14 + len(section["name"])
        name, version, body = old_section(section["name"], section["version"],
                                          data[at:at + section["bytes"]], kvm_fork)
        old.append(struct.pack(">BIB", 4, section["id"], len(name)) + name.encode() +
                   struct.pack(">II", section["instance"], version) + body)
    old.append(b"\0")
    with open(path, "wb") as file:
        file.write(b"".join(old))
    return b"".join(old)
