# SPDX-License-Identifier: MIT
"""`caravan vmstate convert`: what qemu-kvm 1.0 and QEMU 1.0 saved runs on in today's QEMU, by the
command line that is told; what cannot be is refused by name and leaves nothing behind.

usage: vmstate_convert.py [--all]     --all: every stream in ../shared/streams, more machine types"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

import old_stream
from common import CARAVAN, GUEST, check, need_qemu
from converted import Loaded, convert, prepare

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STREAMS = os.environ.get("CARAVAN_STREAMS", os.path.join(ROOT, "..", "shared", "streams"))
FEW = ["tick", "usbtab"]
NEW_TYPES = ["pc-i440fx-2.12", "pc-i440fx-7.2"]
ALL_TYPES = [f"pc-i440fx-{v}" for v in (
    "1.5 1.6 1.7 2.0 2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 3.0 3.1 4.0 4.1 4.2 5.0 5.1 5.2 "
    "6.0 6.1 6.2 7.0 7.1").split()]
# Saved under KVM with the PIC in the kernel: what it forgot, by hand.
# What else QEMU 1.0 had: a stream of our own with each, in `--all`.
CARD = "ctrl_mac_addr=off,mq=off,disable-modern=on"
DEVICES = {
    "four processors": ["-smp", "4"], "4 GiB": ["-m", "4096"], "no HPET": ["-no-hpet"],
    "no ACPI": ["-no-acpi"], "a second CD-ROM": ["-drive", "if=ide,index=1,media=cdrom"],
    "rtl8139": ["-device", "rtl8139"], "pcnet": ["-device", "pcnet"],
    "e1000": ["-device", "e1000,autonegotiation=off,romfile="], "ne2k_pci": ["-device", "ne2k_pci"],
    "ne2k_isa": ["-device", "ne2k_isa,iobase=0x300,irq=9"], "i82801": ["-device", "i82801"],
    "virtio-net": ["-device", f"virtio-net-pci,vectors=3,{CARD}"],
    "virtio-blk": ["-drive", f"if=none,id=v,format=raw,snapshot=on,file={GUEST}", "-device",
                   "virtio-blk-pci,disable-modern=on,drive=v,vectors=2,num-queues=1,config-wce=off"],
    "virtio-serial": ["-device", "virtio-serial-pci,disable-modern=on", "-device", "virtconsole,nr=0",
                      "-device", "virtserialport,nr=3"],
    "virtio-balloon": ["-device", "virtio-balloon-pci,disable-modern=on"],
    "lsi": ["-device", "lsi53c895a"], "i6300esb": ["-device", "i6300esb"],
    "ib700": ["-device", "ib700"], "usb-ccid": ["-usb", "-device", "usb-ccid"],
    "usb-hub": ["-usb", "-device", "usb-hub,port=2", "-device", "usb-mouse,usb_version=1,port=2.1"],
    "hda": ["-audiodev", "none,id=a", "-device", "intel-hda", "-device", "hda-duplex,audiodev=a"],
    "gus": ["-audiodev", "none,id=a", "-device", "gus,audiodev=a"],
    "cs4231a": ["-audiodev", "none,id=a", "-device", "cs4231a,audiodev=a"],
}
SCREENS = {
    "no screen": ["-vga", "none"],
    "std": ["-vga", "std", "-global", "VGA.vgamem_mb=16", "-global", "VGA.mmio=off"],
    "VMware's": ["-vga", "vmware", "-global", "vmware-svga.vgamem_mb=16"],
    "std in slot 5": ["-vga", "none", "-device", "VGA,addr=5,vgamem_mb=16,mmio=off"],
}
BY_HAND = {"k3": ["--set", "i8259:0/irq_base=0x20", "--set", "i8259:0/imr=0xfc",
                  "--set", "i8259:1/irq_base=0x28", "--set", "i8259:1/imr=0xff"]}
IMAGE = {"k3": "tickk"}
NOT_RUNNABLE = ("idle", "devonly")


def caravan(*arguments, data=None):
    return subprocess.run([CARAVAN, "vmstate", "convert", *arguments], input=data,
                          capture_output=True, timeout=120, check=False)


def runs(folder, told, disk, what, source="cat out", only_load=False):
    prepare(folder, told["command"], told["notes"], disk)
    with Loaded(folder, told["command"], source) as vm:
        check(vm.loads(), f"{what}: loads" + ("" if vm.process.poll() is None else vm.words()))
        if not only_load:
            wrong = vm.runs_on()
            check(wrong is None, f"{what}: runs on{'' if wrong is None else ': ' + wrong}")


def check_made(folder, devices, kvm_fork):
    """A stream of our own."""
    flavour = "qemu-kvm-1.0" if kvm_fork else "qemu-1.0"
    stream = os.path.join(folder, "old")
    data = old_stream.make(stream, folder, "-m", "16", *devices, kvm_fork=kvm_fork)
    told = convert(stream, os.path.join(folder, "out"))
    check(told["source"] == f"{flavour}, saved under TCG", f"it is told who wrote it: {flavour}")
    check(any("piix4_pm: version 2 -> 3" in edit for edit in told["edits"]), "and what is changed")
    runs(folder, told, GUEST, f"made, {flavour}, {told['machine']}")
    with open(stream, "rb") as file:
        check(file.read() == data, "the input is as it was")
    return stream, data


def check_devices(folder):
    stream, out = os.path.join(folder, "device"), os.path.join(folder, "out")
    for what in [*DEVICES, *SCREENS]:
        devices = DEVICES.get(what, [])
        memory = [] if "-m" in devices else ["-m", "16"]
        old_stream.make(stream, folder, *memory, *devices, screen=SCREENS.get(what))
        for machine in ("pc-i440fx-1.4", "pc-i440fx-7.2"):
            told = convert(stream, out, "--to", machine)
            runs(folder, told, GUEST, f"made, {what}, {machine}")


def check_qxl(folder, *machines):
    """As QEMU 1.0 had it: revision 3, a first surface of 16 MiB, no monitors."""
    stream = os.path.join(folder, "qxl")
    old_stream.make(stream, folder, "-m", "16", screen=[
        "-vga", "qxl", "-global", "qxl-vga.revision=3", "-global", "qxl-vga.vgamem_mb=16", "-spice",
        f"unix=on,addr={folder}/saved.sock,disable-ticketing=on"])
    for machine in machines:
        told = convert(stream, os.path.join(folder, "out"), "--to", machine)
        check(any("revision=3" in words for words in told["command"]), "the card is told as it was")
        runs(folder, told, GUEST, f"made, qxl in VGA mode, {machine}")


def check_pipes(folder, stream):
    told = convert(stream, os.path.join(folder, "out"), "--to", "pc-i440fx-7.2")
    runs(folder, told, GUEST, "made, pc-i440fx-7.2, in the pipe of -incoming",
         f"{CARAVAN} vmstate convert -q --to pc-i440fx-7.2 - - <old")
    with open(os.path.join(folder, "out"), "rb") as file:
        whole = file.read()
    with open(stream, "rb") as file:
        data = file.read()
    packed = subprocess.run(["gzip", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    for what, given in (("a pipe", data), ("a packed pipe", packed)):
        done = caravan("--to", "pc-i440fx-7.2", "-", "-", data=given)
        check(done.returncode == 0 and done.stdout == whole, f"{what} gives the same bytes")
        check(b"load with" in done.stderr, "and the report goes to standard error")


def check_again(folder):
    """What is converted is a stream like another: it says what it is, and goes on to other types."""
    told = convert(os.path.join(folder, "out"), os.path.join(folder, "again"))
    check(told["machine"] == "pc-i440fx-7.2" and not
          [e for e in told["edits"] if "configuration" not in e], "converting again changes nothing")


def check_nothing_left(folder, stream, data):
    out = os.path.join(folder, "none")
    done = caravan("--dry-run", stream)
    check(done.returncode == 0 and b"piix4_pm" in done.stdout, "a dry run tells what would be done")
    for at in range(len(data) - 40000, len(data), 4001):
        done = caravan("-", out, data=data[:at])
        check(done.returncode == 2 and done.stderr, f"cut at {at} of {len(data)}: "
              + done.stderr.decode().strip().rsplit("convert: ", 1)[-1][:100])
    at = data.index(b"\x0cvirtio-blkxx") if b"virtio-blkxx" in data else data.index(b"\x07i2c_bus")
    for what, changed, words in (
            ("a device that is not known", data[:at] + b"\x07quantum" + data[at + 8:], b"quantum"),
            ("a version that is not known", data[:at + 12] + b"\0\0\0\x09" + data[at + 16:],
             b"version 9")):
        done = caravan("-", out, data=changed)
        check(done.returncode == 3 and words in done.stderr,
              f"{what} is refused: {done.stderr.decode().strip()[-120:]}")
    check(caravan("--to", "q35", stream, out).returncode == 1, "so is a machine type")
    check(caravan(stream, stream).returncode == 1, "in place it is not done")
    check(not glob.glob(out + "*"), "of all that no file is left")


def check_given(folder, name, *machines):
    """A stream that qemu-kvm 1.0 really wrote."""
    disk = os.path.join(STREAMS, "guest", IMAGE.get(name, name) + ".img")
    disk = disk if os.path.exists(disk) else os.path.join(STREAMS, "guest", "tick.img")
    stream = os.path.join(STREAMS, name + ".mig.gz")
    for machine in machines:
        told = convert(stream, os.path.join(folder, "out"), "--to", machine, *BY_HAND.get(name, ()))
        runs(folder, told, disk, f"{name}, {told['source']}, {machine}",
             only_load=name.endswith(NOT_RUNNABLE))


def check_streams(folder, everything):
    names = [os.path.basename(p)[:-len(".mig.gz")] for p in glob.glob(STREAMS + "/*.mig.gz")]
    if not names:
        print("left out: no streams in ../shared/streams")
        return
    for name in sorted(names) if everything else FEW:
        check_given(folder, name, "pc-i440fx-1.4", *(NEW_TYPES if everything else []))
    if everything:
        check_given(folder, "tick", *ALL_TYPES)
    if "k3" in names:
        done = caravan("-n", os.path.join(STREAMS, "k3.mig.gz"))
        check(done.returncode == 3 and b"--set i8259:0/irq_base" in done.stderr,
              "k3: what is lost is told, with its remedy")


def main():
    need_qemu()
    folder = tempfile.mkdtemp(prefix="caravan-test-")
    try:
        everything = "--all" in sys.argv
        check_made(folder, [], kvm_fork=False)
        devices = ["-usb", "-device", "usb-tablet,usb_version=1", "-audiodev", "none,id=a",
                   "-device", "AC97,audiodev=a"]
        stream, data = check_made(folder, devices, kvm_fork=True)
        check_pipes(folder, stream)
        check_again(folder)
        check_nothing_left(folder, stream, data)
        check_qxl(folder, "pc-i440fx-1.4", *(NEW_TYPES if everything else []))
        if everything:
            check_devices(folder)
        check_streams(folder, everything)
    finally:
        shutil.rmtree(folder)


main()
