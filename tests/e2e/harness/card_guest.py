# SPDX-License-Identifier: MIT
"""The card guest of tests/guest-card: Debian's pcscd and OpenSC, and clients with a software card."""
import os
import shutil
import subprocess

from . import guest
from .client import Client
from .echo import PYTHON, check_introspection
from .run import Failure, Skip, check, until
from .shell import ShellVm, shell_port
from .vm import START_SECONDS, Spice, free_port

VIEWER = os.path.join(os.path.dirname(__file__), "card_viewer.py")
BUILD_SECONDS = 300
BOOT_SECONDS = 90
CARD_SECONDS = 30
COMMAND_LINE = "console=ttyS0 quiet loglevel=3 panic=-1"
CONTROLLERS = {"uhci": "piix3-usb-uhci", "xhci": "qemu-xhci"}
PKCS11 = "pkcs11-tool --module /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
PIN = "1234"  # the software card takes any


def prepare(bench):
    """The folder with the guest's files (guest.prepare)."""
    return guest.prepare(bench, "card", BUILD_SECONDS)


def machine(bench, folder, name, usb):
    """The arguments of a machine that boots it; usb: one of CONTROLLERS."""
    return ["-m", "192", "-smp", "1", "-vga", "std", "-device", "virtio-serial-pci",
            *shell_port(bench, name), "-device", f"{CONTROLLERS[usb]},id=usb",
            "-device", "usb-ccid,id=ccid,bus=usb.0", "-chardev", "spicevmc,id=card,name=smartcard",
            "-device", "ccid-card-passthru,chardev=card,bus=ccid.0",
            "-kernel", os.path.join(folder, "vmlinux"), "-initrd", os.path.join(folder, "initrd"),
            "-append", COMMAND_LINE]


class CardVm(ShellVm):
    """A QEMU with the card guest."""

    def __init__(self, bench, name, usb, come_from=None, environment=None):
        super().__init__(bench, name, Spice.tcp(), machine(bench, prepare(bench), name, usb),
                         come_from, environment)

    def wait_card(self, state):
        """Waits until the reader has a card ("present"), or none ("absent"); the ATR."""
        return self.shell(f"card wait {state} {CARD_SECONDS}", CARD_SECONDS + 5).split(": ")[-1]

    def reaches(self, viewer):
        """Whether a command goes to the card of that client."""
        before = viewer.apdus()
        status, _said = self.run("card say 00a4040007a0000000790100")
        return status == 0 and viewer.apdus() > before

    def certificates(self):
        """The subjects of the card's certificates, as OpenSC reads them."""
        text = self.run(f"{PKCS11} --list-objects --type cert 2>&1", 60)[1]
        return [line.split("CN=")[1] for line in text.splitlines() if "subject:" in line]

    # -- exchanges without an end --

    def start_counting(self):
        self.shell("rm -f /run/count*; (card count /run/count > /run/count.said 2>&1; "
                   "echo $? > /run/count.status) > /dev/null 2>&1 &")

    def counted(self):
        """How many answers the card has given so far, all of them right."""
        text = self.shell("cat /run/count.status /run/count.said /run/count 2> /dev/null || true")
        check(not text or text.endswith(("so far", "rests")), f"the exchange has ended: {text}")
        return int(text.split()[0]) if text else 0

    def go_on(self, answers, seconds=60):
        """Waits for that many more."""
        wanted = self.counted() + answers
        try:
            until(lambda: self.counted() >= wanted, seconds, f"{answers} more answers of the card", 0.1)
        except Failure:
            self.bench.say(f"{self.counted()} of {wanted}; the guest's service says:")
            print(self.run("tail -40 /run/pcscd.log; ps | grep -w card")[1], flush=True)
            raise

    def rest(self):
        """Waits until no command is under way, and keeps it so."""
        self.shell("touch /run/count.rest")
        self.until("grep rests /run/count", 60, "rest of the exchange")

    def rest_no_more(self):
        self.shell("rm /run/count.rest")

    def stop_counting(self):
        """How many there were in all."""
        self.shell("touch /run/count.stop")
        self.until("cat /run/count.status", 60, "end of the exchange")
        said = self.shell("cat /run/count.status /run/count.said /run/count").split()
        check(said[0] == "0" and said[-2:] == ["in", "all"], f"the exchange has ended: {said}")
        return int(said[1])


def boot(bench, usb, name="host0", environment=None):
    """A VM whose guest has its reader."""
    vm = CardVm(bench, name, usb, environment=environment)
    vm.wait_line("ready", BOOT_SECONDS)
    errors = [line for line in vm.serial_lines() if line.startswith("error")]
    check(not errors, f"{name}: {errors}")
    vm.wait_card("absent")
    bench.say(f"{name}: the guest has its card reader, {vm.library}")
    return vm


def target(bench, usb, name, environment=None):
    """A VM that waits for such a guest, and its migration port."""
    port = free_port()
    vm = CardVm(bench, name, usb, f"tcp:127.0.0.1:{port}", environment)
    until(lambda: vm.qmp.command("query-status")["status"] == "inmigrate", START_SECONDS, "inmigrate")
    return vm, port


# -- the card --

class Card:
    """Three certificates of an authority in an NSS database, as libcacard reads them."""

    def __init__(self, bench, name):
        if not shutil.which("certutil"):
            raise Skip("no certutil (libnss3-tools)")
        self.name, self.folder = name, bench.path(f"card-{name}")
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "noise"), "wb") as file:
            file.write(os.urandom(64))
        self._certutil("-N", "--empty-password")
        self._make("ca", 1, "-x", "-t", "TC,TC,TC")
        for number in (1, 2, 3):
            self._make(f"card{number}", 10 + number, "-c", "ca", "-t", ",,")

    def _certutil(self, *arguments, output=subprocess.DEVNULL):
        done = subprocess.run(["certutil", "-d", f"sql:{self.folder}", *arguments], text=True, timeout=60,
                              stdout=output, stderr=subprocess.PIPE, check=False)
        check(done.returncode == 0, f"certutil {arguments}: {done.stderr}")
        return done.stdout

    def _make(self, name, serial, *more):
        self._certutil("-S", "-n", name, "-s", f"CN={self.name} {name}", "-m", str(serial), "-v", "120",
                       "-z", os.path.join(self.folder, "noise"), *more)

    def certificate(self):
        """The first one, as text (PEM)."""
        return self._certutil("-L", "-n", "card1", "-a", output=subprocess.PIPE).replace("\r", "")


class CardViewer(Client):
    """A GObject client with that card in its reader."""

    def __init__(self, bench, vm, name, card):
        check_introspection()
        super().__init__(bench, name, vm.spice.uri, environment={"SPICE_DEBUG": "1"},
                         command=[PYTHON, VIEWER, vm.spice.uri, card.folder])
        self.wait_event("opened", 30, type="smartcard")

    def apdus(self):
        """How many commands it was given for its card."""
        return self.logged().count(" handle msg 7")

    def nothing_closed(self):
        closed = self.seen(["closed"])
        check(not closed, f"{self.name}: {closed}")
