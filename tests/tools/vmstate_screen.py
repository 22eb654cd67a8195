# SPDX-License-Identifier: MIT
"""`caravan vmstate inspect --screenshot` draws what QEMU's own screendump shows, pixel for pixel:
each kind of mode of each kind of VGA, noise in all of its memory and in the palette."""
import os
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

from common import CARAVAN, QEMU, check, need
from paused import Paused

HERE = os.path.dirname(os.path.abspath(__file__))
need(("QEMU", shutil.which(QEMU)), ("nasm", shutil.which("nasm")))

TEXT = {"WINDOW": 0xb800, "BYTES": 4000}
CGA = {"WINDOW": 0xb800, "BYTES": 16384}
PLANES = {"PLANES": 1}
# -vga, what it is, mode, how it is filled
CASES = [
    ("std", "text", 0x03, TEXT),
    ("std", "text, 40 columns", 0x01, TEXT),
    ("std", "4 colours", 0x04, CGA),
    ("std", "2 colours", 0x06, CGA),
    ("std", "16 colours, doubled", 0x0d, PLANES),
    ("std", "16 colours", 0x12, PLANES),
    ("std", "256 colours, doubled", 0x13, {}),
    ("std", "8 bits", 0x101, {"BANKS": 5}),
    ("std", "15 bits", 0x110, {"BANKS": 10}),
    ("std", "16 bits", 0x111, {"BANKS": 10}),
    ("std", "24 bits", 0x112, {"BANKS": 15}),
    ("std", "32 bits", 0x142, {"BANKS": 19}),
    ("cirrus", "text", 0x03, TEXT),
    ("cirrus", "16 colours", 0x12, PLANES),
    ("cirrus", "8 bits", 0x101, {"BANKS": 5}),
    ("cirrus", "15 bits", 0x110, {"BANKS": 10}),
    ("cirrus", "16 bits", 0x111, {"BANKS": 10}),
    ("cirrus", "24 bits", 0x112, {"BANKS": 15}),
    ("qxl", "32 bits", 0x142, {"BANKS": 19}),
    ("virtio", "text", 0x03, TEXT),
    ("virtio", "32 bits", 0x142, {"BANKS": 19}),
]


def assemble(path, mode, how):
    defines = {"MODE": mode, "PALETTE": 1, "PLANES": 0, "BANKS": 1, "WINDOW": 0xa000,
               "BYTES": 0x10000, **how}
    subprocess.run(["nasm", "-f", "bin", *(f"-D{k}={v}" for k, v in defines.items()),
                    os.path.join(HERE, "screen_guest.asm"), "-o", path], check=True)


def show_and_save(here, vga, mode, how):
    """Runs the guest until its picture stands, then the screendump and the stream."""
    image, serial, dump, stream = (os.path.join(here, n)
                                   for n in ("image", "serial", "dump.ppm", "stream"))
    assemble(image, mode, how)
    with Paused(["-m", "16", "-vga", vga, "-serial", f"file:{serial}", "-drive",
                 f"file={image},format=raw,if=floppy,snapshot=on"]) as vm:
        vm.ask("cont")
        end = time.monotonic() + 30
        while "ready" not in open(serial, encoding="latin-1").read():
            if time.monotonic() > end:
                check(False, "the guest comes up")
            time.sleep(0.02)
        vm.ask("stop")
        vm.ask("screendump", filename=dump)
        vm.migration("migrate", f"exec:cat > {stream}")
    with open(dump, "rb") as file:
        return stream, file.read()


def draw(stream, path, *options):
    done = subprocess.run([CARAVAN, "vmstate", "inspect", "--screenshot", path, *options, stream],
                          capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0 and not done.stderr, f"it is drawn {done.stderr}")
    with open(path, "rb") as file:
        return file.read()


def png_rows(data):
    """The rows of an RGB PNG, by the format's own rules."""
    at, idat = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", chunk[:10])
        if kind == b"IDAT":
            idat += chunk
        at += size + 12
    assert (depth, color) == (8, 2)
    raw, stride = zlib.decompress(idat), width * 3
    rows, above = [], bytes(stride)
    for y in range(height):
        at = y * (stride + 1)
        kind, row = raw[at], bytearray(raw[at + 1:at + 1 + stride])
        for i in range(stride):
            left = row[i - 3] if i >= 3 else 0
            corner = above[i - 3] if i >= 3 else 0
            guess = left + above[i] - corner
            near = min((left, above[i], corner), key=lambda v: abs(guess - v))
            row[i] = row[i] + (0, left, above[i], (left + above[i]) // 2, near)[kind] & 0xff
        rows.append(bytes(row))
        above = row
    return b"P6\n%d %d\n255\n" % (width, height) + b"".join(rows)


def check_words(stream, here):
    """What cannot be drawn is said, and no picture is left."""
    path = os.path.join(here, "none.png")
    done = subprocess.run([CARAVAN, "vmstate", "inspect", "--screenshot", path, "-s", "ps2kbd",
                           stream], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 4 and "no screenshot" in done.stderr and not os.path.exists(path),
          "a section that is no video device's has no picture")
    done = subprocess.run([CARAVAN, "vmstate", "inspect", "--screenshot", "/nonexistent/x.png",
                           stream], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 4 and "No such file" in done.stderr, "nor one without a place for it")
    with open(stream, "rb") as file:
        piped = subprocess.run([CARAVAN, "vmstate", "inspect", "--json", "--screenshot", path, "-"],
                               stdin=file, capture_output=True, text=True, timeout=60, check=True)
    check('"screenshot": {"width": ' in piped.stdout and os.path.exists(path),
          "a pipe will do, and the JSON tells the size")


with tempfile.TemporaryDirectory(prefix="caravan-test-") as folder:
    for card, what, number, filling in CASES:
        saved, wanted = show_and_save(folder, card, number, filling)
        drawn = draw(saved, os.path.join(folder, "drawn.ppm"))
        check(drawn == wanted and len(set(wanted[15:3000])) > 1,
              f"{card}, {what}: {wanted[3:12].split()[0].decode()} pixels wide, as QEMU shows it")
        if what == "4 colours":
            check(png_rows(draw(saved, os.path.join(folder, "drawn.png"))) == wanted,
                  "the PNG has the same pixels")
    check_words(saved, folder)
